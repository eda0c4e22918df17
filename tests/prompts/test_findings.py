"""The numbers of chapter 01's sentences, on sets where all, none and one of the prompts are what is counted."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.prompts import findings
from emotion_utils.prompts.duplicates import closest, leakage, near_duplicates
from emotion_utils.prompts.language import language_check
from emotion_utils.prompts.schema import complete


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


def texts(rows: list[tuple[str, str]], **columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["text", "emotion"]).assign(**columns)
    return complete(table, range(len(table)), "mine.csv")


def test_what_crosses_is_said_with_what_to_do_and_topics_only_where_there_are_any():
    rows = [(f"The {word} is on the table in the hall today.", "joy") for word in ("cup", "cups", "lamp")]
    split = ["build", "test", "build"]
    table = texts(rows, split=split, topic=["home"] * 3)
    said = findings.summarise_leakage(leakage(table, near_duplicates(table)))
    assert said.startswith(
        "**1** families, templates, pairs, texts or near duplicates cross the splits; 1 of 1 topics"
    )
    assert "a column `group`" in said
    clean = texts(rows, split=["build"] * 3)
    assert findings.summarise_leakage(leakage(clean, near_duplicates(clean))) == (
        "**0** families, templates, pairs, texts or near duplicates cross the splits."
    )


def test_the_closest_pairs_of_all_sets_are_listed_shortened():
    long = " ".join(f"word{i}" for i in range(60)) + " "
    sets = {"a": texts([(long + "now", "joy"), (long + "then", "joy")]), "b": texts([("One.", "joy")])}
    table = closest({name: near_duplicates(own) for name, own in sets.items()})
    assert table["profile"].tolist() == ["a"]
    assert table["text"].str.len().max() <= 240
    assert len(closest({"b": near_duplicates(sets["b"])})) == 0


def test_texts_of_other_languages_are_said_to_be_so():
    def said(*lines: str) -> str:
        return findings.summarise_language({"mine": language_check(texts([(line, "joy") for line in lines]))})

    assert said("I was so glad of it.") == "**1 of 1** prompts are judged to be English."
    japanese = said("とても嬉しかった。", "昨日は悲しかった。")
    assert japanese.startswith(
        "**0 of 2** prompts are judged to be English. The others: 2 in another script (mine-1"
    )
    assert "Most are not English" in japanese
    assert "In 2, words are written without spaces" in japanese
    mixed = said("I was so glad of it.", "That was not what she had said.", "Спасибо за помощь.", "🙏")
    assert "1 in another script (mine-3); 1 without letters (mine-4)." in mixed
    assert "Most are not" not in mixed
    assert "without spaces" not in mixed
    assert "1 doubtful" in said("Vielen Dank für deine schnelle Hilfe gestern Abend.")
