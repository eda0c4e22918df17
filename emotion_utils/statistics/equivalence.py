"""Two one-sided tests, by which "no effect" can be a finding: the effect is smaller than one that would matter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.units import ROUNDING, UnitSums, means, variances

SMALLEST = 0.2
"""The smallest effect of interest, in standard deviations of the differences: a small effect {cite:p}`cohen1988`."""


class Equivalence(NamedTuple):
    """P value of the two one-sided tests, and the 90 % interval that they go with, each of shape (test,)."""

    p: Float[np.ndarray, " test"]
    low: Float[np.ndarray, " test"]
    high: Float[np.ndarray, " test"]


def equivalence(sums: UnitSums, bounds: Float[np.ndarray, " test"] | None = None) -> Equivalence:
    """Whether each mean difference lies inside plus and minus its bound {cite:p}`schuirmann1987`.

    The variance of the mean is that between units, so that pairs of one unit count as what they are. Where the bound is
    a multiple of the standard deviation, that is taken as known.

    Parameters
    ----------
    sums
        From :func:`emotion_utils.statistics.units.unit_sums`.
    bounds
        Half width of the region of no interest, in the outcome's unit; where it is NaN, and by default,
        :data:`SMALLEST` standard deviations of the test's own differences.

    Returns
    -------
    The larger p of the two tests. NaN with too few pairs or units; with differences that are all the same, 0 where they
    lie inside the bound and 1 where not; NaN where pairs differ and units do not, which leaves no error to go by.
    """
    pairs, mean = sums.counts.sum(axis=0), means(sums)
    bounds, error, freedom = half_widths(sums, bounds), _standard_error(sums), _freedom(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = student.sf((mean + bounds) / error, freedom)
        below = student.cdf((mean - bounds) / error, freedom)
    half = student.ppf(1 - LEVEL, freedom) * error
    same = sums.squares.sum(axis=0) - pairs * mean**2 <= ROUNDING * sums.squares.sum(axis=0)
    certain = np.where(np.abs(mean) < bounds, 0.0, 1.0)
    p = np.where(error > 0, np.maximum(above, below), np.where(same, certain, np.nan))
    return Equivalence(*(np.where(sums.usable, part, np.nan) for part in (p, mean - half, mean + half)))


def equivalence_power(
    sums: UnitSums, bounds: Float[np.ndarray, " test"] | None = None
) -> Float[np.ndarray, " test"]:
    """Chance that an effect of exactly 0 would be recognised as smaller than its bound, with the error that was seen.

    Parameters
    ----------
    sums, bounds
        As of :func:`equivalence`.

    Returns
    -------
    From 0 to 1: that the 90 % interval around 0 lies inside the bound; NaN with too few pairs or units.
    """
    widths, error, freedom = half_widths(sums, bounds), _standard_error(sums), _freedom(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = widths / error - student.ppf(1 - LEVEL, freedom)
    chance = np.where(error > 0, np.clip(2 * student.cdf(reach, freedom) - 1, 0, 1), 1.0)
    return np.where(sums.usable, chance, np.nan)


def half_widths(
    sums: UnitSums, bounds: Float[np.ndarray, " test"] | None = None
) -> Float[np.ndarray, " test"]:
    """The bounds in the outcome's unit; where none is given, :data:`SMALLEST` standard deviations of the differences.

    Raises
    ------
    UserError
        For a bound of 0 or less.
    """
    pairs = sums.counts.sum(axis=0)
    variance = variances(pairs, sums.sums.sum(axis=0), sums.squares.sum(axis=0))
    usual = SMALLEST * np.sqrt(np.clip(variance, 0, None))
    if bounds is None:
        return usual
    if (np.asarray(bounds) <= 0).any():
        raise UserError(f"A bound of {np.min(bounds)} leaves no room for equivalence: give one above 0.")
    return np.where(np.isnan(bounds), usual, bounds)


def _standard_error(sums: UnitSums) -> Float[np.ndarray, " test"]:
    """Of each mean, from the variance between units; 0 where that is rounding."""
    mean, units = means(sums), sums.units
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = sums.sums - sums.counts * mean
        error = np.sqrt((rest**2).sum(axis=0) * units / (units - 1)) / sums.counts.sum(axis=0)
        kept: np.ndarray = np.where(error > ROUNDING * np.abs(mean), error, 0.0)
    return kept


def _freedom(sums: UnitSums) -> Float[np.ndarray, " test"]:
    return np.maximum(sums.units - 1, 1).astype(float)
