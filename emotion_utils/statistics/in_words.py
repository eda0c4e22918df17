"""How an interval stands in a sentence."""

from __future__ import annotations

import math


def between(low: float, high: float, form: str = ".2f") -> str:
    """An interval in brackets after a blank; nothing where there is none.

    >>> between(0.1, 0.25)
    ' (0.10 to 0.25)'
    >>> between(float("nan"), float("nan"))
    ''
    """
    return "" if math.isnan(low) or math.isnan(high) else f" ({low:{form}} to {high:{form}})"
