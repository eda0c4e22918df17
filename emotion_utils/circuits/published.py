"""The reports' statistics on one head (section 9.1), measured text by text and kept for several models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from emotion_utils.circuits.patching import aligned
from emotion_utils.circuits.texts import NEW_TOKENS, patched_texts, scored
from emotion_utils.core.profiles import HeadsSize
from emotion_utils.heads.pairs import Head, Pairs, emotional_pairs, few, name_of
from emotion_utils.models.registry import knows_small_world
from emotion_utils.scoring.lexical import keyword_count
from emotion_utils.scoring.politeness import politeness
from emotion_utils.scoring.scorer import score
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

HEAD: Head = (0, 0)
"""Which the reports patch."""
SCORES = ("keywords", "vader", "politeness", "keywords_anger")
"""The reports' four outcomes, in their order: words of gratitude, sentiment, politeness, words of anger."""


def published_patching(
    models: Sequence[str], sentences: pd.DataFrame, size: HeadsSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """Head 0 of layer 0 of gratitude prompts, put into their neutral partners, and what these then say.

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
    options
        As of :func:`emotion_utils.circuits.comparison.overview`.

    Returns
    -------
    One row per model, pair and set (``L0H0``, or ``target`` for the untouched partner): ``model, pair, unit, set`` and
    the columns of :data:`SCORES`; sentiment is NaN where nothing was said.
    """
    asked = Comparison(models, sentences, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        pairs = few(emotional_pairs(asked.load(name), sentences, reply=False), size.pairs)
        texts = score(published_texts(pairs, HEAD, name), [politeness(), keyword_count("anger")])
        kept = texts["set"].isin([name_of(HEAD), "target"])
        return texts.loc[kept, ["pair", "unit", "set", *SCORES]]

    return asked.tables("published_patching", compute, __name__)


EMOTION = "gratitude"


def published_texts(pairs: Pairs, head: Head, model: str, mode: str = "pattern_v") -> pd.DataFrame:
    """Texts that go on from the neutral partners of gratitude prompts, with one head patched and without.

    Parameters
    ----------
    pairs, head, model
        Prompts, the head and the name of the model.
    mode
        Of :data:`patching.MODES`.

    Returns
    -------
    As :func:`texts.scored`; the sets are the head's name, ``target`` and ``source``.
    """
    own = pairs.where(pairs.table["emotion"] == EMOTION)
    told = patched_texts(own, {name_of(head): [head]}, mode, matched=aligned(own), new_tokens=NEW_TOKENS)
    return scored(told, small_world=knows_small_world(model))
