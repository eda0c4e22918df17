"""The validation report on prompt sets whose properties are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.prompts.language import language_check, word_coverage
from emotion_utils.prompts.report import (
    LONGEST,
    keyword_rates,
    label_balance,
    length_summary,
    lengths,
    samples,
    shorten,
    sizes,
)
from emotion_utils.prompts.schema import complete
from emotion_utils.prompts.spans import marked_prompt, pairs, span_report, token_marks
from emotion_utils.reports.prompts import chapter_measurements


def prompts(rows: list[dict]) -> pd.DataFrame:
    return complete(pd.DataFrame(rows), range(len(rows)), "test.csv")


@pytest.fixture
def small() -> pd.DataFrame:
    return prompts(
        [
            {
                "text": "I am grateful.",
                "emotion": "gratitude",
                "group": "a",
                "pair_id": "1",
                "split": "build",
            },
            {"text": "I am ready.", "emotion": "neutral", "group": "b", "pair_id": "1", "split": "build"},
            {"text": "Thanks, Tom!", "emotion": "gratitude", "group": "c", "pair_id": "2", "split": "test"},
            {"text": "You did it.", "emotion": "gratitude", "group": "d", "pair_id": "3", "split": "test"},
        ]
    )


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def test_sizes_count_prompts_families_and_units(small):
    row = sizes({"small": small}).iloc[0]
    assert row.tolist() == ["small", 4, 4, "1..3", 4, 3, 3]
    copied = pd.concat([small, small.assign(text=small["text"].str.upper())], ignore_index=True)
    assert sizes({"copied": copied}).iloc[0][["prompts", "unique"]].tolist() == [8, 4]


def test_balance_counts_every_emotion_and_split(small):
    table = label_balance(small)
    assert table.columns.tolist() == ["emotion", "build", "select", "test", "total", "share"]
    assert table.values.tolist() == [["gratitude", 1, 0, 2, 3, 0.75], ["neutral", 1, 0, 0, 1, 0.25]]


def test_lengths_in_characters_words_and_tokens(small):
    table = lengths(small, lambda texts: [7] * len(texts))
    first = table[table["id"] == small["id"].iloc[0]].set_index("unit")["length"]
    assert first.to_dict() == {"characters": 14, "words": 3, "tokens": 7}
    assert set(lengths(small)["unit"]) == {"characters", "words"}
    summary = length_summary({"small": small}).set_index("unit")
    assert summary.loc["characters", ["mean", "median", "longest", "n"]].tolist() == [12.0, 11.5, 14, 4]
    assert summary.loc["words", "n_groups"] == 3


def test_keyword_rates_come_from_the_text_and_the_flag_is_compared(small):
    wrong = small.assign(keyword=[True, False, True, True])
    table = keyword_rates({"small": wrong}).set_index("emotion")
    assert table.loc["gratitude", ["rate", "flag_agrees", "n"]].tolist() == pytest.approx([2 / 3, 2 / 3, 3])
    assert table.loc["neutral", ["rate", "flag_agrees"]].tolist() == [0.0, 1.0]


def test_samples_show_as_many_families_as_they_can():
    rows = [
        {"text": f"t{g}{i}", "emotion": e, "group": f"{e}{g}"}
        for e in EMOTIONS
        for g in range(3)
        for i in range(5)
    ]
    table = samples(prompts(rows), per_emotion=3, seed=4)
    assert table["emotion"].tolist() == [e for e in EMOTIONS for _ in range(3)]
    assert table.groupby("emotion")["text"].apply(lambda t: t.str[1].nunique()).eq(3).all()


def test_pairs_mark_the_emotion_word_and_its_match(small):
    table = pairs(small)
    assert table.values.tolist() == [["gratitude", "I am [grateful].", "I am [ready]."]]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Thank you for the tea and for your time.", "english"),
        ("Thanks!", "english"),
        ("ありがとうございます、助かりました。", "other script"),
        ("Спасибо за помощь вчера вечером.", "other script"),
        ("Vielen Dank für deine schnelle Hilfe gestern Abend.", "doubtful"),
        ("Désolé, je suis arrivé trop tard hier soir.", "doubtful"),
        ("🙏🙏", "no letters"),
        ("12:30", "no letters"),
    ],
)
def test_the_language_of_a_prompt(text, verdict):
    assert language_check(prompts([{"text": text, "emotion": "neutral"}]))["verdict"].tolist() == [verdict]


def test_word_coverage_counts_known_words():
    table = word_coverage({"a": prompts([{"text": "The cat's zyx ate well-known 12 pies.", "emotion": "neutral"}])},
                          {"the", "cat", "ate", "well", "known"})  # fmt: skip
    assert table.loc[0, ["words", "known", "unknown"]].tolist() == [7, 5, "zyx, pies"]
    assert table.loc[0, "share"] == pytest.approx(5 / 7)


def test_spans_are_matched_with_tokens(small):
    def offsets(texts: list[str]) -> list[list[tuple[int, int]]]:
        # tokens of four characters, so that "grateful" (5..13) begins inside one; "Thanks" (0..6) ends inside one
        return [[(i, min(i + 4, len(text))) for i in range(0, len(text), 4)] for text in texts]

    row = span_report({"small": small}, offsets).iloc[0]
    assert row["with_word"] == pytest.approx(2 / 3)
    assert row["with_match"] == pytest.approx(1 / 3)
    assert row["on_token_edges"] == 0.0
    assert row["tokens_per_word"] == pytest.approx((3 + 2) / 2)

    def by_word(texts: list[str]) -> list[list[tuple[int, int]]]:
        return [[(4, 13), (13, 14)] if text.startswith("I") else [(0, 6), (6, 7)] for text in texts]

    row = span_report({"small": small}, by_word).iloc[0]
    assert (row["on_token_edges"], row["tokens_per_word"]) == (1.0, 1.0)


def test_the_claims_of_phase_1_are_measured_on_both_profiles():
    rows = [{"text": "x" * 28, "emotion": e, "group": f"{e}{i % 9}"} for e in EMOTIONS for i in range(70)]
    longer = [{"text": "y" * 33, "emotion": e, "group": f"{e}{i % 9}"} for e in EMOTIONS for i in range(100)]
    sets = {"baseline": prompts(rows), "extended": prompts(longer)}
    found = {m.claim: m for m in chapter_measurements(sets, "small-gpt2", lambda texts: [7] * len(texts))}
    assert {claim: m.value for claim, m in found.items()} == {
        "P1.size.baseline": 70, "P1.size.extended": 100, "P1.size.total": 680,
        "P1.chars.baseline": 28, "P1.chars.extended": 33, "P1.tokens.mean": 7,
    }  # fmt: skip
    assert found["P1.tokens.mean"].model == "small-gpt2"
    assert found["P1.chars.baseline"].n == 280
    assert all(np.isclose(m.low, m.high) for m in found.values())


def test_the_marked_tokens_are_the_whole_prompt(small):
    words, marks = token_marks(small.iloc[0], lambda texts: [[(0, 1), (2, 4), (5, 9), (9, 13), (13, 14)]])
    assert words == ["I", " am", " grat", "eful", "."]
    assert marks == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert token_marks(small.iloc[1], lambda texts: [[(0, 11)]]) == (["I am ready."], [0.0])


def labelled(labels: list[str], each: int = 5) -> pd.DataFrame:
    return prompts([{"text": f"{e} {i}", "emotion": e} for e in labels for i in range(each)])


def test_tables_take_any_labels_in_their_order():
    table = labelled(["worry", "neutral", "joy"])
    assert label_balance(table)["emotion"].tolist() == ["joy", "worry", "neutral"]
    assert keyword_rates({"mine": table})["emotion"].tolist() == ["joy", "worry", "neutral"]
    assert samples(table, 2)["emotion"].tolist() == ["joy", "joy", "worry", "worry", "neutral", "neutral"]


def test_of_many_labels_few_texts_are_shown_and_of_long_ones_the_beginning():
    many = labelled([f"label {i:02d}" for i in range(20)])
    assert samples(many, 4)["emotion"].tolist() == sorted(set(many["emotion"]))
    long = samples(many.assign(text="so " * 200), 4)["text"]
    assert long.str.len().max() == LONGEST == len(shorten("x" * 500))
    assert long.str.endswith("…").all()
    assert shorten("x" * LONGEST) == "x" * LONGEST


def test_the_prompt_whose_tokens_are_shown_has_a_marked_word(small):
    assert marked_prompt(small)["text"] == "I am grateful."
    rows = [
        {"text": "I was glad.", "emotion": "joy", "emotion_start": 6, "emotion_end": 10},
        {"text": "No word here.", "emotion": "worry"},
        {"text": "I was afraid.", "emotion": "worry", "emotion_start": 6, "emotion_end": 12},
    ]
    assert marked_prompt(prompts(rows))["text"] == "I was afraid."
