"""What chapter 01 measures for the reports' claims about prompts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.prompts.report import CountTokens, length_summary
from emotion_utils.reports.claims import Measurement


def chapter_measurements(
    sets: Mapping[str, pd.DataFrame], model: str, count_tokens: CountTokens
) -> list[Measurement]:
    """Measure the six claims of Phase 1 on `baseline` and `extended`.

    Parameters
    ----------
    sets
        With the keys `baseline` and `extended`.
    model, count_tokens
        Whose tokens are counted.
    """
    both = {name: sets[name] for name in ("baseline", "extended")}
    rows = []
    for name, prompts in both.items():
        counts = prompts["emotion"].value_counts().reindex(list(EMOTIONS), fill_value=0)
        mean, low, high = float(counts.mean()), float(counts.min()), float(counts.max())
        rows.append(Measurement(f"P1.size.{name}", "", mean, low, high, n=len(prompts)))
    total = sum(map(len, both.values()))
    rows.append(Measurement("P1.size.total", "", total, total, total, n=total))
    for name, prompts in both.items():
        rows.append(_mean_length(f"P1.chars.{name}", prompts, "characters", None, ""))
    rows.append(
        _mean_length("P1.tokens.mean", pd.concat(both, ignore_index=True), "tokens", count_tokens, model)
    )
    return rows


def _mean_length(
    claim: str, prompts: pd.DataFrame, unit: str, count_tokens: CountTokens | None, model: str
) -> Measurement:
    row = length_summary({claim: prompts}, count_tokens).set_index("unit").loc[unit]
    low, high = (None if np.isnan(row[end]) else float(row[end]) for end in ("low", "high"))
    return Measurement(claim, model, float(row["mean"]), low, high, n=int(row["n"]))
