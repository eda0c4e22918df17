"""P values of permutation nulls, where a draw that ties with the observed value counts as one, however it was summed.

A draw that happens to give the observed value again does so only up to rounding, since sums are taken in another order.
Compared bit by bit, half of such ties would count as smaller and p would come out too small.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import beta

from emotion_utils.core.errors import UserError

TIE = 1e-12
"""Values that differ by less than this share of the largest one are the same."""


def permutation_p(ours: np.ndarray | float, null: np.ndarray) -> np.ndarray:
    """Share of draws that are at least as large as the observed value, which is counted as a draw itself.

    Parameters
    ----------
    ours
        Observed, shape ``(...)``.
    null
        Draws, shape ``(draw, ...)``. A draw that is NaN is left out. For the lower tail pass both with the other sign;
        for both tails, distances from the middle.

    Returns
    -------
    (1 + draws at least as large) / (1 + draws), shape ``(...)`` {cite:p}`phipson2010`; NaN where the observed value is.

    Examples
    --------
    >>> import numpy as np
    >>> import emotion_utils as eu
    >>> float(eu.permutation_p(3.0, np.array([1.0, 2.0, 3.0])))
    0.5
    """
    ours, null = np.asarray(ours, dtype=np.float64), np.asarray(null, dtype=np.float64)
    sizes = np.abs(np.concatenate([ours[None], null]))
    scale = np.where(np.isfinite(sizes), sizes, 0).max(axis=0)
    drawn = (~np.isnan(null)).sum(axis=0)
    p = (1 + (null >= ours - TIE * scale).sum(axis=0)) / (1 + drawn)
    return np.where(np.isnan(ours), np.nan, p)


LEVEL = 0.05


def binomial_bounds(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper-Pearson) bounds of a rate.

    Parameters
    ----------
    hits, n
        So many of so many.
    level
        Coverage of the interval.
    """
    if not 0 <= hits <= n or n < 1:
        raise UserError(f"A rate of {hits} out of {n} is none: count again.")
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def permute_blocks(labels: np.ndarray, blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exchange labels between whole blocks: rows of one block keep a common label.

    Parameters
    ----------
    labels
        One per row, constant within a block, shape (n,).
    blocks
        Numbers from 0, shape (n,).
    """
    first = np.unique(blocks, return_index=True)[1]
    return labels[first][rng.permutation(len(first))][blocks]


def family_blocks(prompts: pd.DataFrame) -> np.ndarray:
    """Number the rows that keep a common label in a permutation: those of one family and emotion."""
    return pd.factorize(prompts["group"].astype(str) + "\0" + prompts["emotion"])[0]
