"""A share of an effect: the ratio of two means over the same contexts, with an interval where there can be one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Shaped
from scipy.optimize import brentq

from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

PRECISION = 1e-3
"""Of the ends of the interval of a ratio, relative to its value and 1."""
DOUBLINGS = 40
RESAMPLES = 1000


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
    effective = effective_units(units)
    weights = unit_weights(units, RESAMPLES, np.random.default_rng(seed))
    own, other = ((weights @ values) / weights.sum(axis=1) for values in (part, whole))

    def ends(one: float, ratio: float) -> tuple[float, float]:
        """Of one part minus so many wholes."""
        reach = abs(one) + abs(ratio)
        limits = None if bounds is None else (bounds[0] * reach, bounds[1] * reach)
        value = float((one * part - ratio * whole).mean())
        return interval(one * own - ratio * other, effective, value, limits)

    if not ends(0.0, -1.0)[0] > 0:
        return float("nan"), float("nan")
    value = float(part.mean() / whole.mean())
    low = _end(value, -1.0, lambda ratio: ends(1.0, ratio)[0])
    return low, _end(value, 1.0, lambda ratio: -ends(1.0, ratio)[1])


def _end(value: float, side: float, excess: Callable[[float], float]) -> float:
    """Where the excess becomes positive, going out from the value to one side; NaN where that is nowhere."""
    step = max(1.0, abs(value))
    for _ in range(DOUBLINGS):
        if excess(value + side * step) > 0:
            return float(brentq(excess, value, value + side * step, xtol=PRECISION * max(1.0, abs(value))))
        step *= 2
    return float("nan")
