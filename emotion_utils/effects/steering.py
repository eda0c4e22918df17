"""Effects of chapter 05: the chosen vectors and their controls on fresh contexts, each beside the untouched model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.effects.records import Effect
from emotion_utils.steering.by_context import COST, SCORES, SHIFT, UNTOUCHED
from emotion_utils.steering.controls import KINDS

CHAPTER = "05_steering"
OWN = "emotion vector"
CONTROLS = dict(
    zip(
        KINDS,
        ("random direction", "random direction like the stream", "vector of exchanged labels"),
        strict=True,
    )
)


class Outcome(NamedTuple):
    """What a reader calls a score, and whether it counts something."""

    label: str
    is_count: bool = False


POLITENESS = Outcome("politeness (polite minus impolite strategies)", True)
SENTIMENT = Outcome("sentiment (VADER, -1 to 1)")
OUTCOMES: dict[str, Outcome] = {
    SHIFT: Outcome("log-odds of replies of the emotion (nats)"),
    "target": Outcome("texts that say the emotion (0 or 1)", True),
    "keywords": Outcome("words that name the emotion (count)", True),
    "vader": SENTIMENT,
    "politeness": POLITENESS,
    "repetition": Outcome("repeated runs of three words (share)"),
    "distinct_1": Outcome("different words (share)"),
    COST: Outcome("perplexity beside genuine replies (log, nats per token)"),
}


def steering_effects(table: pd.DataFrame) -> list[Effect]:
    """Steered, and controlled, minus untouched of each context.

    What is beyond random directions is no difference between contexts: its units are vectors, see
    :mod:`emotion_utils.effects.beyond`.

    Parameters
    ----------
    table
        From :func:`emotion_utils.steering.overview.by_context`.

    Returns
    -------
    Of each model and emotion an effect on every score that was measured; the unit is the kind of event of the context.
    The whole effect of an emotion on log-odds is that of its own vector.
    """
    found: list[Effect] = []
    for (model, emotion), part in table.groupby(["model", "emotion"], sort=False):
        kinds = {
            str(kind): own.groupby("prompt")[["unit", *SCORES]].mean()
            for kind, own in part.groupby("kind", sort=False)
        }
        plain = kinds.pop(UNTOUCHED)
        whole = float((kinds[OWN][SHIFT] - plain[SHIFT]).mean()) if OWN in kinds else np.nan
        for kind, own in kinds.items():
            what, is_control = _called(kind, str(emotion))
            found += _effects(str(model), str(emotion), what, own, plain, is_control, whole)
    return found


def _called(kind: str, emotion: str) -> tuple[str, bool]:
    """What a kind of vector is called, and whether it is a control."""
    if kind == OWN:
        return f"steered to {emotion}", False
    return f"{CONTROLS.get(kind, kind)} (control)", True


def _effects(
    model: str,
    emotion: str,
    what: str,
    changed: pd.DataFrame,
    plain: pd.DataFrame,
    is_control: bool,
    whole: float,
) -> Iterator[Effect]:
    plain = plain.reindex(changed.index)
    units = np.array([f"fresh {int(unit)}" for unit in changed["unit"]])
    prompts = np.array([f"fresh {prompt}" for prompt in changed.index])
    for score, outcome in OUTCOMES.items():
        gap = (changed[score] - plain[score]).to_numpy(dtype=float)
        if pd.isna(gap).all():
            continue
        yield Effect(
            CHAPTER, model, emotion, what, outcome.label, gap, units, prompts, is_control,
            outcome.is_count, whole if score == SHIFT else np.nan,
        )  # fmt: skip
