"""Intervals that respect the unit: prompts are resampled by whole groups, never one by one.

The middle 95 % of bootstrap draws is too narrow where there are few units: it lacks the factor n / (n - 1) of the
variance and the tails of Student's t {cite:p}`hesterberg2015`, and near the end of a scale draws stop varying. What
is given here is a t interval with the variance of the draws; on a bounded scale the variance follows the value as
that of a share does {cite:p}`wilson1927`. `calibration.coverage` measures how often it holds the truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Num, Shaped
from scipy.stats import t as student

from emotion_utils.splits import connected_groups

__all__ = [
    "FEWEST_UNITS",
    "area_under_curve",
    "effective_units",
    "grouped_auc_draws",
    "grouped_auc_interval",
    "grouped_mean_interval",
    "interval",
    "resampling_units",
    "unit_weights",
]

FEWEST_UNITS = 8
"""Below this number no interval is given and no test is made."""
LEVEL = (0.025, 0.975)
LOST = 0.025
"""Of one unit: how far the end of a scale is taken to be away even where no resample shows it."""


def resampling_units(prompts: pd.DataFrame) -> np.ndarray:
    """Number the units that are resampled together: rows that share a template family or a pair.

    Returns
    -------
    One integer per row, shape (n_prompts,).
    """
    return connected_groups(prompts, [key for key in ("group", "pair_id") if key in prompts])


def unit_weights(groups: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each prompt is drawn when whole groups are resampled, shape (n_resamples, n_prompts)."""
    codes, uniques = pd.factorize(np.asarray(groups), sort=True)
    return _weights(len(uniques), n_resamples, rng)[:, codes]


