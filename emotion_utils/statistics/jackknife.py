"""Intervals of statistics that cannot stand repeated rows: every unit is left out once.

Held-out fits and principal components of a bootstrap resample see the same prompt twice, which makes them look better
than they are. Leaving whole units out has no such fault.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Num
from scipy.stats import t as student

from emotion_utils.statistics.resampling import ENDS, FEWEST_UNITS


def jackknife_interval(
    value: float,
    left_out: Float[np.ndarray, " unit"],
    sizes: Num[np.ndarray, " unit"],
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Interval (95 %) of a statistic from its values without each unit, for units of unequal size.

    The delete-m jackknife {cite:p}`busing1999` with quantiles of Student's t for one degree of freedom fewer than there
    are units.

    Parameters
    ----------
    value
        With all units.
    left_out
        Without each unit.
    sizes
        Rows of each unit.
    bounds
        Ends of the scale: 0 and 1 for a share, -1 and 1 for a difference of two. The interval is cut there,
        which changes nothing of how often it holds the truth.

    Returns
    -------
    Low and high end; NaN with fewer than :data:`FEWEST_UNITS` units.
    """
    n_units = len(left_out)
    if n_units < FEWEST_UNITS:
        return float("nan"), float("nan")
    shares = np.asarray(sizes, dtype=float) / float(np.sum(sizes))
    inverse = 1 / shares
    estimate = n_units * value - float(((1 - shares) * left_out).sum())
    pseudo = inverse * value - (inverse - 1) * left_out
    variance = float(((pseudo - estimate) ** 2 / (inverse - 1)).mean())
    half = float(student.ppf(ENDS[1], n_units - 1)) * np.sqrt(variance)
    least, most = bounds or (-np.inf, np.inf)
    return float(max(value - half, least)), float(min(value + half, most))
