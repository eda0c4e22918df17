"""Effects of chapters 06 and 07: heads taken out and transplanted, pair by pair, and the reports' own experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.effects.records import Effect
from emotion_utils.effects.steering import POLITENESS, SENTIMENT, Outcome
from emotion_utils.heads.by_pair import ABLATED, RANDOM
from emotion_utils.heads.claims import EMOTION, published_texts
from emotion_utils.heads.pairs import Head, emotional_pairs
from emotion_utils.heads.sizes import Size, few
from emotion_utils.models import load_model, load_tokenizer
from emotion_utils.overview import CONTROL, by_model, request
from emotion_utils.scoring.lexical import keyword_count
from emotion_utils.scoring.politeness import politeness
from emotion_utils.scoring.scorer import score

if TYPE_CHECKING:
    from emotion_utils.store import Store

__all__ = [
    "ABLATION",
    "PATCHING",
    "PUBLISHED",
    "PUBLISHED_OUTCOMES",
    "head_effects",
    "published_effects",
    "published_patching",
]

ABLATION, PATCHING = "06_head_screening", "07_head_patching"
BETWEEN = "log-odds, emotional minus neutral prompt (nats)"
INTO = {
    "denoising": "log-odds after the neutral prompt (nats)",
    "noising": "log-odds after the emotional prompt (nats)",
}
HEAD: Head = (0, 0)
"""Which the reports transplant."""
PUBLISHED = "L0H0 transplanted, as published"
ANGER = "keywords_anger"
PUBLISHED_OUTCOMES: dict[str, Outcome] = {
    "keywords": Outcome("words that name gratitude (count)", True),
    "vader": SENTIMENT,
    "politeness": POLITENESS,
    ANGER: Outcome("words that name anger (count)", True),
}
"""The reports' four outcomes, in their order."""


def head_effects(table: pd.DataFrame) -> list[Effect]:
    """Every head ablated, and the strongest heads and random ones transplanted.

    Parameters
    ----------
    table
        From :func:`emotion_utils.heads.screened.by_pair`.

    Returns
    -------
    One effect per model, emotion, set of heads and direction, with the sign of changed minus untouched: a head that
    the emotion needs has a negative effect when it is ablated. Controls are random heads, and all heads of the model
    that was trained on exchanged reactions, where there is nothing to carry.
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
        bool(random or first["model"] == CONTROL),
    )  # fmt: skip


def published_patching(
    models: Sequence[str],
    sentences: pd.DataFrame,
    size: Size,
    store: Store,
    *,
    first: str = "",
    device: str = "cpu",
    dtype: str = "float32",
    seed: int = 0,
) -> pd.DataFrame:
    """The reports' experiment of section 9.1: head 0 of layer 0 of gratitude prompts, put into their neutral partners.

    Parameters
    ----------
    models
        Names of the registry.
    sentences
        Keyword prompts with neutral partners.
    size
        How many pairs.
    store
        Keeps the scores of each model.
    first, device, dtype, seed
        As of :func:`emotion_utils.heads.screened.overview`.

    Returns
    -------
    One row per model, pair and set (the head's name, or ``target`` for the untouched partner): ``model, pair, unit,
    set`` and the scores of :data:`PUBLISHED_OUTCOMES`; sentiment is NaN where nothing was said.
    """

    def compute(name: str) -> pd.DataFrame:
        model, tokenizer = load_model(name, device, dtype), load_tokenizer(name)
        pairs = few(emotional_pairs(model, tokenizer, sentences, reply=False), size.pairs)
        texts = score(published_texts(pairs, HEAD, name), [politeness(), keyword_count("anger")])
        texts.insert(0, "model", name)
        return texts.loc[texts["set"] != "source", ["model", "pair", "unit", "set", *PUBLISHED_OUTCOMES]]

    return by_model(
        "published_patching",
        models,
        compute,
        request(sentences, size, device, dtype, seed),
        __name__,
        store,
        first,
    )


def published_effects(table: pd.DataFrame, source: str = "sentences") -> list[Effect]:
    """Text scores with the head transplanted minus those of the untouched neutral prompt.

    Parameters
    ----------
    table
        From :func:`published_patching`.
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
