"""Paired differences gathered by unit, so that whole units are resampled, flipped or left out by sums alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped
from scipy.special import gammaln

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.resampling import FEWEST_UNITS

FEWEST_PAIRS = 3
"""Below this number of pairs a difference has no effect size and no interval."""


@dataclass(frozen=True, eq=False)
class UnitSums:
    """Sums of paired differences within each unit.

    Attributes
    ----------
    counts, sums, squares
        Number of pairs, sum of the differences and of their squares, each of shape (unit, test).
    """

    counts: Float[np.ndarray, "unit test"]
    sums: Float[np.ndarray, "unit test"]
    squares: Float[np.ndarray, "unit test"]

    @property
    def pairs(self) -> Int[np.ndarray, " test"]:
        """Pairs of each test that have a difference."""
        return self.counts.sum(axis=0).astype(int)

    @property
    def units(self) -> Int[np.ndarray, " test"]:
        """Units of each test that have at least one pair."""
        return (self.counts > 0).sum(axis=0)

    @property
    def usable(self) -> np.ndarray:
        """Whether a test has enough pairs and units for an interval and a p value, shape (test,)."""
        return (self.pairs >= FEWEST_PAIRS) & (self.units >= FEWEST_UNITS)


def scales(differences: Float[np.ndarray, "pair test"]) -> Float[np.ndarray, " test"]:
    """Largest absolute difference of each test, 1 where there is none: what is divided by it has squares above 0."""
    sizes = np.abs(np.asarray(differences, dtype=np.float64))
    largest = np.where(np.isfinite(sizes), sizes, 0.0).max(axis=0, initial=0.0)
    return np.where(largest > 0, largest, 1.0)


def unit_sums(
    differences: Float[np.ndarray, "pair test"], units: Shaped[np.ndarray, " label"] | None = None
) -> UnitSums:
    """Gather differences by unit.

    Parameters
    ----------
    differences
        Changed minus untouched, one column per test; NaN where a side of the pair is missing, which leaves the whole
        pair out of that test.
    units
        What was drawn together, such as prompts of one template; by default every pair is its own unit.

    Raises
    ------
    UserError
        Where a difference is infinite, or the numbers of rows differ.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise UserError(
            f"Differences of shape {values.shape} hold no pair: give one row per pair, one column per test."
        )
    named = np.arange(len(values)) if units is None else np.asarray(units)
    if len(named) != len(values):
        raise UserError(f"There are {len(values)} pairs and {len(named)} units: give one unit per pair.")
    wrong = np.argwhere(np.isinf(values))
    if len(wrong):
        pair, test = wrong[0]
        raise UserError(
            f"The difference of pair {pair} in test {test} is {values[pair, test]}: leave out what was not measured "
            "as NaN, and look for a division by zero."
        )
    codes, names = unit_codes(named)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    parts = [_gathered(part, codes, len(names)) for part in (known.astype(float), filled, filled**2)]
    return UnitSums(*parts)


def unit_codes(units: Shaped[np.ndarray, " label"]) -> tuple[Int[np.ndarray, " label"], np.ndarray]:
    """Number the units from 0, and name them; a pair without a unit is refused."""
    unknown = np.flatnonzero(pd.isna(units))
    if len(unknown):
        raise UserError(f"Pair {unknown[0]} has no unit: name the template or prompt that it belongs to.")
    codes, names = pd.factorize(np.asarray(units), sort=True)
    return codes.astype(int), np.asarray(names)


def _gathered(
    values: Float[np.ndarray, "pair test"], codes: Int[np.ndarray, " pair"], n: int
) -> Float[np.ndarray, "unit test"]:
    """Sum of each unit's rows."""
    sums = np.zeros((n, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


ROUNDING = 1e-12
"""A variance that is a smaller share of the mean square is rounding: all differences are equal."""


def means(sums: UnitSums) -> Float[np.ndarray, " test"]:
    """Mean difference of each test, in the outcome's unit; NaN without any pair."""
    pairs = sums.counts.sum(axis=0)
    return np.divide(sums.sums.sum(axis=0), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def cohens_d_z(sums: UnitSums) -> Float[np.ndarray, " test"]:
    """Mean difference over the standard deviation of the differences {cite:p}`cohen1988`.

    Returns
    -------
    In standard deviations; 0 where all differences are 0, NaN where they are equal but not 0, or fewer than three.
    """
    pairs = sums.counts.sum(axis=0)
    found = moments_d_z(pairs, sums.sums.sum(axis=0), sums.squares.sum(axis=0))
    return np.where(pairs >= FEWEST_PAIRS, found, np.nan)


def moments_d_z(
    pairs: Float[np.ndarray, "*shape"],
    sums: Float[np.ndarray, "*shape"],
    squares: Float[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape"]:
    """d_z from the number of pairs, the sum of the differences and that of their squares."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, variance = sums / pairs, variances(pairs, sums, squares)
        spread = variance > ROUNDING * squares / pairs
        return np.where(
            spread, mean / np.sqrt(np.where(spread, variance, 1.0)), np.where(squares == 0, 0.0, np.nan)
        )


def variances(
    pairs: Float[np.ndarray, "*shape"],
    sums: Float[np.ndarray, "*shape"],
    squares: Float[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape"]:
    """Variance of the differences from the number of pairs, their sum and that of their squares."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = (squares / pairs - (sums / pairs) ** 2) * pairs / (pairs - 1)
    return found


def correction(pairs: Int[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Factor that makes d_z unbiased, Hedges' g = factor x d_z, exact for normal differences {cite:p}`hedges1981`."""
    freedom = np.asarray(pairs, dtype=float) - 1
    kept = freedom >= FEWEST_PAIRS - 1
    safe = np.where(kept, freedom, 2.0)
    factor = np.exp(gammaln(safe / 2) - gammaln((safe - 1) / 2)) / np.sqrt(safe / 2)
    return np.where(kept, factor, np.nan)
