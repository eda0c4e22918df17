"""Scores from word lists: how often a text names an emotion, and the sentiment of its words."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from emotion_utils.prompts.keywords import keyword_pattern
from emotion_utils.scoring.scorer import Rows, Scorer, per_text

if TYPE_CHECKING:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer


def keyword_count(emotion: str | None = None) -> Scorer:
    """Count the words and phrases that name an emotion.

    Parameters
    ----------
    emotion
        Which; None takes the emotion of each row. For `neutral` the words of all emotions are counted.
    """
    limits = (
        "Blind to an emotion without its words (more than half of the small world's replies have none), "
        "to negation and to who feels it; a loop of one word counts every time."
    )
    if emotion is None:

        def by_row(rows: Rows) -> list[float]:
            pairs = zip(rows.emotions, rows.texts, strict=True)
            return [float(len(keyword_pattern(named).findall(text))) for named, text in pairs]

        higher = "more words that name the row's emotion"
        return Scorer("keywords", (0, float("inf")), higher, limits, by_row, ("text", "emotion"))
    pattern = keyword_pattern(emotion)
    named = "any emotion" if emotion == "neutral" else emotion
    count = per_text(lambda text: float(len(pattern.findall(text))))
    higher = f"more words that name {named}"
    return Scorer(f"keywords_{emotion}", (0, float("inf")), higher, limits, count)


def vader_sentiment() -> Scorer:
    """Compound sentiment of VADER {cite:p}`hutto2014`, from the lexicon inside its package."""
    limits = (
        "A lexicon of English social media: an angry text without its words counts as neutral, gratitude and an "
        "apology may both be positive; NaN for a blank text."
    )
    return Scorer("vader", (-1, 1), "more positive sentiment", limits, per_text(_compound))


def _compound(text: str) -> float:
    return float(_analyzer().polarity_scores(text)["compound"]) if text.strip() else float("nan")


@functools.cache
def _analyzer() -> SentimentIntensityAnalyzer:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
