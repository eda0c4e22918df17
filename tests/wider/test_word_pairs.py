"""The reports' options mean what they say, and what they do not allow is said in a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import worded

from emotion_utils.core.errors import UserError
from emotion_utils.reports.published_alignment import word_case
from emotion_utils.subspaces.readings import rows_of
from emotion_utils.wider.word_pairs import Options, limited, matched, read_layers, word_pairs


@pytest.fixture(scope="module")
def given():
    return worded.pair()


@pytest.mark.parametrize(
    ("option", "layers"),
    [
        ("", None),
        (" ", None),
        ("0", (0,)),
        ("0, 3,5", (0, 3, 5)),
        ("0-3", (0, 1, 2, 3)),
        ("0 2 4 - 5", (0, 2, 4, 5)),
    ],
)
def test_layers_are_read_as_they_are_written(option, layers):
    assert read_layers(option) == layers


@pytest.mark.parametrize("option", ["x", "1, two", "5-3", "-1", "1--2"])
def test_what_is_no_layer_is_named(option):
    with pytest.raises(UserError, match=r"layers has the part .* as in 0, 1, 4-7\."):
        read_layers(option)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"n_components": 0}, "n_components is 0"),
        ({"max_samples_per_emotion": 2}, "max_samples_per_emotion is 2"),
        ({"layers": ()}, "layers is empty"),
        ({"layers": (1, 1)}, "names one twice"),
    ],
)
def test_options_without_a_meaning_are_refused(options, told):
    with pytest.raises(UserError, match=told):
        Options(**options)


def test_layers_are_matched_by_number_and_by_depth():
    assert matched(range(4), range(2), None) == [(0, 0), (1, 1)]
    # depths 1/4 to 4/4 beside 1/2 and 2/2; a tie goes to the first
    assert matched(range(4), range(2), None, "depth") == [(0, 0), (1, 0), (2, 0), (3, 1)]
    assert matched(range(2), range(4), (1,), "depth") == [(1, 3)]


def test_layers_that_are_not_there_are_named():
    with pytest.raises(UserError, match="source has no layers 4, 5: it has layers 0, 1, 2, 3"):
        matched(range(4), range(8), (0, 4, 5))
    with pytest.raises(UserError, match=r"target has no layer 3: it has layers 0, 1; .* by depth"):
        matched(range(4), range(2), (3,))


def test_a_case_is_that_of_the_chapter_on_two_models(given):
    """At half depth, without a limit, both functions read the same states."""
    rows, prompts = rows_of(worded.prompts()), worded.prompts()
    theirs = word_case(given.source, given.target, prompts, rows)
    (ours,) = word_pairs(
        given.source, given.target, prompts, rows, Options((1,), max_samples_per_emotion=10**6)
    ).cases()
    assert ours.source_neutral == pytest.approx(theirs.source_neutral)
    assert (ours.groups == theirs.groups).all()
    for emotion, values in theirs.target.items():
        assert ours.target[emotion] == pytest.approx(values)


def test_no_more_samples_than_were_asked_for(given):
    few = worded.pair(max_samples_per_emotion=7)
    (case, *_), (whole, *_) = few.cases(), given.cases()
    assert {len(values) for values in (*case.source.values(), case.source_neutral)} == {7}
    assert case.target["anger"] == pytest.approx(whole.target["anger"][:7])
    assert few.k == 4
    assert worded.pair(max_samples_per_emotion=4).k == 3
    rows = limited(rows_of(worded.prompts()), 5)
    assert [len(rows.neutral), *map(len, rows.pairs.values())] == [5, 5, 5, 5]


def test_a_unit_that_is_left_out_is_left_out_of_all_that_is_compared(given):
    """The same as if its prompts had never been read."""
    unit, prompts = int(given.units[3]), worded.prompts()
    neutral = given.rows.neutral
    pairs = set(prompts.loc[prompts["id"].isin(neutral["id"][neutral["unit"] == unit]), "pair_id"])
    kept = prompts[~prompts["pair_id"].isin(pairs)].reset_index(drop=True)
    never = word_pairs(given.source, given.target, kept, rows_of(kept), Options(n_components=4))
    for ours, theirs in zip(given.cases(unit), never.cases(), strict=True):
        assert ours.source_neutral == pytest.approx(theirs.source_neutral)
        for emotion, values in theirs.source.items():
            assert ours.source[emotion] == pytest.approx(values)
    assert given.sizes.tolist() == [worded.EACH * 4] * worded.FAMILIES


def test_without_words_there_is_no_comparison(given):
    prompts, rows = worded.prompts(), rows_of(worded.prompts())
    with pytest.raises(UserError, match="no prompt has both marked"):
        word_pairs(given.source, given.target, prompts.assign(match_start=pd.NA), rows)
    text = replace(given.source, activations=None)
    with pytest.raises(UserError, match="one has no tokens"):
        word_pairs(text, given.target, prompts, rows)
    few = prompts[prompts["pair_id"].isin(["s-0-0", "s-1-0"])].reset_index(drop=True)
    with pytest.raises(UserError, match="An emotion has 2 prompts"):
        word_pairs(given.source, given.target, few, rows_of(few))
    assert np.isfinite([case.k(4) for case in given.cases()]).all()
