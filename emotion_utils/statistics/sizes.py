"""Effect sizes of a paired design, in closed form, for thousands of tests at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from emotion_utils.statistics.units import FEWEST_PAIRS, UnitSums

__all__ = ["cohens_d_z", "correction", "means", "moments_d_z", "variances"]

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
