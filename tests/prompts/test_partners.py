"""The join of emotional prompts and their neutral partners."""

from __future__ import annotations

import pandas as pd

from emotion_utils.prompts.partners import partners

PROMPTS = pd.DataFrame(
    [
        ("a", "Thank you!", "gratitude", "p"),
        ("b", "Noon.", "neutral", "q"),
        ("c", "How dare you!", "anger", "q"),
        ("d", "Bread.", "neutral", "p"),
        ("e", "Salt.", "neutral", "p"),
        ("f", "Sorry!", "apology", None),
        ("g", "Rain.", "neutral", None),
        ("h", "Alone!", "anger", "r"),
    ],
    columns=["id", "text", "emotion", "pair_id"],
    index=[7, 5, 3, 1, 0, 2, 4, 6],
)


def test_each_prompt_stands_beside_the_first_neutral_one_of_its_pair():
    both = partners(PROMPTS)
    assert both[["id", "text", "partner_id", "partner_text"]].to_numpy().tolist() == [
        ["a", "Thank you!", "d", "Bread."],
        ["c", "How dare you!", "b", "Noon."],
    ]
    assert both.index.tolist() == [7, 3]


def test_prompts_that_belong_to_no_pair_are_not_partners_of_each_other():
    assert not {"f", "h"} & set(partners(PROMPTS)["id"])
    assert partners(PROMPTS[PROMPTS["pair_id"].isna()]).empty


def test_any_column_of_the_partner_is_given_in_its_type():
    numbered = PROMPTS.assign(start=pd.array([None, 4, None, 9, None, None, None, None], dtype="Int64"))
    beside = partners(numbered, ["start"])["partner_start"]
    assert (beside.tolist(), str(beside.dtype)) == ([9, 4], "Int64")
