"""Circuits chosen anew: on planted effects the choice is known, and so is the overlap of two choices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emotion_utils.planted import heads as planted
from emotion_utils.stability import membership

HEADS = [(0, i) for i in range(6)]


@pytest.fixture(scope="module")
def pairs_of():
    laboratory = planted.Laboratory()
    pairs = planted.pairs_of(planted.made(laboratory, 1), laboratory, 1)
    return lambda units: replace(pairs, table=pd.DataFrame({"unit": units}))


def additive(values):
    """What sets keep where heads add up: the sum of their effects on each pair."""
    return lambda sets: np.stack([values[:, [h for _, h in own]].sum(axis=1) for own in sets], axis=1)


@pytest.mark.parametrize(
    ("effects", "sizes", "size"),
    [
        ([0.95, 0.05, 0, 0, 0, 0], [1, 2, 3], 1),  # one head keeps 95 % of the difference
        ([0.5, 0.45, 0.05, 0, 0, 0], [1, 2, 3], 2),  # two are needed for 90 %
        ([0.2, 0.2, 0.2, 0.2, 0.2, 0], [1, 2, 3], 3),  # nothing is enough: the largest that is tried
    ],
)
def test_the_fewest_heads_that_keep_nine_tenths_are_chosen(effects, sizes, size):
    values = np.tile(effects, (4, 1)).astype(float)
    one = np.ones((1, 4))
    found = membership.chosen(values, one, HEADS, sizes, additive(values), values.sum(axis=1), one)
    assert found.tolist() == [[True] * size + [False] * (6 - size)]


def test_each_draw_chooses_by_its_own_pairs():
    values = np.array([[1.0, 0, 0, 0, 0, 0], [0, 0, 0, 1.0, 0, 0]])
    weights = np.array([[2.0, 0.0], [0.0, 2.0]])
    found = membership.chosen(values, weights, HEADS, [1, 2], additive(values), values.sum(axis=1), weights)
    assert [np.flatnonzero(own).tolist() for own in found] == [[0], [3]]


def test_a_set_is_run_once_for_all_draws_and_a_single_size_runs_nothing():
    values, asked = np.tile([0.6, 0.4, 0, 0, 0, 0], (3, 1)), []

    def kept(sets):
        asked.extend(frozenset(own) for own in sets)
        return additive(values)(sets)

    weights = np.ones((20, 3))
    membership.chosen(values, weights, HEADS, [1, 2, 4], kept, values.sum(axis=1), weights)
    assert len(asked) == len(set(asked)) == 2
    assert membership.chosen(values, weights, HEADS, [2]).sum(axis=1).tolist() == [2] * 20
    with pytest.raises(ValueError, match="what sets keep"):
        membership.chosen(values, weights, HEADS, [1, 2])


def test_units_are_drawn_whole_and_halves_share_none(pairs_of):
    pairs = pairs_of([0, 0, 1, 1, 2, 2, 3])
    drawn = membership.draws_of_units(pairs, 50, 1)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert drawn[:, [0, 2, 4, 6]].sum(axis=1).tolist() == [4] * 50
    halves = membership.halves_of_units(pairs, 3, 1)
    assert len(halves) == 6
    assert (halves[::2] + halves[1::2] == 1).all()
    assert (halves[:, 0] == halves[:, 1]).all()
    assert halves[:, [0, 2, 4, 6]].sum(axis=1).tolist() == [2] * 6


def test_weights_follow_the_units_to_other_pairs(pairs_of):
    weights = np.array([[3.0, 3.0, 1.0]])
    found = membership.weights_on(pairs_of(["b", "a", "b"]), pairs_of(["a", "a", "b"]), weights)
    assert found.tolist() == [[1.0, 3.0, 1.0]]


def test_overlap_is_that_of_sets_by_hand():
    members = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)
    found = membership.overlap(members)
    assert found.mean == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert (found.low, found.high) == pytest.approx((1 / 3, 0.9667), abs=1e-3)
    beside = membership.overlap(members, np.array([[0, 0, 0, 1]], dtype=bool))
    assert beside.mean == 0
    assert membership.jaccard(members[0], members[1]) == pytest.approx(1 / 3)
    assert np.isnan(membership.jaccard(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)))
    assert np.isnan(membership.overlap(members[:1]).mean)


def test_random_circuits_overlap_as_draws_without_replacement_do():
    members = np.zeros((100, 20), dtype=bool)
    members[:, :5] = True
    rng = np.random.default_rng(5)
    both = [len({*rng.choice(20, 5, replace=False)} & {*range(5)}) for _ in range(20_000)]
    assert membership.overlap(members).chance == pytest.approx(
        np.mean([n / (10 - n) for n in both]), abs=0.01
    )


def test_frequencies_count_choices_and_know_the_circuit():
    members = np.array([[1, 0, 1], [1, 0, 0]], dtype=bool)
    table = membership.frequencies(members, HEADS[:3], [(0, 2)])
    assert table["name"].tolist() == ["L0H0", "L0H2", "L0H1"]
    assert table["frequency"].tolist() == [1.0, 0.5, 0.0]
    assert table["member"].tolist() == [False, True, False]
    assert membership.as_members([(0, 2)], HEADS[:3]).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("partners", "mean", "sure"),
    [
        (slice(0, 5), 1.0, True),  # the same heads
        (slice(3, 8), 2 / 8, False),  # two of five
        (slice(5, 10), 0.0, False),  # none
    ],
)
def test_partners_are_held_beside_means_over_as_many_random_circuits(partners, mean, sure):
    members = np.zeros((2, 3, 20), dtype=bool)
    members[0, :, :5], members[1, :, partners] = True, True
    found = membership.paired_overlap(*members)
    assert found.mean == pytest.approx(mean)
    assert found.chance == pytest.approx(0.15, abs=0.03)
    assert (found.p <= 0.05) == sure
    assert (found.p == 1) == (mean == 0)


def test_splits_that_choose_the_same_heads_are_as_one_split():
    members = np.zeros((3, 10), dtype=bool)
    members[:, 0] = True
    # one head of ten: shuffles find it again in a tenth of the draws, however many splits repeat it
    assert membership.paired_overlap(members, members).p == pytest.approx(0.1, abs=0.06)
    assert np.isnan(membership.paired_overlap(members & False, members & False)).all()
