"""Planted states: h_hat holds the domain and r the token, or neither; trivial splits are seen through."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.probe_tasks import (
    BOTH,
    BOTH_REDUCED,
    CHANGE,
    LINEAR,
    NEW,
    PREDICTED,
    PREVIOUS,
    STATE,
    TEXT_BEFORE,
    TOKEN_BEFORE,
    domain_task,
    gap_table,
    last_place,
    probe_all,
    representations,
    several_places,
    token_before,
    tokens_before,
    type_task,
)
from emotion_utils.novelty.probes import score_table
from emotion_utils.novelty.token_types import TYPES

WINDOWS, LENGTH, WIDTH = 160, 20, 24
DOCUMENTS = np.repeat(np.arange(80), 2)
DOMAINS = np.array(["code", "prose", "logs"])[DOCUMENTS % 3]
SPLIT = np.where(DOCUMENTS < 44, "train", np.where(DOCUMENTS < 56, "validation", "test"))
PLACES = several_places(LENGTH, 6)


@pytest.fixture(scope="module")
def world():
    """Ids, the type of each of 40 tokens, states and their predictable part."""
    rng = np.random.default_rng(0)
    ids, types = rng.integers(0, 40, (WINDOWS, LENGTH)), np.arange(40) % 3 + 2
    domain, kind = (rng.standard_normal((n, WIDTH)) for n in (3, 8))
    about = domain[np.unique(DOMAINS, return_inverse=True)[1]][:, None] + rng.standard_normal(
        (WINDOWS, LENGTH, WIDTH)
    )
    states = about + 1.5 * kind[types[ids]] + 0.5 * rng.standard_normal(about.shape)
    return ids, types, states, about[:, 1:]


def scored(world, predicted, name="domain", linear=None):
    ids, types, states, _ = world
    given = representations(states, predicted, PLACES, linear)
    if name == "domain":
        task, text = domain_task(DOMAINS, DOCUMENTS, SPLIT, PLACES), tokens_before(ids, PLACES)
    else:
        task, text = type_task(ids, types, DOCUMENTS, SPLIT, PLACES), token_before(ids, PLACES)
    return probe_all(task, given | text)


def test_parts_that_hold_one_thing_each_are_told_apart(world):
    domain = scored(world, world[3])
    kind = scored(world, world[3], "type")
    table = {
        name: score_table(scores, n_permutations=99).set_index("representation")
        for name, scores in (("domain", domain), ("type", kind))
    }
    assert table["domain"].loc[PREDICTED, "macro_low"] > 0.8
    assert table["domain"].loc[NEW, "p"] > 0.05
    assert table["type"].loc[NEW, "macro_low"] > 0.8
    assert table["type"].loc[PREDICTED, "p"] > 0.05
    for name, text in (("domain", TEXT_BEFORE), ("type", TOKEN_BEFORE)):
        assert table[name].loc[text, "p"] > 0.05  # tokens are drawn alike in all domains, one by one
    gaps = gap_table(domain).set_index("contrast")
    assert gaps.loc[f"{PREDICTED} − {NEW}", "low"] > 0.3
    assert gap_table(kind).set_index("contrast").loc[f"{PREDICTED} − {NEW}", "high"] < -0.3


def test_a_predictor_that_repeats_the_state_before_is_not_beyond_the_trivial_split(world):
    """Its gap is large, and all of it is that of the state before and the change to the next."""
    scores = scored(world, world[2][:, :-1])
    gaps = gap_table(scores).set_index("contrast")
    assert gaps.loc[f"{PREDICTED} − {NEW}", "low"] > 0.2
    beyond = gaps.loc[f"{PREDICTED} − {NEW} beyond {PREVIOUS} − {CHANGE}"]
    assert beyond["difference"] == pytest.approx(0)


def test_where_neither_part_holds_anything_nothing_is_found(world):
    ids, types, states, predicted = world
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(states.shape)
    scores = scored((ids, types, noise, predicted), rng.standard_normal(predicted.shape))
    table = score_table(scores, n_permutations=99).set_index("representation")
    assert (table.loc[[STATE, PREDICTED, NEW, BOTH], "p"] > 0.01).all()
    gap = gap_table(scores).iloc[0]
    assert gap["low"] < 0 < gap["high"]


def test_parts_sum_to_the_state_and_stand_side_by_side(world):
    _, _, states, predicted = world
    given = representations(states, predicted, PLACES, predicted / 2)
    for past, rest in ((PREDICTED, NEW), (PREVIOUS, CHANGE), (LINEAR, "linear r")):
        np.testing.assert_allclose(given[past] + given[rest], given[STATE])
    row = 7 * len(PLACES) + 2
    np.testing.assert_array_equal(given[STATE][row], states[7, PLACES[2]])
    np.testing.assert_array_equal(given[PREVIOUS][row], states[7, PLACES[2] - 1])
    np.testing.assert_array_equal(given[PREDICTED][row], predicted[7, PLACES[2] - 1])
    assert given[BOTH].shape == (WINDOWS * len(PLACES), 2 * WIDTH)
    assert scored(world, predicted)[BOTH_REDUCED].dimensions == WIDTH
    with pytest.raises(UserError, match="one position less"):
        representations(states, states, PLACES)


def test_places_end_with_the_last_and_never_begin_with_the_first():
    assert last_place(20).tolist() == [19]
    assert several_places(20, 1).tolist() == [19]
    assert several_places(20, 19).tolist() == list(range(1, 20))
    places = several_places(256, 8)
    assert places[-1] == 255
    assert len(places) == 8
    with pytest.raises(UserError, match="1 to 19 positions with a past, not 20"):
        several_places(20, 20)


def test_a_bag_knows_what_stands_before_and_nothing_else():
    ids, places = np.array([[5, 7, 7, 2], [2, 2, 9, 5]]), np.array([1, 3])
    bag = np.expm1(tokens_before(ids, places)[TEXT_BEFORE].toarray())
    by_hand = [[0, 1, 0, 0], [0, 1, 2, 0], [1, 0, 0, 0], [2, 0, 0, 1]]  # of the tokens 2, 5, 7, 9
    np.testing.assert_allclose(bag, by_hand)
    before = token_before(ids, places)[TOKEN_BEFORE].toarray()
    assert before.sum(axis=1).tolist() == [1, 1, 1, 1]
    assert [np.unique(ids[:, places - 1])[row.argmax()] for row in before] == [5, 7, 2, 9]


def test_the_type_is_that_of_the_token_at_the_state(world):
    ids, types, _, _ = world
    task = type_task(ids, types, DOCUMENTS, SPLIT, PLACES)
    assert task.classes == TYPES
    assert task.rows.labels[4, 1] == types[ids[4, PLACES[1]]]


def test_one_domain_is_no_task():
    with pytest.raises(UserError, match='All windows are of the domain "code"'):
        domain_task(np.repeat("code", WINDOWS), DOCUMENTS, SPLIT, PLACES)
