"""A share of an effect: the ratio of two means over the same contexts, with an interval where there can be one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Shaped

from emotion_utils.statistics.resampling import grouped_mean_interval

PRECISION = 1e-3
"""Of the ends of the interval of a ratio, relative to its value and 1."""
DOUBLINGS = 40


def ratio_interval(
    part: Float[np.ndarray, " context"],
    whole: Float[np.ndarray, " context"],
    units: Shaped[np.ndarray, " context"],
    *,
    bounds: tuple[float, float] | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval (95 %) of the ratio of two means over the same contexts, whole units resampled in step.

    It holds every ratio r for which the mean of part - r whole is not told from 0 (E. C. Fieller, 1954), so that it
    has an end only where the whole is told from 0.

    Parameters
    ----------
    part, whole
        One number per context.
    units
        What is resampled together.
    bounds
        Of both, the same distance on either side of 0: of differences of shares -1 and 1.
    seed
        Of the bootstrap.

    Returns
    -------
    Low and high end; NaN where the interval of the whole does not lie above 0, and with too few units.
    """

    def ends(ratio: float) -> tuple[float, float]:
        reach = None if bounds is None else (bounds[0] * (1 + abs(ratio)), bounds[1] * (1 + abs(ratio)))
        return grouped_mean_interval(part - ratio * whole, units, seed=seed, bounds=reach)

    if not grouped_mean_interval(whole, units, seed=seed, bounds=bounds)[0] > 0:
        return float("nan"), float("nan")
    value = float(part.mean() / whole.mean())
    low = _end(value, -1.0, lambda ratio: ends(ratio)[0] > 0)
    return low, _end(value, 1.0, lambda ratio: ends(ratio)[1] < 0)


def _end(value: float, side: float, outside: Callable[[float], bool]) -> float:
    """Where a ratio becomes too far off, going out from the value; NaN where that is nowhere."""
    step = max(1.0, abs(value))
    for _ in range(DOUBLINGS):
        if outside(value + side * step):
            break
        step *= 2
    else:
        return float("nan")
    near, far = 0.0, step
    while far - near > PRECISION * max(1.0, abs(value)):
        middle = (near + far) / 2
        near, far = (near, middle) if outside(value + side * middle) else (middle, far)
    return value + side * far
