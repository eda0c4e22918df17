"""An observed value beside the draws of its null: what every table of the book says of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.statistics.permutations import LEVEL, permutation_p

MEAN, OTHER_MEAN = "mean", "mean (all)"
"""What the mean over the labels is called in the column ``emotion``, and what where a label is called so itself."""


def are_means(table: pd.DataFrame) -> pd.Series:
    """Which rows of a table of scores are means over the labels; no label has brackets."""
    return table["emotion"] == (OTHER_MEAN if (table["emotion"] == OTHER_MEAN).any() else MEAN)


class AgainstNull(NamedTuple):
    """Columns of a table, in their order.

    Attributes
    ----------
    value
        Observed.
    null, null_high
        Mean and 95th percentile of the null.
    p
        One-sided: of a value as large as this.
    """

    value: float
    null: float
    null_high: float
    p: float


def against_null(value: float, draws: Float[np.ndarray, " draw"]) -> AgainstNull:
    """Hold a value, of which large is much, against draws of its null.

    Parameters
    ----------
    value
        Observed; with NaN, p is NaN.
    draws
        Those that are NaN are left out; with none left, all but the value is NaN.

    Returns
    -------
    p as :func:`emotion_utils.statistics.permutations.permutation_p` gives it: ties count as large, the observed value
    is a draw itself.
    """
    kept = np.asarray(draws, dtype=np.float64)
    kept = kept[~np.isnan(kept)]
    if not len(kept):
        return AgainstNull(float(value), np.nan, np.nan, np.nan)
    p = float(permutation_p(value, kept))
    return AgainstNull(float(value), float(kept.mean()), float(np.quantile(kept, 1 - LEVEL)), p)
