"""Texts are paired where they lack pairs, nothing changes where they have them, and the page says which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.prompts.loading import load_profile, load_prompts
from emotion_utils.subspaces.overlaps import affordable
from emotion_utils.subspaces.pairing import pairing_note, with_pairs, wording
from emotion_utils.subspaces.readings import rows_of

MOODS = PROJECT_ROOT / "data/examples/moods.csv"


def moods(reference: str) -> pd.DataFrame:
    return load_prompts(MOODS, "line", "mood", reference=reference)


@pytest.mark.parametrize("profile", ["smoke", "baseline", "extended", "powered"])
def test_the_prompts_of_the_book_are_left_as_they_are(profile):
    prompts = load_profile(profile)
    assert with_pairs(prompts) is prompts
    assert pairing_note(prompts, prompts) == ""
    assert wording(prompts) == ("emotion", "without emotion", "")


def test_with_a_reference_every_text_has_a_neutral_partner_of_its_own():
    rows = rows_of(moods("calm"), seed=4)
    assert list(rows.pairs) == ["joy", "worry"]
    for own in rows.pairs.values():
        assert set(own["partner"]) == set(rows.neutral["id"])
        unit = rows.neutral.set_index("id")["unit"]
        assert (unit[own["partner"]].to_numpy() == own["unit"]).all()
    assert len(rows.units) == 20
    assert affordable(rows) == (2, 5, 10)


def test_without_a_reference_half_of_every_label_is_read_by_the_map():
    prompts = moods("none")
    rows, label = rows_of(prompts), prompts.set_index("id")["emotion"]
    assert label[rows.neutral["id"]].value_counts().to_dict() == {"calm": 10, "joy": 10, "worry": 10}
    assert {e: len(own) for e, own in rows.pairs.items()} == {"calm": 10, "joy": 10, "worry": 10}
    assert set(rows.neutral["id"]) | set(rows.emotional()["id"]) == set(prompts["id"])
    assert (label[rows.emotional()["partner"]].to_numpy() != rows.emotional()["emotion"]).all()
    assert len(rows.units) == 10
    assert [half.fewest for half in rows.halves(0)] == [5, 5]


def test_the_order_of_the_rows_makes_no_difference():
    prompts = moods("none")
    other = prompts.sample(frac=1, random_state=3)
    for one, two in zip(rows_of(prompts, 2).pairs.values(), rows_of(other, 2).pairs.values(), strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_the_page_says_what_was_done_and_who_is_left_out():
    with_reference, without = moods("calm"), moods("none")
    said = pairing_note(with_reference, with_pairs(with_reference))
    assert "no pairs" in said
    assert "Left out" not in said
    assert "There is no reference label" in pairing_note(without, with_pairs(without))
    rare = without[(without["emotion"] != "worry") | (np.arange(len(without)) % 5 == 0)]
    assert "too few texts: worry." in pairing_note(rare, with_pairs(rare))
    assert wording(with_reference).kind == wording(without).kind == "label"
    assert "any two of them" in wording(without).remark


def test_a_label_with_too_few_given_pairs_is_left_out():
    prompts = load_profile("baseline")
    anger = prompts.index[prompts["emotion"] == "anger"]
    kept = prompts.drop(index=anger[3:])
    assert list(rows_of(kept).pairs) == ["gratitude", "apology"]
    assert "too few texts: anger." in pairing_note(kept, with_pairs(kept))


def test_halves_that_lack_a_label_are_drawn_again_and_refused_in_the_end():
    prompts = load_profile("baseline")
    rows = rows_of(prompts)
    unit = rows.pairs["anger"]["unit"]
    few = [own[own["unit"].isin(unit.unique()[:4])] if e == "anger" else own for e, own in rows.pairs.items()]
    scarce = type(rows)(rows.neutral, dict(zip(rows.pairs, few, strict=True)))
    for seed in range(40):
        assert min(half.fewest for half in scarce.halves(seed)) >= 2
    one = type(rows)(rows.neutral, {"anger": rows.pairs["anger"].head(1)})
    with pytest.raises(UserError, match="more of the rarest label or none"):
        one.halves(0)
