"""Means over labels: what a table with one row per label says of a sibling, and of two siblings beside each other.

Labels are the units. They are not trainings: a difference over labels says that these two trainings differ, and two
trainings of one sibling do as well. What tells siblings apart are several trainings of each, which
:func:`emotion_utils.siblings.retrained.between_siblings` exchanges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import t as student
from scipy.stats import wilcoxon

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import read_claims
from emotion_utils.statistics.flips import signs
from emotion_utils.statistics.paired import N_FLIPS, paired_effects
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import ENDS

COLUMNS = ["mean", "low", "high", "t_low", "t_high", "p", "p_t", "p_wilcoxon", "labels"]
SAME_LAYER, OTHER_LAYERS = "layer 22 of both", "layers 24 and 22"
PREFIXES = {OTHER_LAYERS: "C.knockout.", SAME_LAYER: "C.knockout.L22."}
"""Of the report's claims on seven labels, by what was compared."""


def label_means(values: Mapping[str, Float[np.ndarray, " label"]], seed: int = 0) -> pd.DataFrame:
    """Mean over labels of each of some measures, and whether it is other than 0.

    Parameters
    ----------
    values
        By measure; labels whose value is NaN are left out.
    seed
        Of the bootstrap and of the flips.

    Returns
    -------
    Columns ``measure`` and :data:`COLUMNS`: ``low, high`` from a bootstrap over labels (NaN with fewer than eight),
    ``t_low, t_high`` by Student's t; two-sided ``p`` by sign flips (all patterns up to 13 labels), ``p_t`` by the t
    test, ``p_wilcoxon`` by signed ranks; NaN where a test cannot be made.
    """
    rows = [(name, *_row(np.asarray(own, dtype=np.float64), seed)) for name, own in values.items()]
    return pd.DataFrame(rows, columns=["measure", *COLUMNS])


def paired_labels(
    first: pd.DataFrame, second: pd.DataFrame, measures: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """First minus second, label by label.

    Parameters
    ----------
    first, second
        One row per label, with ``label`` and the measures.
    measures
    seed

    Returns
    -------
    Columns ``measure, of_first, of_second`` (means over the same labels) and :data:`COLUMNS` of the differences.

    Raises
    ------
    UserError
        For tables with other labels.
    """
    one, other = (table.set_index("label") for table in (first, second))
    if set(one.index) != set(other.index) or not (one.index.is_unique and other.index.is_unique):
        lacking = sorted(set(one.index) ^ set(other.index)) or ["twice the same"]
        raise UserError(
            f"Labels are compared one by one, and only one of the two tables has {lacking[0]!r}: give tables of the "
            "same labels, each once."
        )
    other = other.loc[one.index]
    gaps = {name: (one[name] - other[name]).to_numpy(dtype=np.float64) for name in measures}
    table = label_means(gaps, seed)
    known = [~np.isnan(gap) for gap in gaps.values()]
    means = [
        [float(own[name].to_numpy(dtype=np.float64)[kept].mean()) for name, kept in zip(gaps, known, strict=True)]
        for own in (one, other)
    ]  # fmt: skip
    table.insert(1, "of_first", means[0])
    table.insert(2, "of_second", means[1])
    return table


def published_knockouts() -> pd.DataFrame:
    """The report's seven labels, tested: recall of its Japanese model minus that of its base, in points.

    Returns
    -------
    A row for each of :data:`PREFIXES`: columns ``layers, of_first`` (Japanese), ``of_second`` (base) and
    :data:`COLUMNS`. The report prints the means alone.
    """
    rows, claims = [], read_claims().set_index("id")
    for layers, prefix in PREFIXES.items():
        names = [
            one for one in claims.index if one.startswith(prefix) and one.count(".") == prefix.count(".")
        ]
        own = claims.loc[[one for one in names if one.rsplit(".", 1)[1] not in ("mean", "random")]]
        japanese, base = (own[end].to_numpy(dtype=np.float64) for end in ("lo", "hi"))
        rows.append((layers, float(japanese.mean()), float(base.mean()), *_row(japanese - base, 0)))
    return pd.DataFrame(rows, columns=["layers", "of_first", "of_second", *COLUMNS])


def _row(values: np.ndarray, seed: int) -> tuple[float, ...]:
    """In the order of :data:`COLUMNS`."""
    own = values[~np.isnan(values)]
    n, nan = len(own), float("nan")
    if n < 2:
        return (float(own.mean()) if n else nan, *(nan,) * 7, n)
    mean, error = float(own.mean()), float(own.std(ddof=1) / np.sqrt(n))
    far = float(student.ppf(ENDS[1], n - 1))
    boot = paired_effects(own[:, None], seed=seed).iloc[0]
    p_t = float(2 * student.sf(abs(mean) / error, n - 1)) if error > 0 else nan
    flips = np.abs(signs(n, N_FLIPS, seed) @ own) / n
    ranked = float(wilcoxon(own).pvalue) if own.any() else nan
    low, high = mean - far * error, mean + far * error
    p = float(permutation_p(abs(mean), flips))
    return mean, float(boot["low"]), float(boot["high"]), low, high, p, p_t, ranked, n
