"""Keyword counts by hand; VADER against its published formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.scoring import keyword_count, politeness_marker, vader_sentiment
from emotion_utils.scoring.politeness import politeness, strategies


def test_keywords_are_counted_by_hand():
    texts = [
        "Thank you, THANKS, and much obliged!",
        "I am sorry and furious.",
        "unthankful thanksgiving",
        "",
    ]
    assert keyword_count("gratitude")(texts).tolist() == [3, 0, 0, 0]
    assert keyword_count("neutral")(texts).tolist() == [3, 2, 0, 0]
    emotions = ["gratitude", "apology", "anger", "neutral"]
    assert keyword_count()(texts, emotions=emotions).tolist() == [3, 1, 0, 0]


def test_vader_is_its_formula_on_the_valence_of_a_word():
    # "good" has valence 1.9 in the published lexicon; compound = x / sqrt(x^2 + 15), and "not" multiplies by -0.74
    values = vader_sentiment()(["good", "not good", "the table", "", "  \n", "...", "good " * 2000])
    expected = [1.9 / math.sqrt(1.9**2 + 15), -0.74 * 1.9 / math.sqrt((0.74 * 1.9) ** 2 + 15), 0]
    np.testing.assert_allclose(values[:3], expected, atol=1e-4)
    assert np.isnan(values[3:5]).all()
    assert values[5] == 0
    assert values[6] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Thanks for the soup.", {"gratitude": 1}),
        ("Good work. Nice, thanks!", {"deference": 2, "gratitude": 1}),
        ("It was good work.", {}),
        ("Hello Anna, the bus is late.", {"greeting": 1}),
        ("Sorry, that was my fault.", {"apologising": 2, "first person": 1}),
        ("Wait a moment, please. Then please stop.", {"please": 2, "direct start": 1}),
        ('"Please wait."', {"please start": 1}),
        ("By the way, the train is late.", {"indirect": 1}),
        ("Why is it late? How kind!", {"direct question": 1}),
        ("So it is.\nAnd so on.", {"direct start": 2}),
        (
            "Could you wait? Can you wait?",
            {"counterfactual modal": 1, "indicative modal": 1, "second person": 2},
        ),
        ("I'm late, and I know it.", {"first person start": 1, "first person": 1}),
        ("We lost our way.", {"first person plural": 2}),
        ("You’re late, you know.", {"second person start": 1, "second person": 1}),
        ("Perhaps it is a bit late.", {"hedges": 2}),
        ("In fact it is really late.", {"factuality": 2}),
        ("", {}),
        ("?!... -- ", {}),
        ("ありがとう、pleased youth", {}),
    ],
)
def test_markers_are_counted_by_hand(text, found):
    counts = {name: strategy.count(text) for name, strategy in strategies().items()}
    assert {name: n for name, n in counts.items() if n} == found


def test_strategies_are_those_of_the_paper_but_for_its_sentiment_lexicon():
    assert len(strategies()) == 20 - 2
    signs = {name: strategy.published for name, strategy in strategies().items()}
    assert {name for name, value in signs.items() if value < 0} == {
        "please start",
        "direct question",
        "direct start",
        "second person start",
        "factuality",
    }


def test_politeness_is_polite_minus_impolite_strategies():
    texts = ["Thank you, thank you, by the way.", "So what? You fool, honestly.", "The train.", ""]
    # gratitude + indirect; direct start, second person start, factuality; nothing
    assert politeness()(texts).tolist() == [2, -3, 0, 0]
    other = politeness(("gratitude", "apologising"), name="other")
    assert other(texts).tolist() == [1, -3, 0, 0]
    assert other.range == (-5, 5)
    assert politeness_marker("gratitude")(texts).tolist() == [2, 0, 0, 0]


def test_an_unknown_strategy_is_refused():
    with pytest.raises(UserError, match='did you mean "please"'):
        politeness_marker("pleas")
    with pytest.raises(UserError, match="no politeness strategy"):
        politeness(without=("kindness",))
