"""Ranks of thousands of columns at once."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["sums_of_ranks"]


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
