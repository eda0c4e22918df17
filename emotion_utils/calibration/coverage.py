"""Do 95 % intervals hold the truth 95 % of the time? Planted effects, many repetitions, few and many units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from emotion_utils.calibration.trials import binomial_bounds
from emotion_utils.resampling import grouped_auc_interval, grouped_mean_interval

__all__ = ["EFFECT", "INTERVALS", "UNITS", "coverage", "planted_auc", "planted_mean", "true_auc"]

UNITS = (4, 6, 8, 12, 20, 30, 50, 100)
EFFECT = 0.8
SHARE = 0.5
EACH = 4
INTERVALS = ("mean", "AUROC, pairs in a unit", "AUROC, a class per unit")


def true_auc(effect: float) -> float:
    """Area under the curve of two normal classes of unit variance whose means are an effect apart."""
    return float(norm.cdf(effect / np.sqrt(2)))


def planted_mean(rng: np.random.Generator, units: int, effect: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of unit variance around an effect, half of the variance common to the rows of a unit; and the units."""
    groups = np.repeat(np.arange(units), EACH)
    return effect + _clustered(rng, groups, units), groups


def planted_auc(
    rng: np.random.Generator, units: int, effect: float, paired: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of unit variance, their classes, and their units.

    Parameters
    ----------
    paired
        Whether a unit has rows of both classes, or of one.
    """
    groups = np.repeat(np.arange(units), EACH)
    positive = (np.arange(len(groups)) if paired else groups) % 2 == 0
    return effect * positive + _clustered(rng, groups, units), positive, groups


def _clustered(rng: np.random.Generator, groups: np.ndarray, units: int) -> np.ndarray:
    own = np.sqrt(1 - SHARE) * rng.normal(size=len(groups))
    return own + np.sqrt(SHARE) * rng.normal(size=units)[groups]


def coverage(
    repetitions: int, seed: int, units: Sequence[int] = UNITS, n_resamples: int = 1000, effect: float = EFFECT
) -> pd.DataFrame:
    """How often each interval of `resampling` holds the planted effect.

    Returns
    -------
    Columns ``interval, units, hits, n, rate, low, high`` (exact bounds of the rate), ``truth, width`` (mean width).
    """
    rows = []
    for which, name in enumerate(INTERVALS):
        truth = effect if name == "mean" else true_auc(effect)
        for size in units:
            parts = np.random.SeedSequence([seed, which, size]).spawn(repetitions)
            ends = np.array([_interval(name, part, size, effect, n_resamples) for part in parts])
            hits = int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum())
            bounds = binomial_bounds(hits, repetitions)
            width = float((ends[:, 1] - ends[:, 0]).mean())
            rows.append((name, size, hits, repetitions, hits / repetitions, *bounds, truth, width))
    columns = ["interval", "units", "hits", "n", "rate", "low", "high", "truth", "width"]
    return pd.DataFrame(rows, columns=columns)


def _interval(
    name: str, part: np.random.SeedSequence, units: int, effect: float, n_resamples: int
) -> tuple[float, float]:
    rng = np.random.default_rng(part)
    draw = int(rng.integers(2**32))
    if name == "mean":
        values, groups = planted_mean(rng, units, effect)
        return grouped_mean_interval(values, groups, n_resamples=n_resamples, seed=draw)
    scores, positive, groups = planted_auc(rng, units, effect, name == INTERVALS[1])
    return grouped_auc_interval(scores, positive, groups, n_resamples=n_resamples, seed=draw)
