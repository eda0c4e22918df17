"""The join of emotional prompts and their neutral partners, and partners by lot for texts that have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.prompts.partners import dealt, has_pairs, loosely_paired, partners
from emotion_utils.prompts.splits import normalise

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


def own(sizes: dict[str, int], group: str | None = None, each: int = 1) -> pd.DataFrame:
    """Texts by label; every `each` of a label are a family, or of all labels where `group` is ``all``."""
    rows = []
    for label, size in sizes.items():
        for i in range(size):
            family = None if group is None else f"{'' if group == 'all' else label}{i // each}"
            rows.append((f"{label}-{i}", f"{label} speaks of {i}", label, family))
    table = pd.DataFrame(rows, columns=["id", "text", "emotion", "group"])
    return table.assign(group=table["group"].fillna(table["text"]), pair_id=None)


def beside_of(found: pd.DataFrame) -> pd.DataFrame:
    return partners(found, ["id", "label", "text", "unit"])


def test_with_a_reference_texts_of_the_same_number_share_a_neutral_partner():
    found = loosely_paired(own({"joy": 20, "worry": 20, "neutral": 20}))
    both = beside_of(found)
    assert set(both.groupby("partner_id")["emotion"].agg(lambda e: tuple(sorted(e)))) == {("joy", "worry")}
    assert (both["unit"] == both["partner_unit"]).all()
    assert found["unit"].nunique() == both["partner_id"].nunique() == 20
    assert not has_pairs(own({"joy": 20, "neutral": 20}))
    assert has_pairs(found)


@pytest.mark.parametrize(("joy", "neutral", "most"), [(50, 20, 3), (20, 50, 1), (41, 40, 2), (7, 5, 2)])
def test_neutral_texts_are_shared_as_little_as_can_be(joy, neutral, most):
    both = beside_of(loosely_paired(own({"joy": joy, "neutral": neutral})))
    counts = both["partner_id"].value_counts()
    assert len(both) == joy
    assert counts.max() == most
    assert len(counts) == min(joy, neutral)


@pytest.mark.parametrize(
    "sizes",
    [
        {"joy": 20, "worry": 20, "calm": 20},
        {"joy": 21, "worry": 17},
        {f"label {i}": 24 for i in range(20)},
        {f"label {i}": 20 for i in range(30)},
        {"喜び": 13, "不安": 12, "平静": 14},
    ],
    ids=["three", "two", "twenty", "thirty", "Japanese"],
)
def test_without_a_reference_every_text_is_used_once_beside_another_label(sizes):
    prompts = own(sizes)
    found = loosely_paired(prompts)
    both = beside_of(found)
    assert sorted(found["id"]) == sorted(prompts["id"])
    assert (both["label"] != both["partner_label"]).all()
    assert not both["partner_id"].duplicated().any() or len(sizes) == 2
    assert (both["unit"] == both["partner_unit"]).all()
    halves = pd.crosstab(found["label"], found["emotion"] == "neutral")
    assert (halves[True] - halves[False]).abs().max() <= 1
    assert len(both) + halves[True].sum() == len(prompts)
    assert found["unit"].nunique() >= min(8, halves[False].min())


def test_partners_are_of_all_other_labels_alike():
    both = beside_of(loosely_paired(own(dict.fromkeys(("a", "b", "c", "d"), 48))))
    counts = pd.crosstab(both["label"], both["partner_label"]).to_numpy()
    assert (np.diag(counts) == 0).all()
    assert set(counts[~np.eye(4, dtype=bool)]) == {8}


@pytest.mark.parametrize(
    "sizes", [{"joy": 30, "worry": 25, "neutral": 22}, {"joy": 30, "worry": 25, "calm": 22}]
)
def test_pairing_goes_by_the_texts_alone(sizes):
    def pairing(table: pd.DataFrame, seed: int = 0) -> set[tuple[str, ...]]:
        both = beside_of(loosely_paired(table, seed))
        return set(zip(both["text"], both["partner_text"], both["unit"], strict=True))

    prompts = own(sizes)
    assert pairing(prompts) == pairing(prompts.sample(frac=1, random_state=1)) == pairing(prompts)
    renamed = prompts.assign(id=[f"x{i}" for i in range(len(prompts))])
    assert pairing(renamed) == pairing(prompts)
    assert pairing(prompts, 1) != pairing(prompts)


def test_families_stay_whole():
    prompts = own({"joy": 60, "worry": 60, "calm": 60}, "own", 3)
    found = loosely_paired(prompts)
    each = found.groupby("group")
    assert (each["emotion"].nunique() == 1).all()
    assert (each["unit"].nunique() == 1).all()
    both = beside_of(found)
    assert (both["label"] != both["partner_label"]).all()
    assert not both["partner_id"].duplicated().any()


def test_families_that_are_too_few_are_in_both_halves_but_in_one_unit():
    prompts = own({"joy": 30, "worry": 30}, "all", 5)  # six families that hold both labels
    found = loosely_paired(prompts)
    each = found.groupby("group")
    assert (each["emotion"].agg(lambda e: "neutral" in set(e) and len(set(e)) > 1)).all()
    assert (each["unit"].nunique() == 1).all()
    both = partners(found, ["group", "label"])
    assert (both["label"] != both["partner_label"]).all()
    # of a family the halves may hold unequal numbers of two labels, so that a few have a partner elsewhere
    assert (both["group"] == both["partner_group"]).mean() > 0.7


def test_a_given_pair_stays_in_one_unit():
    prompts = own({"joy": 40, "worry": 40, "calm": 40})
    given = prompts["id"].isin(["joy-3", "worry-8", "calm-1"])
    found = loosely_paired(prompts.assign(pair_id=np.where(given, "p", None)))
    assert found.loc[found["id"].isin(prompts.loc[given, "id"]), "unit"].nunique() == 1


def test_a_text_that_stands_twice_is_used_once_and_never_beside_itself():
    prompts = own({"joy": 30, "worry": 30, "calm": 30})
    again = prompts.head(3).assign(id=["x", "y", "z"], text=lambda t: t["text"].str.upper() + "!")
    wrong = prompts.head(1).assign(id="w", emotion="worry")
    found = loosely_paired(pd.concat([prompts, again, wrong], ignore_index=True))
    assert len(found) == 91
    both = beside_of(found)
    assert (both["text"].map(normalise) != both["partner_text"].map(normalise)).all()


def test_rare_labels_are_left_out_and_too_few_are_refused():
    found = loosely_paired(own({"joy": 30, "worry": 30, "calm": 11, "rage": 12}))
    assert set(found["label"]) == {"joy", "worry", "rage"}
    assert set(loosely_paired(own({"joy": 8, "worry": 8}))["label"]) == {"joy", "worry"}
    with pytest.raises(UserError, match=r"two labels with at least 8 .* there are 30 of joy and 7 of worry"):
        loosely_paired(own({"joy": 30, "worry": 7}))
    with pytest.raises(UserError, match=r"the reference and one more label with at least 4 .* 3 of neutral"):
        loosely_paired(own({"joy": 30, "neutral": 3}))


def test_of_many_texts_as_many_are_used_as_a_map_can_be_fitted_on():
    found = loosely_paired(own({"joy": 900, "worry": 300, "neutral": 500}))
    assert found["emotion"].value_counts().to_dict() == {"joy": 240, "worry": 240, "neutral": 240}
    assert found["unit"].nunique() == 40
    without = loosely_paired(own(dict.fromkeys("abcd", 400)))
    assert without["label"].value_counts().to_dict() == dict.fromkeys("abcd", 120)


def test_texts_are_dealt_out_evenly():
    families, labels = np.repeat(np.arange(12), 2), np.tile(["a", "b"], 12)
    parts = dealt(families, labels, 4)
    assert (pd.crosstab(parts, labels) == 3).all(axis=None)
    assert all(len(set(parts[families == family])) == 1 for family in range(12))
