"""P values of many tests, adjusted by the rules of the field; the adjustment with the maximum is in `flips.max_t`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.stats import false_discovery_control

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.permutations import LEVEL

Correction = Literal["holm", "fdr_bh"]


def adjusted(p: Float[np.ndarray, " test"], method: Correction) -> Float[np.ndarray, " test"]:
    """Adjusted p values; a test without a p value keeps none, and does not count as a test.

    Parameters
    ----------
    p
        Of the tests, NaN where a test could not be made.
    method
        ``holm``: the chance of any false finding {cite:p}`holm1979`. ``fdr_bh``: the expected share of false findings
        {cite:p}`benjamini1995`.

    Raises
    ------
    UserError
        Where a p value is not between 0 and 1.
    """
    p = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(p)
    wrong = np.flatnonzero(known & ~((p >= 0) & (p <= 1)))
    if len(wrong):
        raise UserError(f"The p value of test {wrong[0]} is {p[wrong[0]]}: give numbers from 0 to 1, or NaN.")
    out = np.full(len(p), np.nan)
    if known.any():
        out[known] = _holm(p[known]) if method == "holm" else false_discovery_control(p[known])
    return out


def significant(p: Float[np.ndarray, " test"], method: Correction = "fdr_bh") -> int:
    """How many tests of one family stand out: those whose adjusted p is at most :data:`LEVEL`.

    Parameters
    ----------
    p, method
        As :func:`adjusted` takes them.
    """
    return int((adjusted(p, method) <= LEVEL).sum())


def _holm(p: Float[np.ndarray, " known"]) -> Float[np.ndarray, " known"]:
    """Step by step from the smallest p, each times the number of tests that are left.

    Statsmodels has the same, and collects garbage at every call, which costs more than the rest of a test.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out
