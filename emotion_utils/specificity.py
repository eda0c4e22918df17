"""How much of an emotion subspace is the model's ordinary, neutral variance.

Principal components of emotional minus neutral states contain neutral variance by construction. The null is the same
computation where there is no emotion: neutral minus other neutral states.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.jackknife import jackknife_interval
from emotion_utils.sides import Reading, Rows
from emotion_utils.subspaces import emotion_subspace, overlap_chance, principal_components

__all__ = ["specificity"]


def specificity(reading: Reading, rows: Rows, k: int = 5, n_draws: int = 99, seed: int = 0) -> pd.DataFrame:
    """Overlap of the emotion subspaces with the model's own neutral subspace, by layer.

    Parameters
    ----------
    reading
        Of one model.
    rows
        Prompts.
    k
        Dimensions of both subspaces.
    n_draws, seed
        Of neutral differences: each neutral row minus one of another unit.

    Returns
    -------
    One row per emotion and layer, columns ``model, emotion, layer, value, low, high, chance`` (k/d), ``null, null_low``
    (mean and 5th percentile), ``p`` (of a value as low as this), ``n``.
    """
    neutral = reading.at(rows.neutral["id"])
    units = rows.neutral["unit"].to_numpy()
    others = _others(units, n_draws, seed)
    out = []
    for i, layer in enumerate(reading.layers):
        own = principal_components(neutral[i], k)
        null = np.array([_within(emotion_subspace(neutral[i], neutral[i][o], k), own) for o in others])
        for emotion, pairs in rows.pairs.items():
            a, b = reading.at(pairs["id"])[i], reading.at(pairs["partner"])[i]
            value = _within(emotion_subspace(a, b, k), own)
            low, high = _interval(a, b, neutral[i], pairs["unit"].to_numpy(), units, k, value)
            p = (1 + int((null <= value).sum())) / (1 + n_draws)
            chance = overlap_chance(k, k, own.shape[1])
            numbers = value, low, high, chance, null.mean(), np.quantile(null, 0.05), p, len(a)
            out.append((reading.model, emotion, layer, *numbers))
    columns = ["model", "emotion", "layer", "value", "low", "high", "chance", "null", "null_low", "p", "n"]
    return pd.DataFrame(out, columns=columns)


def _within(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one @ other.T) ** 2).sum() / min(len(one), len(other)))


def _others(units: np.ndarray, n: int, seed: int) -> np.ndarray:
    """For each row one of another unit, drawn n times."""
    rng = np.random.default_rng(seed)
    choices = [np.flatnonzero(units != unit) for unit in units]
    return np.array([[rng.choice(c) for c in choices] for _ in range(n)])


def _interval(
    a: np.ndarray,
    b: np.ndarray,
    neutral: np.ndarray,
    own: np.ndarray,
    units: np.ndarray,
    k: int,
    value: float,
) -> tuple[float, float]:
    """Every unit is left out of the differences and of the neutral rows."""
    left, sizes = [], []
    for unit in np.unique(own):
        kept = own != unit
        if kept.sum() <= k or (units != unit).sum() <= k:
            return float("nan"), float("nan")
        without = principal_components(neutral[units != unit], k)
        left.append(_within(emotion_subspace(a[kept], b[kept], k), without))
        sizes.append((~kept).sum())
    return jackknife_interval(value, np.array(left), np.array(sizes))