def _weights(n_groups: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each group is drawn in each resample, shape (n_resamples, n_groups)."""
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples).astype(float)


def effective_units(
    groups: Shaped[np.ndarray, " n"], positive: Bool[np.ndarray, " n"] | None = None
) -> float:
    """How many equal units would make as sure as these.

    Units of unequal size, or a class that few of them have, leave a variance with fewer degrees of freedom; this is
    Satterthwaite's number for units that all vary alike, and one more {cite:p}`imbens2016`.

    Parameters
    ----------
    groups
        The unit of each prompt.
    positive
        Class of each prompt, where classes are compared.

    Returns
    -------
    The number of units where all are alike, less otherwise; NaN with fewer than :data:`FEWEST_UNITS` units.
    """
    codes, uniques = pd.factorize(np.asarray(groups))
    if len(uniques) < FEWEST_UNITS:
        return float("nan")
    sides = [np.ones(len(codes))] if positive is None else [positive, ~positive]
    shares = [np.bincount(codes, weights=side) / max(side.sum(), 1) for side in sides]
    parts = np.square(shares).sum(axis=0)
    return float(parts.sum() ** 2 / np.square(parts).sum())


def grouped_mean_interval(
    values: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Interval (95 %) of a mean over prompts, groups resampled with replacement; see :func:`interval`.

    Parameters
    ----------
    values
        One per prompt, shape (n,).
    groups
        The unit of each prompt, shape (n,).
    n_resamples, seed
        Of the bootstrap.
    bounds
        Of the values: 0 and 1 for a share.

    Returns
    -------
    Low and high end; NaN with fewer than :data:`FEWEST_UNITS` groups.
    """
    codes, uniques = pd.factorize(np.asarray(groups))
    if len(uniques) < FEWEST_UNITS:
        return float("nan"), float("nan")
    sums, sizes = np.bincount(codes, weights=np.asarray(values, dtype=float)), np.bincount(codes)
    drawn = _weights(len(uniques), n_resamples, np.random.default_rng(seed))
    draws = (drawn @ sums) / (drawn @ sizes)
    return interval(draws, effective_units(groups), float(sums.sum() / sizes.sum()), bounds)


def _wins(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """1 where a positive scores above a negative, 1/2 where they tie, shape (n_positive, n_negative)."""
    above, below = scores[positive][:, None], scores[~positive][None, :]
    return (above > below) + 0.5 * (above == below)


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties counted half; NaN without both kinds."""
    wins = _wins(np.asarray(scores), np.asarray(positive, dtype=bool))
    return float(wins.mean()) if wins.size else float("nan")


def grouped_auc_draws(
    scores: np.ndarray,
    positive: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    universe: np.ndarray | None = None,
) -> np.ndarray:
    """Area under the ROC curve in each bootstrap resample of whole groups, NaN in one that lacks a class.

    Two scorers of the same prompts that are drawn with the same seed are resampled together: the difference of their
    draws gives a paired interval.

    Parameters
    ----------
    scores, positive, groups
        Score, class and unit of each prompt, shape (n,).
    n_resamples, seed
        Of the bootstrap.
    universe
        All units that are drawn from, where the prompts have only some of them: scores on different prompts that are
        drawn from one universe are resampled together too.

    Returns
    -------
    Shape (n_resamples,); all NaN where there are fewer than two groups.
    """
    positive = np.asarray(positive, dtype=bool)
    units = np.unique(np.asarray(groups) if universe is None else np.asarray(universe))
    codes = np.searchsorted(units, np.asarray(groups))
    if len(np.unique(codes)) < 2 or positive.all() or not positive.any():
        return np.full(n_resamples, np.nan)
    member = np.eye(len(units))[codes]  # (prompt, group)
    wins = member[positive].T @ _wins(np.asarray(scores), positive) @ member[~positive]  # (group, group)
    drawn = _weights(len(units), n_resamples, np.random.default_rng(seed))
    pairs = (drawn @ member[positive].sum(0)) * (drawn @ member[~positive].sum(0))
    won = ((drawn @ wins) * drawn).sum(axis=1)
    return np.divide(won, pairs, out=np.full(n_resamples, np.nan), where=pairs > 0)


def interval(
    draws: Num[np.ndarray, " draw"],
    units: float | None = None,
    value: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Interval (95 %) of a statistic from its bootstrap draws over whole units, those that are NaN left out.

    Parameters
    ----------
    draws
        Of the statistic, or of a difference of two that were resampled together.
    units
        From :func:`effective_units`, or their number. Without it the draws are no bootstrap of units, or those of a
        choice (a layer, a k): the middle 95 % of them are given.
    value
        The statistic itself; by default the mean of the draws.
    bounds
        Ends of the scale of something that is counted: 0 and 1 for a share or an area under the ROC curve, -1 and 1
        for a difference of two. The interval stays inside and has a width even where no draw differs.

    Returns
    -------
    Low and high end; NaN where all draws or the units are NaN, and where one unit decides.
    """
    kept = draws[~np.isnan(draws)]
    if not len(kept) or (units is not None and not units >= 2):
        return float("nan"), float("nan")
    if units is None:
        low, high = np.quantile(kept, LEVEL)
        return float(low), float(high)
    centre = float(kept.mean()) if value is None else value
    variance = float(kept.var()) * units / (units - 1)
    far = float(student.ppf(LEVEL[1], units - 1))
    if bounds is not None:
        return _bounded(centre, variance, far, units, bounds)
    half = far * float(np.sqrt(variance))
    return centre - half, centre + half


def _bounded(
    value: float, variance: float, far: float, units: float, bounds: tuple[float, float]
) -> tuple[float, float]:
    """All truths from which the value is at most so many standard errors away.

    The variance at a place x of the scale, from 0 to 1, is x (1 - x) times a constant: that of the draws, with a little
    of 1 / units, which it is where units are single observations.
    """
    width = bounds[1] - bounds[0]
    place = float(np.clip((value - bounds[0]) / width, 0, 1))
    little, spread = LOST / units, place * (1 - place)
    reach = far**2 * (variance / width**2 + little / units) / (spread + little)
    middle = (place + reach / 2) / (1 + reach)
    half = float(np.sqrt(reach * spread + reach**2 / 4)) / (1 + reach)
    return bounds[0] + width * max(middle - half, 0.0), bounds[0] + width * min(middle + half, 1.0)


def grouped_auc_interval(
    scores: np.ndarray, positive: np.ndarray, groups: np.ndarray, *, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Interval (95 %) of the area under the ROC curve; see :func:`grouped_auc_draws` and :func:`interval`."""
    positive = np.asarray(positive, dtype=bool)
    draws = grouped_auc_draws(scores, positive, groups, n_resamples=n_resamples, seed=seed)
    units = effective_units(np.asarray(groups), positive)
    return interval(draws, units, area_under_curve(scores, positive), (0.0, 1.0))
