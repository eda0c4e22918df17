"""The smallest effect that matters, in nats: what two genuine replies of one emotion differ by, for nothing.

At most a tenth of the whole effect of the emotion, as of heads (:func:`emotion_utils.heads.carried.capped`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import pandas as pd

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.effects.records import IN_NATS, Effect
from emotion_utils.engine.teacher_forcing import continuation_log_probs
from emotion_utils.heads.carried import LARGE, LEAST_BOUND, capped
from emotion_utils.scoring.replies import genuine_replies, joint, splice
from emotion_utils.statistics.in_words import span
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

REPLIES = 4
"""Genuine replies of each emotion."""
CONTEXTS = 12
"""Neutral contexts of the build split that they are read in."""


class ReplyBound(NamedTuple):
    """The smallest effect that matters on a model.

    Attributes
    ----------
    nats
        Median absolute difference of log-probability between two genuine replies of one emotion in one context.
    pairs, contexts
        Of replies that are compared, and contexts.
    """

    nats: float
    pairs: int
    contexts: int


def reply_bound(model: Model, contexts: Sequence[str], n: int = REPLIES) -> ReplyBound:
    """Measure on the untouched model what two replies that say the same differ by: less than that changes no meaning.

    Parameters
    ----------
    model
    contexts
        Texts that end before somebody speaks.
    n
        Genuine replies of each emotion, ``neutral`` among them.
    """
    gaps = np.concatenate([*_gaps(model, contexts, n)])
    return ReplyBound(float(np.median(gaps)), len(gaps), len(contexts))


def _gaps(model: Model, contexts: Sequence[str], n: int) -> Iterator[np.ndarray]:
    """Absolute differences of all pairs of replies of an emotion, by emotion and kind of context."""
    joints = np.array([joint(context) for context in contexts], dtype=object)
    for between in dict.fromkeys(joints):
        some = [context for context, own in zip(contexts, joints, strict=True) if own == between]
        ids = [model.starting_ids(context) for context in some]
        for emotion in EMOTIONS:
            texts = [splice(some[0], reply) for reply in genuine_replies(emotion, n)]
            read = continuation_log_probs(model, ids, texts)
            wide = read.pivot(index="prompt", columns="continuation", values="log_prob").to_numpy()
            yield np.concatenate(
                [np.abs(wide[:, a] - wide[:, b]) for a, b in combinations(range(len(texts)), 2)]
            )


def reply_bounds(
    models: Sequence[str], prompts: pd.DataFrame, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """:func:`reply_bound` of several models on neutral prompts of the build split, each computed once per store.

    Parameters
    ----------
    models
        Names of the registry.
    prompts
        A prompt set.
    store
        Keeps the bounds.
    options
        As of :class:`emotion_utils.vectors.comparison.Comparison`.

    Returns
    -------
    Columns ``model, nats, pairs, contexts``.
    """
    asked = Comparison(models, prompts, (REPLIES, CONTEXTS), store, **options)
    contexts = neutral_contexts(prompts, "build", CONTEXTS)["context"].tolist()

    def compute(name: str) -> pd.DataFrame:
        return pd.DataFrame([reply_bound(asked.load(name), contexts)])

    return asked.tables("reply_bounds", compute, __name__)


def by_outcome(effects: Sequence[Effect], nats: Mapping[str, float]) -> pd.DataFrame:
    """The smallest effect that matters, by model and outcome in nats: at most a tenth of the emotion's whole effect.

    Parameters
    ----------
    effects
        From :func:`emotion_utils.effects.collect`.
    nats
        By model, from :func:`reply_bounds`.

    Returns
    -------
    One row per model of `nats` and outcome in nats: ``model, outcome, reply`` (what two replies differ by), ``whole``
    (the smallest of the emotions' whole effects, without its sign; NaN where none was measured) and ``nats`` (the
    bound).
    """
    wholes: dict[tuple[str, str], list[float]] = {}
    for effect in effects:
        if effect.model in nats and effect.outcome.endswith(IN_NATS):
            known = wholes.setdefault((effect.model, effect.outcome), [])
            known += [] if np.isnan(effect.whole) else [abs(effect.whole)]
    rows = [
        (model, outcome, nats[model], min(known, default=np.nan), capped(nats[model], known))
        for (model, outcome), known in wholes.items()
    ]
    return pd.DataFrame(rows, columns=["model", "outcome", "reply", "whole", "nats"])


def summarise(table: pd.DataFrame, limits: pd.DataFrame) -> str:
    """Say in two sentences what the smallest effect that matters is, and beside what.

    Parameters
    ----------
    table
        From :func:`reply_bounds`.
    limits
        From :func:`by_outcome`.
    """
    told = (
        f"Two genuine replies of one emotion differ by {span(table['nats'], '.2f')} nats in the same context (median "
        f"of {int(table['pairs'].min())} pairs on each model)."
    )
    return f"{told} {beside_whole(limits)}" if len(limits) else told


def beside_whole(limits: pd.DataFrame) -> str:
    """Say the bounds beside the emotions' whole effects, from :func:`by_outcome`; empty where no effect is in nats."""
    if limits.empty:
        return ""
    whole = limits["whole"].dropna()
    beside = (
        f", beside whole effects of the weakest emotion of {span(whole, '.2f')} nats" if len(whole) else ""
    )
    return (
        f"An effect on log-odds below {span(limits['nats'], '.2f')} nats, by model and outcome, is too small to matter"
        f"{beside}: the bound is what replies differ by, and at most {LARGE:.0%} of the whole or {LEAST_BOUND} nats, "
        "whichever is more."
    )
