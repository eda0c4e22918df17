"""The numbers of chapter 01's sentences, on sets where all, none and one of the prompts are what is counted."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.prompts import findings


def pairs(same_split: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"same_split": same_split})


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ({"a": pairs([]), "b": pairs([])}, findings.Duplicates(2, 0, 0, 0)),
        ({"a": pairs([True, True]), "b": pairs([False])}, findings.Duplicates(2, 0, 3, 1)),
        ({"a": pairs([False, False])}, findings.Duplicates(1, 0, 2, 2)),
    ],
    ids=["none", "one crosses", "all cross"],
)
def test_duplicates_are_counted_over_all_sets(near, expected):
    exact = {name: pd.DataFrame(columns=["text"]) for name in near}
    assert findings.duplicates(exact, near) == expected
    exact["a"] = pd.DataFrame({"text": ["x", "y"]})
    assert findings.duplicates(exact, near) == expected._replace(exact=2)


@pytest.mark.parametrize(("crossing", "strict"), [([0, 0, 5], 0), ([0, 1, 5], 1), ([3, 4, 0], 7)])
def test_topics_may_cross_and_are_counted_apart(crossing, strict):
    leaks = pd.DataFrame({"what": ["group", "text", "topic"], "crossing": crossing, "values": [9, 9, 8]})
    assert findings.leakage(leaks) == findings.Leakage(strict, crossing[-1], 8)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_neutral_prompts_do_not_count_among_those_that_name_their_emotion(share):
    rows = [
        (name, emotion, rate, 1.0)
        for name in ("baseline", "real_world", "implicit")
        for emotion, rate in (("gratitude", share), ("anger", share), ("neutral", 1 - share))
    ]
    rates = pd.DataFrame(rows, columns=["profile", "emotion", "rate", "flag_agrees"])
    assert findings.named_emotions(rates) == findings.NamedEmotions(share, share, share, 1.0)
    rates.loc[0, ["rate", "flag_agrees"]] = 0.5, 0.25
    assert findings.named_emotions(rates) == findings.NamedEmotions((share + 0.5) / 2, share, share, 0.25)


@pytest.mark.parametrize(
    ("verdicts", "english"), [(["english"] * 3, 3), (["other"] * 3, 0), (["english", "other"], 1)]
)
def test_english_prompts_are_counted(verdicts, english):
    sets = {"one": pd.Series(verdicts), "empty": pd.Series([], dtype=object)}
    assert findings.english(sets) == findings.English(english, len(verdicts))
