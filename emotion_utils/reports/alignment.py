"""The main numbers of Chapter 4, for the record of real models."""

from __future__ import annotations

from math import nan

import pandas as pd

from emotion_utils.reports.published_alignment import published_findings
from emotion_utils.statistics.permutations import LEVEL

SCORES = {"r2": "held-out R² of neutral rows", "overlap": "overlap after a map", "probe": "transferred probe"}


def chapter_findings(published: pd.DataFrame, best: pd.DataFrame, similar: pd.DataFrame) -> pd.DataFrame:
    """What Chapter 4 found, as means over pairs of models.

    Parameters
    ----------
    published
        From :func:`emotion_utils.reports.published_alignment.published_table`, of two models.
    best
        From :meth:`emotion_utils.alignment.all_pairs.PairAlignments.best`, one row per ordered pair and score.
    similar
        RSA of pairs of trained models, from :func:`emotion_utils.alignment.rsa_cka.compare`.

    Returns
    -------
    Columns ``finding, value, low, high, null, n``; `n` counts prompts of the published scores and pairs of the others.
    """
    formulas, n = published_findings(published), float(published["n"].iloc[0])
    named = {
        "published score of Phase 3.5": formulas.phase35,
        "the same in float64": formulas.float64,
        "the same in float64, orthonormal rows": formulas.orthonormal,
        "published score of Phase 8": formulas.phase8,
    }
    rows: list[tuple[str, float, float, float, float, float]] = [
        (f"{name}; null: wrong pairs", one.after, nan, nan, one.permuted, n)
        for name, one in named.items()
        if one is not None
    ]
    for score, name in SCORES.items():
        own = best[best["score"] == score]
        rows.append(
            (f"{name}; null: wrong pairs", own["value"].mean(), nan, nan, own["null"].mean(), len(own))
        )
        small = float((own["p"] <= LEVEL).mean())
        rows.append((f"{name}: share of ordered pairs with p ≤ {LEVEL}", small, nan, nan, LEVEL, len(own)))
    ends = (similar["low"].iloc[0], similar["high"].iloc[0]) if len(similar) == 1 else (nan, nan)
    told = "RSA of emotional prompts; null: 95 % of permuted ones"
    rows.append((told, similar["value"].mean(), *ends, similar["null_high"].mean(), len(similar)))
    rows.append(("RSA with the words alone", similar["words"].mean(), nan, nan, nan, len(similar)))
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])
