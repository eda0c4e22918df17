"""The reports' Procrustes step on random subspaces: what their formula gains where nothing is shared.

Their public code (``subspace_utils.procrustes_alignment`` of toshiohanawa/emotion-circuits-project) takes the two bases
for data: it subtracts from each its mean row, rotates all d coordinates of the first by what the singular vectors of
the product of both give, and adds the mean row of the second. The rows that come out are compared as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.planted.generators import random_basis

WIDTH, K, TOP = 768, 10, 5

Basis = Float[np.ndarray, "k d_model"]


def rotated(one: Basis, other: Basis) -> Basis:
    """The rows of one basis after the reports' rotation towards another; no longer orthonormal.

    Parameters
    ----------
    one, other
        Orthonormal rows of the same width.
    """
    centre = other.mean(axis=0)
    centred = one - one.mean(axis=0)
    left, _, right = np.linalg.svd(centred.T @ (other - centre))
    moved: np.ndarray = centred @ (right.T @ left.T) + centre
    return moved


def squared_cosines(one: Basis, other: Basis) -> float:
    """Mean square of all products of rows, none above 1: the reports' "cos²"."""
    return float(np.clip((one @ other.T) ** 2, 0, 1).mean())


def top_cosines(one: Basis, other: Basis) -> float:
    """Mean of the five largest singular values of the product of both, none above 1: the reports' overlap."""
    return float(np.clip(np.linalg.svd(one @ other.T, compute_uv=False)[:TOP], -1, 1).mean())


def gains(seeds: Iterable[int], width: int = WIDTH, k: int = K) -> pd.DataFrame:
    """What the reports' rotation adds to both of their overlaps on pairs of random subspaces.

    The mean row of the second basis has a product of 1/k with each of its rows, so that adding it puts 1/k² into the
    mean square whatever the first basis is.

    Parameters
    ----------
    seeds
        One per pair.
    width, k
        d_model, and dimensions of each subspace.

    Returns
    -------
    Columns ``seed, squared`` (gain of the mean square) and ``cosine`` (gain of the mean of the top cosines).
    """
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        one, other = (random_basis(width, rng)[:k] for _ in range(2))
        moved = rotated(one, other)
        both = [score(moved, other) - score(one, other) for score in (squared_cosines, top_cosines)]
        rows.append((seed, *both))
    return pd.DataFrame(rows, columns=["seed", "squared", "cosine"])
