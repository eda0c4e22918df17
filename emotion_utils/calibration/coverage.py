"""Do 95 % intervals hold the truth 95 % of the time? Planted effects, many repetitions, few and many units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import norm

from emotion_utils.statistics.auc import auroc, grouped_auc_draws, grouped_auc_interval
from emotion_utils.statistics.permutations import binomial_bounds
from emotion_utils.statistics.resampling import effective_units, grouped_mean_interval, interval

UNITS = (8, 12, 20, 30, 50, 100)
EFFECTS = (0.0, 0.8, 2.33)
"""The areas are 0.5, 0.71 and 0.95."""
RIVAL = 0.8
"""Effect of the scorer that another is compared with."""
SHARE = 0.5
EACH = 4


@dataclass(frozen=True)
class Design:
    """How prompts lie in units.

    Attributes
    ----------
    paired
        Whether a unit has rows of both classes, or of one.
    skewed
        What the rows of a unit have in common is log-normal, and units have 2 to 14 rows.
    minority
        Share of the units that are positive where a unit has one class.
    """

    paired: bool = True
    skewed: bool = False
    minority: float = 0.5

    def groups(self, rng: np.random.Generator, units: int) -> np.ndarray:
        """The unit of each row."""
        return np.repeat(np.arange(units), 2 * rng.integers(1, 8, size=units) if self.skewed else EACH)

    def noise(self, rng: np.random.Generator, groups: np.ndarray) -> np.ndarray:
        """Values of unit variance, half of it common to the rows of a unit."""
        own = np.sqrt(1 - SHARE) * rng.normal(size=len(groups))
        common = rng.normal(size=groups.max() + 1)
        return own + np.sqrt(SHARE) * (_log_normal(common) if self.skewed else common)[groups]

    def positive(self, groups: np.ndarray) -> np.ndarray:
        """The class of each row."""
        if self.paired:
            return np.arange(len(groups)) % 2 == 0
        return groups < self.minority * (groups.max() + 1)


def _log_normal(normal: np.ndarray) -> np.ndarray:
    """Of mean 0 and variance 1."""
    return (np.exp(normal) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)


PAIRED, APART = Design(), Design(paired=False)
INTERVALS: Mapping[str, Design] = {
    "mean": PAIRED,
    "AUROC, pairs in a unit": PAIRED,
    "AUROC, a class per unit": APART,
    "difference of AUROCs, pairs": PAIRED,
    "difference of AUROCs, a class per unit": APART,
}
HARD: Mapping[str, Design] = {
    "mean, skewed": Design(skewed=True),
    "AUROC, pairs, skewed": Design(skewed=True),
    "AUROC, a quarter of the units positive": Design(paired=False, minority=0.25),
}
"""What the book does not promise: skewed units of unequal size, and a class that few units have."""


def true_auc(effect: float, skewed: bool = False) -> float:
    """Area under the curve of two classes of unit variance whose means are an effect apart."""
    if not skewed:
        return float(norm.cdf(effect / np.sqrt(2)))
    at, weights = np.polynomial.hermite_e.hermegauss(80)
    between = np.sqrt(SHARE) * (_log_normal(at)[:, None] - _log_normal(at)[None, :])
    areas = norm.cdf((effect + between) / np.sqrt(2 * (1 - SHARE)))
    return float(weights @ areas @ weights / weights.sum() ** 2)


def planted_mean(
    rng: np.random.Generator, units: int, effect: float, design: Design = PAIRED
) -> tuple[np.ndarray, np.ndarray]:
    """Values of unit variance around an effect, half of the variance common to the rows of a unit; and the units."""
    groups = design.groups(rng, units)
    return effect + design.noise(rng, groups), groups


def planted_auc(
    rng: np.random.Generator, units: int, effect: float, design: Design
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of unit variance, their classes, and their units."""
    groups = design.groups(rng, units)
    positive = design.positive(groups)
    return effect * positive + design.noise(rng, groups), positive, groups


def coverage(
    repetitions: int,
    seed: int,
    units: Sequence[int] = UNITS,
    n_resamples: int = 1000,
    effects: Sequence[float] = EFFECTS,
    designs: Mapping[str, Design] = INTERVALS,
) -> pd.DataFrame:
    """How often each interval of `resampling` holds the planted effect.

    Returns
    -------
    Columns ``interval, effect, units, hits, n, rate, low, high`` (exact bounds of the rate), ``truth, width`` (mean
    width). A mean has the same coverage whatever the effect, and has one row.
    """
    rows = []
    for name, design in designs.items():
        for effect in effects[-1:] if name.startswith("mean") else effects:
            for size in units:
                entropy = [seed, *name.encode(), round(100 * effect), size]
                parts = np.random.SeedSequence(entropy).spawn(repetitions)
                ends = np.array([_interval(name, design, part, size, effect, n_resamples) for part in parts])
                rows.append((name, effect, size, *_counted(ends, _truth(name, design, effect))))
    columns = ["interval", "effect", "units", "hits", "n", "rate", "low", "high", "truth", "width"]
    return pd.DataFrame(rows, columns=columns)


def _counted(ends: np.ndarray, truth: float) -> tuple[float, ...]:
    hits, n = int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum()), len(ends)
    return hits, n, hits / n, *binomial_bounds(hits, n), truth, float((ends[:, 1] - ends[:, 0]).mean())


def _truth(name: str, design: Design, effect: float) -> float:
    if name.startswith("mean"):
        return effect
    area = true_auc(effect, design.skewed)
    return area - true_auc(RIVAL) if name.startswith("difference") else area


def _interval(
    name: str, design: Design, part: np.random.SeedSequence, units: int, effect: float, n_resamples: int
) -> tuple[float, float]:
    rng = np.random.default_rng(part)
    draw = int(rng.integers(2**32))
    if name.startswith("mean"):
        values, groups = planted_mean(rng, units, effect, design)
        return grouped_mean_interval(values, groups, n_resamples=n_resamples, seed=draw)
    scores, positive, groups = planted_auc(rng, units, effect, design)
    if name.startswith("AUROC"):
        return grouped_auc_interval(scores, positive, groups, n_resamples=n_resamples, seed=draw)
    rival = (scores - effect * positive + design.noise(rng, groups)) / np.sqrt(2) + RIVAL * positive
    return _difference(scores, rival, positive, groups, n_resamples, draw)


def _difference(
    ours: np.ndarray, theirs: np.ndarray, positive: np.ndarray, groups: np.ndarray, n: int, seed: int
) -> tuple[float, float]:
    """Of two areas on the same rows, units resampled together."""
    draw = partial(grouped_auc_draws, positive=positive, groups=groups, n_resamples=n, seed=seed)
    value = auroc(ours, positive) - auroc(theirs, positive)
    return interval(draw(ours) - draw(theirs), effective_units(groups, positive), value, (-1.0, 1.0))
