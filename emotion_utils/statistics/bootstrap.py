"""Bootstrap intervals of paired effects, thousands of tests at once.

One matrix says how often each unit is drawn in each resample; multiplied with the sums of the units it gives the
resampled means of all tests. Nothing is drawn twice, and all tests see the same resamples, so that differences between
tests are resampled in step.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from emotion_utils.statistics.resampling import ENDS, unit_weights
from emotion_utils.statistics.units import UnitSums, cohens_d_z, means, moments_d_z

CHUNK = 512
"""Tests whose resamples are held in memory at once."""

Kind = Literal["expanded", "bca", "percentile"]
Statistic = Literal["mean", "d_z"]


class Interval(NamedTuple):
    """Ends of the intervals of all tests, each of shape (test,)."""

    low: Float[np.ndarray, " test"]
    high: Float[np.ndarray, " test"]


def bootstrap(
    sums: UnitSums,
    statistic: Statistic = "mean",
    *,
    kind: Kind = "expanded",
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval (95 %) of the mean difference or of d_z of every test, whole units resampled.

    Parameters
    ----------
    sums
        From :func:`emotion_utils.statistics.units.unit_sums`.
    statistic
        ``mean``, in the outcome's unit, or ``d_z``, in standard deviations of the differences.
    kind
        ``bca``: corrected for bias and skew, the acceleration from leaving out each unit {cite:p}`efron1987`.
        ``expanded``: the same, with the tails of Student's t and the factor n / (n - 1) of the variance for the number
        of units, which draws lack {cite:p}`hesterberg2015`; with few units the others are too narrow. ``percentile``:
        the middle 95 % of the draws, as the reports have it.
    n_resamples, seed
        Of the resamples, which all tests share.

    Returns
    -------
    Low and high ends; NaN where a test has too few pairs or units, or the statistic is not defined.
    """
    weights = unit_weights(np.arange(len(sums.sums)), n_resamples, np.random.default_rng(seed))
    n_tests = sums.sums.shape[1]
    low, high = np.full(n_tests, np.nan), np.full(n_tests, np.nan)
    for start in range(0, n_tests, CHUNK):
        chosen = slice(start, start + CHUNK)
        part = UnitSums(sums.counts[:, chosen], sums.sums[:, chosen], sums.squares[:, chosen])
        low[chosen], high[chosen] = _ends(part, statistic, weights, kind)
    return Interval(np.where(sums.usable, low, np.nan), np.where(sums.usable, high, np.nan))


def _ends(sums: UnitSums, statistic: Statistic, weights: np.ndarray, kind: Kind) -> Interval:
    drawn = _statistic(sums, statistic, weights)
    undefined = np.isnan(drawn)
    drawn.sort(axis=1)  # NaN last
    known = drawn.shape[1] - undefined.sum(axis=1)
    probabilities = np.broadcast_to(ENDS, (len(drawn), 2))
    if kind == "expanded":
        probabilities = _expanded(probabilities, sums.units)
    if kind != "percentile":
        ours = means(sums) if statistic == "mean" else cohens_d_z(sums)
        probabilities = _corrected(probabilities, _bias(drawn, ours, known), _acceleration(sums, statistic))
    ends = _quantiles(drawn, known, probabilities)
    return Interval(ends[:, 0], ends[:, 1])


def _statistic(
    sums: UnitSums, statistic: Statistic, weights: Float[np.ndarray, "draw unit"]
) -> Float[np.ndarray, "test draw"]:
    """The statistic of every test in every resample."""
    whole = (sums.counts == sums.counts[:, :1]).all()
    # where no pair is missing, all tests share one row of counts
    counts = (sums.counts[:, :1] if whole else sums.counts).T @ weights.T
    total = sums.sums.T @ weights.T
    if statistic == "mean":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(total, counts, out=total) if counts.all() else total / counts
    squares = sums.squares.T @ weights.T
    return moments_d_z(np.broadcast_to(counts, total.shape), total, squares)


def _expanded(probabilities: np.ndarray, units: np.ndarray) -> Float[np.ndarray, "test end"]:
    """Levels further out, by as much as a t interval of this number of units is wider than a normal one of draws."""
    n = np.maximum(units, 2)[:, None]
    return ndtr(student.ppf(probabilities, n - 1) * np.sqrt(n / (n - 1)))


def _bias(drawn: np.ndarray, ours: np.ndarray, known: np.ndarray) -> Float[np.ndarray, " test"]:
    """Z of the share of draws below the statistic, ties counted half."""
    near = 1e-12 * np.maximum(np.abs(ours), np.nanmax(np.abs(drawn), axis=1, initial=0.0))
    below = (drawn < (ours - near)[:, None]).sum(axis=1) + (drawn <= (ours + near)[:, None]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ndtri(below / (2 * known))


def _acceleration(sums: UnitSums, statistic: Statistic) -> Float[np.ndarray, " test"]:
    """Skew of the statistic from its values without each unit, a sixth of it."""
    member = sums.counts > 0
    counts, total, squares = (part.sum(axis=0) - part for part in (sums.counts, sums.sums, sums.squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        left = total / counts if statistic == "mean" else moments_d_z(counts, total, squares)
    kept = member & np.isfinite(left)
    left = np.where(kept, left, 0.0)
    n = kept.sum(axis=0)
    gap = np.where(kept, left.sum(axis=0) / np.maximum(n, 1) - left, 0.0)
    spread = (gap**2).sum(axis=0) ** 1.5
    return np.divide((gap**3).sum(axis=0), 6 * spread, out=np.zeros(len(spread)), where=spread > 0)


def _corrected(
    probabilities: np.ndarray, bias: np.ndarray, acceleration: np.ndarray
) -> Float[np.ndarray, "test end"]:
    """Which quantiles of the draws the ends are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = ndtri(probabilities) + bias[:, None]
        moved = ndtr(bias[:, None] + z / (1 - acceleration[:, None] * z))
    # where every draw is on one side there is nothing to correct by: the outermost draws remain
    return np.where(np.isfinite(bias)[:, None], moved, np.array([0.0, 1.0]))


def _quantiles(
    drawn: Float[np.ndarray, "test draw"], known: np.ndarray, probabilities: Float[np.ndarray, "test end"]
) -> Float[np.ndarray, "test end"]:
    """Quantiles of sorted draws, between two draws in proportion; NaN where no draw is defined."""
    place = probabilities * np.maximum(known - 1, 0)[:, None]
    under = np.floor(np.nan_to_num(place)).astype(int)
    over = np.minimum(under + 1, np.maximum(known - 1, 0)[:, None])
    a, b = (np.take_along_axis(drawn, index, axis=1) for index in (under, over))
    return a + (b - a) * (place - under)
