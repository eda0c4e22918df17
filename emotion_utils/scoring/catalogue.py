"""The scorers that need nothing but texts, and what they are scored against, by name."""

from __future__ import annotations

from emotion_utils.scoring.classifier import emotion_probability
from emotion_utils.scoring.fluency import distinct_ngrams, repeated_ngrams
from emotion_utils.scoring.grammar import emotion_shift, grammatical, target_reply
from emotion_utils.scoring.lexical import keyword_count, vader_sentiment
from emotion_utils.scoring.politeness import politeness
from emotion_utils.scoring.scorer import Scorer


def scorers() -> dict[str, Scorer]:
    """Scorers by name, to be picked from: style, repetition, emotion, and what the small world's grammar says.

    A perplexity needs a model that judges: `emotion_utils.scoring.judge.relative_perplexity`.

    Returns
    -------
    Name to scorer: each has a ``range``, a ``direction`` (what more of it means), ``limits`` (what it cannot tell) and
    ``needs`` (columns of the table that is scored). `emotion_utils.scoring.scorer.scorer_table` lists them.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> list(eu.scorers())[:4]
    ['keywords', 'vader', 'politeness', 'repetition']
    >>> eu.scorers()["vader"](["Thank you so much!", "I hate this."]).round(2).tolist()
    [0.42, -0.57]
    """
    style = [keyword_count(), vader_sentiment(), politeness(), repeated_ngrams(), distinct_ngrams(1)]
    emotion = [emotion_probability(), target_reply(), emotion_shift(), grammatical()]
    return {scorer.name: scorer for scorer in (*style, *emotion)}
