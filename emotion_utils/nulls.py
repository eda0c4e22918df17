"""P values of permutation nulls, where a draw that ties with the observed value counts as one, however it was summed.

A draw that happens to give the observed value again does so only up to rounding, since sums are taken in another order.
Compared bit by bit, half of such ties would count as smaller and p would come out too small.
"""

from __future__ import annotations

import numpy as np

__all__ = ["TIE", "permutation_p"]

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
    """
    ours, null = np.asarray(ours, dtype=np.float64), np.asarray(null, dtype=np.float64)
    sizes = np.abs(np.concatenate([ours[None], null]))
    scale = np.where(np.isfinite(sizes), sizes, 0).max(axis=0)
    drawn = (~np.isnan(null)).sum(axis=0)
    p = (1 + (null >= ours - TIE * scale).sum(axis=0)) / (1 + drawn)
    return np.where(np.isnan(ours), np.nan, p)
