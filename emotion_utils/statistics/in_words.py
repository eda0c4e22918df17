"""How an interval, and the range of several numbers, stand in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd


def between(low: float, high: float, form: str = ".2f") -> str:
    """An interval in brackets after a blank; nothing where there is none.

    >>> between(0.1, 0.25)
    ' (0.10 to 0.25)'
    >>> between(float("nan"), float("nan"))
    ''
    """
    return "" if math.isnan(low) or math.isnan(high) else f" ({low:{form}} to {high:{form}})"


def span(values: Sequence[float] | pd.Series, form: str = ".2f") -> str:
    """From the least to the largest value, or the one value where they read alike; those that are NaN do not count.

    >>> span([0.25, 0.5])
    '0.25 to 0.50'
    >>> span([0.5, 0.5])
    '0.50'
    """
    known = pd.Series(values, dtype=float)
    low, high = (format(float(end), form) for end in (known.min(), known.max()))
    return low if low == high else f"{low} to {high}"
