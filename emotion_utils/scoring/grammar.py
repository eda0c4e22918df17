"""Scores that only the small world can give: its grammar knows what may be said, and what was to be expected."""

from __future__ import annotations

import functools

from emotion_utils.core.errors import UserError
from emotion_utils.scoring.replies import reply_emotion
from emotion_utils.scoring.scorer import Rows, Scorer
from emotion_utils.smallworld.grammar import load_grammar

NAN = float("nan")


def grammatical() -> Scorer:
    """Whether some text of the small world begins with the context and the continuation, 1 or 0.

    Any cause may bring about any reaction here, as in the blind world: a steered reply does not follow from the cause
    told, and that alone is no fault of grammar. The mean is the share of texts that the grammar accepts.
    """

    def measure(rows: Rows) -> list[float]:
        return list(map(_accepted, rows.contexts, rows.texts))

    limits = (
        "Exact wording of the small world only, so 0 for other good English; takes some hundredths of a second a text; "
        "NaN where the context itself does not begin a text of the small world."
    )
    return Scorer("grammatical", (0, 1), "accepted by the grammar", limits, measure, ("text", "context"))


def target_reply() -> Scorer:
    """Whether the continuation opens like a reply of the row's emotion in the small world, 1 or 0.

    The rule of the bundled models' cards, for any context: see :func:`replies.reply_emotion`.
    """

    def measure(rows: Rows) -> list[float]:
        pairs = zip(rows.texts, rows.emotions, strict=True)
        return [float(reply_emotion(text) == emotion) for text, emotion in pairs]

    limits = (
        "Knows the replies of the small world and no other, so 0 for any other English; judges the opening alone; a "
        "collapsed text that opens well counts, so read it beside the cost."
    )
    return Scorer(
        "target_reply", (0, 1), "a reply of the row's emotion", limits, measure, ("text", "emotion")
    )


def emotion_shift() -> Scorer:
    """What the continuation says of the row's emotion, 1 or 0, minus the grammar's posterior P(emotion | context).

    The mean over contexts is the shift of the emotion's probability; untouched models that learnt the small world
    perfectly and are sampled from have mean 0.
    """
    said = target_reply()

    def measure(rows: Rows) -> list[float]:
        values = said.measure(rows)
        triples = zip(values, rows.contexts, rows.emotions, strict=True)
        return [value - _posterior(context, emotion) for value, context, emotion in triples]

    limits = (
        "Needs the mean over many texts; greedy texts differ from the posterior also without steering where the cause "
        "is ambiguous; NaN where the context does not begin a text of the small world with a reaction."
    )
    needs = ("text", "context", "emotion")
    return Scorer("emotion_shift", (-1, 1), "more of the emotion than expected", limits, measure, needs)


def _accepted(context: str, text: str) -> float:
    return float(load_grammar("en", blind=True).is_prefix(context + text)) if _known(context) else NAN


@functools.lru_cache(maxsize=4096)
def _known(context: str) -> bool:
    return load_grammar("en", blind=True).is_prefix(context)


@functools.lru_cache(maxsize=4096)
def _posterior(context: str, emotion: str) -> float:
    try:
        return load_grammar("en").posterior(context)[emotion]
    except UserError:
        return NAN
