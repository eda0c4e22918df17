"""Ranks of thousands of columns at once."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from emotion_utils.statistics.resampling import _weights, effective_units, interval


def sums_of_ranks(scores: Float[np.ndarray, "read ..."], chosen: Bool[np.ndarray, "read ..."]) -> np.ndarray:
    """Sum of the ranks of some reads in every column, equal scores at their mean rank.

    All columns are sorted along contiguous memory, and only those with ties pay for them.

    Parameters
    ----------
    scores
        The first axis is ranked.
    chosen
        Whose ranks are summed; each column has its own.

    Returns
    -------
    Shape ``(...)``; NaN for a column that holds a NaN.
    """
    n, shape = len(scores), scores.shape[1:]
    rows, labels = (np.moveaxis(values, 0, -1).reshape(math.prod(shape), n) for values in (scores, chosen))
    order = rows.argsort(axis=1)
    ordered, labels = (np.take_along_axis(values, order, axis=1) for values in (rows, labels))
    sums = labels @ np.arange(1.0, n + 1)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    sums[tied] = (labels[tied] * _mean_ranks(ordered[tied])).sum(axis=1)
    sums[np.isnan(ordered[:, -1:]).any(axis=1)] = np.nan
    return sums.reshape(shape)


def _mean_ranks(ordered: Float[np.ndarray, "column read"]) -> Float[np.ndarray, "column read"]:
    """Ranks of values in ascending order: equal ones share the mean of their places."""
    places, apart = np.arange(ordered.shape[1]), ordered[:, 1:] != ordered[:, :-1]
    edge = np.ones((len(ordered), 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.hstack([edge, apart]), places, 0), axis=1)
    ends = np.where(np.hstack([apart, edge]), places, len(places))
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    return 1 + (first + last) / 2


def areas(scores: Float[np.ndarray, "read ..."], positive: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of every column at once, by ranks; NaN without both classes.

    Parameters
    ----------
    scores
        The first axis are reads.
    positive
        Shape (read,), or a set of labels per column, shape (read, ...) with as many or fewer axes than ``scores``.

    Returns
    -------
    Shape ``(...)``.
    """
    mask = positive.reshape(positive.shape + (1,) * (scores.ndim - positive.ndim))
    up, down = mask.sum(axis=0), (~mask).sum(axis=0)
    won = sums_of_ranks(scores, np.broadcast_to(mask, scores.shape)) - up * (up + 1) / 2
    pairs = np.broadcast_to(up * down, won.shape)
    return np.divide(won, pairs, out=np.full(won.shape, np.nan), where=pairs > 0)


def _wins(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """1 where a positive scores above a negative, 1/2 where they tie, shape (n_positive, n_negative)."""
    above, below = scores[positive][:, None], scores[~positive][None, :]
    return (above > below) + 0.5 * (above == below)


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
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


def grouped_auc_interval(
    scores: np.ndarray, positive: np.ndarray, groups: np.ndarray, *, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Interval (95 %) of the area under the ROC curve; see :func:`grouped_auc_draws` and :func:`interval`."""
    positive = np.asarray(positive, dtype=bool)
    draws = grouped_auc_draws(scores, positive, groups, n_resamples=n_resamples, seed=seed)
    units = effective_units(np.asarray(groups), positive)
    return interval(draws, units, auroc(scores, positive), (0.0, 1.0))
