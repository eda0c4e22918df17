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
        Half width of the region of no interest, in the outcome's unit; by default :data:`SMALLEST` standard deviations
        of the test's own differences.

    Returns
    -------
    The larger p of the two tests. NaN with too few pairs or units; with differences that are all the same, 0 where they
    lie inside the bound and 1 where not; NaN where pairs differ and units do not, which leaves no error to go by.
    """
    pairs, mean = sums.counts.sum(axis=0), means(sums)
    if bounds is None:
        variance = variances(pairs, sums.sums.sum(axis=0), sums.squares.sum(axis=0))
        bounds = SMALLEST * np.sqrt(np.clip(variance, 0, None))
    elif (np.asarray(bounds) <= 0).any():
        raise UserError(f"A bound of {np.min(bounds)} leaves no room for equivalence: give one above 0.")
    units = sums.units
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = sums.sums - sums.counts * mean
        error = np.sqrt((rest**2).sum(axis=0) * units / (units - 1)) / pairs
        error = np.where(error > ROUNDING * np.abs(mean), error, 0.0)
        freedom = np.maximum(units - 1, 1)
        above = student.sf((mean + bounds) / error, freedom)
        below = student.cdf((mean - bounds) / error, freedom)
    half = student.ppf(1 - LEVEL, freedom) * error
    same = sums.squares.sum(axis=0) - pairs * mean**2 <= ROUNDING * sums.squares.sum(axis=0)
    certain = np.where(np.abs(mean) < bounds, 0.0, 1.0)
    p = np.where(error > 0, np.maximum(above, below), np.where(same, certain, np.nan))
    return Equivalence(*(np.where(sums.usable, part, np.nan) for part in (p, mean - half, mean + half)))
