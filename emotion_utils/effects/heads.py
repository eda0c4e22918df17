"""Effects of chapters 06 and 07: heads taken out and patched, pair by pair, and the reports' own experiment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.circuits.pair_effects import ABLATED, RANDOM
from emotion_utils.circuits.published import EMOTION, HEAD, SCORES
from emotion_utils.effects.records import Effect
from emotion_utils.effects.steering import POLITENESS, SENTIMENT, Outcome
from emotion_utils.heads.pairs import name_of
from emotion_utils.models.comparison import CONTROL

ABLATION, PATCHING = "06_head_screening", "07_head_patching"
BETWEEN = "log-odds, emotional minus neutral prompt (nats)"
INTO = {
    "denoising": "log-odds after the neutral prompt (nats)",
    "noising": "log-odds after the emotional prompt (nats)",
}
PUBLISHED = f"{name_of(HEAD)} transplanted, as published"
PUBLISHED_OUTCOMES: dict[str, Outcome] = dict(
    zip(
        SCORES,
        (
            Outcome("words that name gratitude (count)", True),
            SENTIMENT,
            POLITENESS,
            Outcome("words that name anger (count)", True),
        ),
        strict=True,
    )
)
"""The reports' four outcomes, in their order."""


def head_effects(table: pd.DataFrame) -> list[Effect]:
    """Every head ablated, and the strongest heads and random ones patched.

    Parameters
    ----------
    table
        From :func:`emotion_utils.circuits.comparison.per_pair_effects`.

    Returns
    -------
    One effect per model, emotion, set of heads and direction, with the sign of changed minus untouched: a head that
    the emotion needs has a negative effect when it is ablated. Controls are random heads, and all heads of the model
    that was trained on exchanged reactions, where there is nothing to carry. The whole effect of an emotion is the
    difference between partners in the untouched model.
    """
    keys = ["model", "kind", "direction", "heads", "role", "emotion"]
    return [_head_effect(part) for _, part in table.groupby(keys, sort=False)]


def _head_effect(part: pd.DataFrame) -> Effect:
    """Rows of one model, intervention and emotion."""
    first, values = part.iloc[0], part["value"].to_numpy(dtype=float)
    ablation, random = first["kind"] == ABLATED, first["role"] == RANDOM
    what = f"{first['heads']} {first['kind']}{' (control)' if random else ''}"
    chapter, outcome = (ABLATION, BETWEEN) if ablation else (PATCHING, INTO[first["direction"]])
    units = np.array([f"implicit {unit}" for unit in part["unit"]])
    return Effect(
        chapter, first["model"], first["emotion"], what, outcome, values, units, part["pair"].to_numpy(dtype=str),
        bool(random or first["model"] == CONTROL), whole=float(part["difference"].mean()),
    )  # fmt: skip


def published_effects(table: pd.DataFrame, source: str = "sentences") -> list[Effect]:
    """Text scores with the head patched minus those of the untouched neutral prompt.

    Parameters
    ----------
    table
        From :func:`emotion_utils.circuits.published.published_patching`.
    source
        Of the prompts, which tells their units from those of other sets.
    """
    found = []
    for model, part in table.groupby("model", sort=False):
        plain = part[part["set"] == "target"].set_index("pair")
        changed = part[part["set"] != "target"].set_index("pair")
        units = np.array([f"{source} {unit}" for unit in changed["unit"]])
        for name, outcome in PUBLISHED_OUTCOMES.items():
            gap = (changed[name] - plain[name].reindex(changed.index)).to_numpy(dtype=float)
            prompts = changed.index.to_numpy(dtype=str)
            found.append(
                Effect(
                    PATCHING, str(model), EMOTION, PUBLISHED, outcome.label, gap, units, prompts,
                    is_count=outcome.is_count,
                )
            )  # fmt: skip
    return found
