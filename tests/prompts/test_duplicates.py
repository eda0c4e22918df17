"""Duplicates that were planted, and near duplicates against a comparison of all with all."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from emotion_utils.prompts.duplicates import N_GRAM, exact_duplicates, leakage, near_duplicates
from emotion_utils.prompts.splits import normalise


def table(texts: list[str], **columns) -> pd.DataFrame:
    n = len(texts)
    base = {"id": [f"p{i}" for i in range(n)], "text": texts, "emotion": "anger", "split": "build"}
    base |= {"group": [f"g{i}" for i in range(n)], "template": None, "pair_id": None, "topic": "home"}
    return pd.DataFrame({**base, **columns})


def test_planted_copies_are_found_whatever_their_case_and_punctuation():
    found = exact_duplicates(table(["Thank you!", "No.", "thank  YOU", "Yes.", "no"]))
    assert found["copy"].tolist() == [1, 1, 2, 2]
    assert found["id"].tolist() == ["p0", "p2", "p1", "p4"]
    assert exact_duplicates(table(["a", "b"])).empty


def jaccard(one: str, other: str) -> float:
    a, b = (
        {text[i : i + N_GRAM] for i in range(len(text) - N_GRAM + 1)} for text in (f" {one} ", f" {other} ")
    )
    return len(a & b) / len(a | b)


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
def test_near_duplicates_are_exactly_the_pairs_above_the_threshold(threshold):
    rng = np.random.default_rng(0)
    words = [
        "the",
        "cat",
        "sat",
        "on",
        "mats",
        "while",
        "we",
        "had",
        "tea",
        "and",
        "cake",
        "with",
        "her",
        "brother",
    ]
    texts = [" ".join(rng.choice(words, size=rng.integers(4, 9))) for _ in range(120)]
    texts += [text + rng.choice(["s", " now", ""]) for text in texts[:40]]
    prompts = table(texts)
    wanted = {
        (f"p{i}", f"p{j}"): jaccard(normalise(texts[i]), normalise(texts[j]))
        for i, j in itertools.combinations(range(len(texts)), 2)
        if jaccard(normalise(texts[i]), normalise(texts[j])) >= threshold - 1e-9
    }
    found = near_duplicates(prompts, threshold)
    pairs = dict(zip(zip(found["id"], found["other_id"], strict=True), found["similarity"], strict=True))
    assert pairs.keys() == wanted.keys()
    assert len(pairs) >= 10
    assert list(pairs.values()) == pytest.approx([wanted[pair] for pair in pairs], abs=1e-6)


def test_japanese_is_compared_by_pairs_of_characters_and_without_its_punctuation():
    texts = [
        "傘を貸してくれて、ありがとう。",
        "傘を貸してくれてありがとう！",
        "傘を貸してくれてありがとうね。",
        "駅で待つ。",
    ]
    prompts = table(texts)
    assert exact_duplicates(prompts)["id"].tolist() == ["p0", "p1"]
    found = near_duplicates(prompts)
    similar = dict(zip(zip(found["id"], found["other_id"], strict=True), found["similarity"], strict=True))
    bigrams = [{f" {text} "[i : i + 2] for i in range(len(text) + 1)} for text in map(normalise, texts)]
    expected = len(bigrams[0] & bigrams[2]) / len(bigrams[0] | bigrams[2])
    assert similar == pytest.approx({("p0", "p1"): 1, ("p0", "p2"): expected, ("p1", "p2"): expected})


def test_short_texts_and_emoji_do_not_disturb():
    found = near_duplicates(table(["🙏", "🙏", "ok", "a"]))
    assert list(zip(found["id"], found["other_id"], strict=True)) == [("p0", "p1")]


def test_what_crosses_the_splits_is_counted():
    prompts = table(
        ["one text here", "One text here.", "another thing", "that is all"],
        split=["build", "test", "select", "select"],
        group=["g", "g", "h", "i"],
        pair_id=["p", "p", "q", None],
        topic=["home", "work", "home", "home"],
    )
    rows = leakage(prompts, near_duplicates(prompts)).set_index("what")
    assert rows.loc["group", ["values", "crossing", "prompts", "example"]].tolist() == [3, 1, 2, "g"]
    assert rows.loc["pair_id", ["values", "crossing", "prompts"]].tolist() == [2, 1, 2]
    assert rows.loc["text", ["values", "crossing", "prompts"]].tolist() == [3, 1, 2]
    assert rows.loc["topic", ["values", "crossing", "prompts"]].tolist() == [2, 1, 3]
    assert rows.loc["near duplicate", ["values", "crossing", "prompts"]].tolist() == [1, 1, 2]
    assert rows.loc["template", "values"] == 0


def test_copies_are_found_among_ten_thousand_rows():
    rng = np.random.default_rng(1)
    words = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("an", "or", "ill", "ump", "ead")]
    texts = [" ".join(rng.choice(words, size=8)) for _ in range(9_900)]
    prompts = table(texts + [f"{text} x" for text in texts[:100]])
    found = near_duplicates(prompts)
    planted = {(f"p{i}", f"p{9_900 + i}") for i in range(100)}
    assert planted <= set(zip(found["id"], found["other_id"], strict=True))
