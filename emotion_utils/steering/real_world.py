"""The same vectors on texts from another world: posts, reviews and mails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.scoring.classifier import emotion_probability
from emotion_utils.scoring.fluency import repeated_ngrams
from emotion_utils.scoring.lexical import keyword_count, vader_sentiment
from emotion_utils.scoring.politeness import politeness
from emotion_utils.scoring.scorer import score
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.controls import control_settings
from emotion_utils.steering.dose import difference
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import chosen_settings, run

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

SCORES = ("classifier", "keywords", "vader", "politeness", "repetition")
EVERYWHERE = "everywhere"


def steered_texts(
    steered: SteeredModel,
    prompts: pd.DataFrame,
    chosen: Mapping[str, pd.Series],
    n_controls: int,
    n: int | None = None,
    *,
    store: Store | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Continue the neutral real-world texts, steered, untouched and under random vectors, and score the words.

    Such a text has no place where a reply begins, so that the vector is added everywhere.

    Parameters
    ----------
    steered
    prompts
        The set ``real_world``.
    chosen
        Layer and strength of each emotion.
    n_controls
        Random vectors of each emotion.
    n
        Texts, from their units in turn; by default all.
    store, seed

    Returns
    -------
    The columns of :func:`trials.run` and those of :data:`SCORES`.
    """
    contexts = neutral_contexts(prompts, None, len(prompts) if n is None else n, "real_world")
    by_vector = chosen_settings(steered, chosen)
    beside = [
        control
        for s in by_vector
        for control in control_settings(steered, s, n_controls, seed)
        if not control.kind.startswith("vector of")
    ]
    settings = [
        replace(s, where=EVERYWHERE) for s in [*by_vector, *chosen_settings(steered, chosen, [0.0]), *beside]
    ]
    table = run(steered, contexts, settings, store=store)
    scorers = [emotion_probability(), keyword_count(), vader_sentiment(), politeness(), repeated_ngrams()]
    return score(table, scorers)


def compared(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Steered minus untouched texts, and minus those under random vectors, paired by context.

    Returns
    -------
    The columns of :func:`dose.difference`, with ``against`` before them and ``steered, reference`` for the two sides.
    """
    by_vector = table["kind"] == "emotion vector"
    steered, untouched = (table[by_vector & (table["alpha"] != 0)], table[by_vector & (table["alpha"] == 0)])
    parts = []
    for against, other in (("untouched", untouched), ("random vectors", table[~by_vector])):
        rows = difference(steered, other, SCORES, seed).rename(
            columns={"one": "steered", "other": "reference"}
        )
        rows.insert(0, "against", against)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def side_by_side(apart: pd.DataFrame) -> pd.DataFrame:
    """One row per score and emotion of :func:`compared`, with both references beside each other.

    Returns
    -------
    Columns ``score, emotion, steered`` (mean on the contexts in which the untouched text has a score too), for each
    reference the difference with its interval in words (``minus untouched``, ``minus random``), and ``n`` of both.
    """
    sides = {}
    for against in apart["against"].unique():
        part = apart[apart["against"] == against].set_index(["score", "emotion"])
        gap = [f"{r.difference:+.2f} ({r.low:+.2f} to {r.high:+.2f})" for r in part.itertuples()]
        sides[against] = part.assign(gap=gap)
    plain, random = sides["untouched"], sides["random vectors"].reindex(sides["untouched"].index)
    table = plain[["steered"]].assign(**{"minus untouched": plain["gap"], "minus random": random["gap"]})
    return table.assign(n=plain["n"].astype(str) + ", " + random["n"].astype(str)).reset_index()
