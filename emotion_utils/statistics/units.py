"""Paired differences gathered by unit, so that whole units are resampled, flipped or left out by sums alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from emotion_utils.errors import UserError
from emotion_utils.resampling import FEWEST_UNITS

__all__ = ["FEWEST_PAIRS", "FEWEST_UNITS", "UnitSums", "scales", "unit_codes", "unit_sums"]

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
