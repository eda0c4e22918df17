"""Every scorer: shapes, order, empty input, unusual texts, errors, and the table around them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.scoring import (
    Scorer,
    distinct_ngrams,
    emotion_probability,
    emotion_shift,
    grammatical,
    keyword_count,
    politeness_marker,
    repeated_ngrams,
    score,
    scorer_table,
    target_reply,
    vader_sentiment,
)
from emotion_utils.scoring.politeness import politeness

SCORERS = [
    keyword_count(),
    keyword_count("anger"),
    vader_sentiment(),
    politeness(),
    politeness(("gratitude", "apologising"), name="politeness_other"),
    politeness_marker("please"),
    emotion_probability(),
    target_reply(),
    emotion_shift(),
    grammatical(),
    distinct_ngrams(1),
    distinct_ngrams(2),
    repeated_ngrams(),
]
TEXTS = [
    "Thank you very much.",
    "",
    "...!?",
    "ありがとう 😀 naïve café",
    "sorry " * 3000,
    "Thank you very much.",
    "\n\n",
    "a\0b",
]
TABLE = pd.DataFrame(
    {
        "context": ['Tom said to Anna: "', "Once", "", "x" * 50] * 2,
        "text": TEXTS,
        "emotion": ["gratitude", "anger", "apology", "neutral"] * 2,
    }
)


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda s: s.name)
def test_a_scorer_gives_one_number_in_its_range_per_text_whatever_their_order(scorer):
    before = TABLE.copy()
    column = score(TABLE, [scorer])[scorer.name]
    assert column.dtype == float
    known = column.dropna()
    assert len(known) >= 1
    assert known.between(*scorer.range).all()
    order = np.random.default_rng(0).permutation(len(TABLE))
    shuffled = score(TABLE.iloc[order], [scorer])[scorer.name]
    pd.testing.assert_series_equal(shuffled.sort_index(), column)
    pd.testing.assert_frame_equal(TABLE, before)


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda s: s.name)
def test_nothing_gives_nothing_and_what_is_missing_is_named(scorer):
    assert len(score(TABLE.iloc[:0], [scorer])) == 0
    for bad in (None, float("nan"), 3):
        with pytest.raises(UserError, match=r"The text in row 1 is .*, not a string"):
            score(pd.DataFrame({"context": "a", "text": ["b", bad], "emotion": "anger"}), [scorer])
    for column in scorer.needs:
        with pytest.raises(UserError, match=f'needs the column "{column}"'):
            score(TABLE.drop(columns=column), [scorer])
    assert scorer.limits.endswith(".")
    assert len(scorer.direction) > 10


def test_equal_rows_are_measured_once():
    seen = []

    def measure(rows):
        seen.extend(rows.texts)
        return [len(text) for text in rows.texts]

    scorer = Scorer("length", (0, math.inf), "longer", "Counts.", measure)
    assert scorer(["bb", "a", "bb"]).tolist() == [2, 1, 2]
    assert seen == ["a", "bb"]


def test_every_scorer_has_its_column():
    table = score(TABLE, [keyword_count(), repeated_ngrams()])
    assert list(table) == ["context", "text", "emotion", "keywords", "repetition"]
    alone = keyword_count()(TABLE["text"].tolist(), emotions=TABLE["emotion"].tolist())
    np.testing.assert_array_equal(table["keywords"], alone)
    assert list(score(TABLE, [])) == list(TABLE)


def test_names_must_be_free():
    with pytest.raises(UserError, match='two columns "keywords"'):
        score(TABLE, [keyword_count(), keyword_count()])
    with pytest.raises(UserError, match='two columns "keywords"'):
        score(TABLE.assign(keywords=1), [keyword_count()])


def test_calls_without_a_table():
    assert keyword_count()(["thanks", "thanks"], emotions="gratitude").tolist() == [1, 1]
    with pytest.raises(UserError, match="needs the emotion of each text: pass emotions"):
        keyword_count()(["thanks"])
    with pytest.raises(UserError, match="2 emotions for 1 texts"):
        keyword_count()(["thanks"], emotions=["anger", "anger"])
    with pytest.raises(UserError, match='The emotion "joy" is not known'):
        keyword_count()(["thanks"], emotions="joy")
    with pytest.raises(UserError, match="where a list is expected"):
        keyword_count("anger")("thanks")


def test_the_table_of_scorers_says_what_each_is():
    table = scorer_table(SCORERS)
    assert list(table) == ["scorer", "lowest", "highest", "higher_is", "limits", "needs"]
    assert (table["lowest"] < table["highest"]).all()
    assert table.set_index("scorer").loc["politeness", ["lowest", "highest"]].tolist() == [-5, 7]
