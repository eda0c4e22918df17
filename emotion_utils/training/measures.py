"""A number with its interval and its n, and the two ways in which this package gets one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from emotion_utils.statistics.resampling import ENDS

RESAMPLES = 2000


@dataclass(frozen=True)
class Measured:
    """A value with its 95 % interval over ``n`` independent observations."""

    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, Any]:
        """Rounded, for a card."""
        return {k: v if isinstance(v, int) else round(v, 4) for k, v in asdict(self).items()}


def share(hits: int, n: int) -> Measured:
    """A proportion with its Wilson interval."""
    if n == 0:
        return Measured(float("nan"), float("nan"), float("nan"), 0)
    low, high = binomtest(hits, n).proportion_ci(method="wilson")
    return Measured(hits / n, float(low), float(high), n)


def mean(values: ArrayLike) -> Measured:
    """A mean with its percentile bootstrap interval."""
    return ratio(values, np.ones(np.shape(values)))


def ratio(above: ArrayLike, below: ArrayLike, seed: int = 0) -> Measured:
    """``sum(above) / sum(below)`` over paired observations, with its percentile bootstrap interval."""
    a, b = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    rows = np.random.default_rng(seed).integers(len(a), size=(RESAMPLES, len(a)))
    low, high = np.quantile(a[rows].sum(axis=1) / b[rows].sum(axis=1), ENDS)
    return Measured(float(a.sum() / b.sum()), float(low), float(high), len(a))
