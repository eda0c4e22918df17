"""The reports' way of making an interval: a loop over draws, each with a generator of its own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def bootstrap_as_published(
    differences: Float[np.ndarray, " pair"], n_resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Middle 95 % of the resampled means of one test, drawn pair by pair in a Python loop.

    Parameters
    ----------
    differences
        Of one test, none missing.
    n_resamples, seed
        Of the draws; draw i has the seed ``seed + i``.

    Returns
    -------
    Low and high end.
    """
    means = []
    for draw in range(n_resamples):
        rng = np.random.default_rng(seed + draw)
        means.append(rng.choice(differences, size=len(differences), replace=True).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
