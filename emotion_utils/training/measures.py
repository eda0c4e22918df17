"""A number with its interval and its n, and the two ways in which this package gets one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emotion_utils.statistics.resampling import ENDS

Z95 = 1.959963984540054
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
    p, z = hits / n, Z95
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Measured(p, max(0.0, centre - half), min(1.0, centre + half), n)


def mean(values: ArrayLike) -> Measured:
    """A mean with its percentile bootstrap interval."""
    return ratio(values, np.ones(np.shape(values)))


def ratio(above: ArrayLike, below: ArrayLike, seed: int = 0) -> Measured:
    """``sum(above) / sum(below)`` over paired observations, with its percentile bootstrap interval."""
    a, b = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    rows = np.random.default_rng(seed).integers(len(a), size=(RESAMPLES, len(a)))
    low, high = np.quantile(a[rows].sum(axis=1) / b[rows].sum(axis=1), ENDS)
    return Measured(float(a.sum() / b.sum()), float(low), float(high), len(a))
