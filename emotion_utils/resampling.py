"""Intervals that respect the unit: prompts are resampled by whole groups, never one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.splits import connected_groups

__all__ = [
    "area_under_curve",
    "grouped_auc_draws",
    "grouped_auc_interval",
    "grouped_mean_interval",
    "interval",
    "resampling_units",
    "unit_weights",
]

LEVEL = (0.025, 0.975)


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


def grouped_mean_interval(
    values: np.ndarray, groups: np.ndarray, *, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval (95 %) of a mean over prompts, groups resampled with replacement.

    Parameters
    ----------
    values
        One per prompt, shape (n,).
    groups
        The unit of each prompt, shape (n,).
    n_resamples, seed
        Of the bootstrap.

    Returns
    -------
    Low and high end; NaN where there are fewer than two groups.
    """
    codes, uniques = pd.factorize(np.asarray(groups))
    if len(uniques) < 2:
        return float("nan"), float("nan")
    sums, sizes = np.bincount(codes, weights=np.asarray(values, dtype=float)), np.bincount(codes)
    drawn = _weights(len(uniques), n_resamples, np.random.default_rng(seed))
    low, high = np.quantile((drawn @ sums) / (drawn @ sizes), LEVEL)
    return float(low), float(high)


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
    won = np.einsum("bg,gh,bh->b", drawn, wins, drawn, optimize=True)
    return np.divide(won, pairs, out=np.full(n_resamples, np.nan), where=pairs > 0)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """Percentile interval (95 %) of bootstrap draws, those that are NaN left out; NaN where all are."""
    kept = draws[~np.isnan(draws)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, LEVEL)
    return float(low), float(high)


def grouped_auc_interval(
    scores: np.ndarray, positive: np.ndarray, groups: np.ndarray, *, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval (95 %) of the area under the ROC curve; see :func:`grouped_auc_draws`."""
    return interval(grouped_auc_draws(scores, positive, groups, n_resamples=n_resamples, seed=seed))
