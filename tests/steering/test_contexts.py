"""Which texts are continued: units in turn, one split alone, and what stands before them when a model is asked."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.scoring.replies import genuine_replies
from emotion_utils.smallworld import load_grammar
from emotion_utils.steering.contexts import (
    COLUMNS,
    example_before,
    fresh_contexts,
    instruction_before,
    neutral_contexts,
    own_example_before,
    own_instruction_before,
)

PROMPTS = pd.DataFrame(
    [
        ("a1", "neutral", "test", "a", "p1"),
        ("a2", "neutral", "test", "a", "p2"),
        ("a3", "neutral", "test", "a", "p3"),
        ("thanks", "gratitude", "test", "z", "p1"),
        ("b1", "neutral", "test", "b", "p4"),
        ("a1", "neutral", "test", "a", "p5"),
        ("c1", "neutral", "build", "c", "p6"),
        ("d1", "neutral", "test", "d", "p4"),
        ("sorry", "apology", "test", "e", "p7"),
    ],
    columns=["text", "emotion", "split", "group", "pair_id"],
    index=range(10, 19),
)


def test_contexts_are_neutral_of_one_split_and_taken_in_turn_from_the_units():
    found = neutral_contexts(PROMPTS, "test", 99, "mine")
    # units: {a, z} by the pair p1, {b, d} by the pair p4; the second "a1" is the same text
    assert found["context"].tolist() == ["a1", "b1", "a2", "d1", "a3"]
    assert list(found) == COLUMNS
    assert found["source"].unique().tolist() == ["mine"]
    assert found.groupby("unit")["context"].apply(list).tolist() == [["a1", "a2", "a3"], ["b1", "d1"]]
    assert found.index.tolist() == list(range(5))
    few = neutral_contexts(PROMPTS, "test", 3)
    assert few["context"].tolist() == ["a1", "b1", "a2"]


def test_without_a_split_all_neutral_texts_are_taken():
    assert set(neutral_contexts(PROMPTS, None, 99)["context"]) == {"a1", "a2", "a3", "b1", "c1", "d1"}


def test_no_neutral_text_is_said_in_a_sentence():
    with pytest.raises(UserError, match=r'The prompts mine have no neutral text in the split "select": add'):
        neutral_contexts(PROMPTS, "select", 3, "mine")
    with pytest.raises(UserError, match=r"The prompts mine have no neutral text: add some\."):
        neutral_contexts(PROMPTS[PROMPTS["emotion"] != "neutral"], None, 3, "mine")


def test_a_set_of_the_project_spreads_over_its_families(implicit):
    part = implicit[(implicit["split"] == "select") & (implicit["emotion"] == "neutral")]
    found = neutral_contexts(implicit, "select", 6)
    assert set(found["context"]) <= set(part["text"])
    assert found["unit"].nunique() == 6


def test_fresh_texts_are_reproducible_end_without_a_blank_and_are_of_the_grammar():
    found = fresh_contexts(12, 3)
    pd.testing.assert_frame_equal(found, fresh_contexts(12, 3))
    assert not set(found["context"]) & set(fresh_contexts(12, 4)["context"])
    assert not found["context"].str.endswith(" ").any()
    grammar = load_grammar("en")
    assert all(grammar.is_prefix(text) for text in found["context"])
    assert list(found) == COLUMNS
    assert found["unit"].tolist()[0] == 0
    assert found["unit"].max() == found["unit"].nunique() - 1
    assert found["context"].is_unique


def test_few_fresh_texts_tell_as_many_kinds_of_event():
    assert fresh_contexts(9, 0)["unit"].nunique() == 9
    many = fresh_contexts(48, 0)["unit"].value_counts()
    assert many.max() - many.min() <= 1


def test_the_same_event_is_the_same_unit():
    found = fresh_contexts(60, 0)
    kettle = found[found["context"].str.contains("kettle")]
    assert len(kettle) > 1
    assert kettle["unit"].nunique() == 1
    assert found["unit"].nunique() < len(found)


def test_an_instruction_stands_before_each_context():
    found = instruction_before(PROMPTS.assign(context=PROMPTS["text"]).head(2), "anger")
    assert found["context"].tolist() == [f"What is said next is full of anger. {t}" for t in ("a1", "a2")]
    with pytest.raises(UserError, match=r'no instruction for "angr": did you mean "anger"'):
        instruction_before(found, "angr")


def test_an_example_is_of_the_build_split_and_answered_with_a_genuine_reply(implicit):
    contexts = neutral_contexts(implicit, "test", 8)
    found = example_before(contexts, implicit, "apology", 5)
    told = implicit[(implicit["emotion"] == "apology") & (implicit["split"] == "build")]["text"]
    others = implicit[(implicit["emotion"] != "apology") | (implicit["split"] != "build")]["text"]
    replies, shown = genuine_replies("apology"), []
    for text, asked in zip(contexts["context"], found["context"], strict=True):
        assert asked.endswith(f"\n\n{text}")
        shown.append(asked.removesuffix(f"\n\n{text}"))
    for example in shown:
        assert any(example.startswith(text) for text in told)
        assert not any(example.startswith(text) for text in others)
        assert sum(reply in example for reply in replies) >= 1
    assert len(set(shown)) > 1
    assert found["unit"].tolist() == contexts["unit"].tolist()
    pd.testing.assert_frame_equal(found, example_before(contexts, implicit, "apology", 5))
    assert example_before(contexts, implicit, "apology", 6)["context"].tolist() != found["context"].tolist()


def test_an_example_needs_prompts_of_the_emotion():
    with pytest.raises(UserError, match=r'none of "apology" in the split "build"'):
        example_before(neutral_contexts(PROMPTS, "test", 2), PROMPTS, "apology")
    with pytest.raises(UserError, match='The emotion "joy" is not known'):
        example_before(neutral_contexts(PROMPTS, "test", 2), PROMPTS, "joy")


def test_an_own_label_is_asked_for_by_its_name_or_by_one_of_its_texts():
    contexts = pd.DataFrame({"context": ["We met."] * 9, "unit": range(9), "source": "by hand"})
    found = own_instruction_before(contexts, "喜び")
    assert set(found["context"]) == {"What comes next is an example of 喜び. We met."}
    prompts = pd.DataFrame(
        {
            "text": ["sun", "songs", "rain", "dance"],
            "emotion": ["joy", "joy", "worry", "joy"],
            "split": ["build"] * 3 + ["test"],
        }
    )
    found = own_example_before(contexts, prompts, "joy", 0)
    assert set(found["context"]) == {"sun\n\nWe met.", "songs\n\nWe met."}
