"""Tests of which heads are patched, and of what is told of each pair."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from emotion_utils.circuits import pair_effects, patching


@pytest.fixture
def effects(pairs):
    """Head 1 is the strongest, against the emotion, then head 0."""
    found = np.zeros((len(pairs), len(pairs.heads)))
    found[:, 0], found[:, 1] = 1.0, -2.0
    return found


def test_the_strongest_heads_are_those_of_the_largest_mean_by_size(pairs, effects):
    assert pair_effects.leading(pairs, effects, 2) == [pairs.heads[1], pairs.heads[0]]
    effects[:2, 2], effects[2:, 2] = 9.0, -9.0  # large on every pair, nothing on average
    assert pairs.heads[2] not in pair_effects.leading(pairs, effects, 2)


def test_other_heads_are_drawn_once_each_and_never_the_chosen(pairs):
    chosen, rest = pairs.heads[:3], set(pairs.heads[3:])
    drawn = [pair_effects.others(pairs, chosen, 2, seed) for seed in range(300)]
    assert all(len(set(own)) == 2 and own == sorted(own) for own in drawn)
    assert {head for own in drawn for head in own} == rest
    assert pair_effects.others(pairs, chosen, 2, 7) == drawn[7]
    assert set(pair_effects.others(pairs, chosen, 10_000)) == rest
    assert pair_effects.others(pairs, pairs.heads) == []


def test_a_row_for_every_pair_with_the_sign_of_changed_minus_untouched(pairs, effects):
    held = pairs.where(pairs.table["split"] == "report")
    found = SimpleNamespace(
        pairs=pairs,
        held=held,
        to_choose_by=lambda: effects[np.asarray(pairs.table["split"] == "build")],
        on_held=lambda method: effects[2:] * [[1.0], [3.0]],
    )
    gone = pair_effects.ablations(found)
    assert len(gone) == len(held) * len(pairs.heads)
    assert gone[gone["heads"] == "L0H1"]["value"].tolist() == [2.0, 6.0]
    plain = held.log_odds()[:, :, 0]
    assert gone[gone["heads"] == "L0H0"]["difference"].to_numpy() == pytest.approx(
        plain[0] - plain[1], abs=1e-4
    )
    assert gone[gone["heads"] == "L0H0"]["pair"].tolist() == held.table["pair"].tolist()

    moved = pair_effects.patchings(found)
    own = moved[moved["heads"] == "L0H1"]
    assert set(own["role"]) == {pair_effects.CHOSEN}
    for direction, part in own.groupby("direction"):
        exact = patching.patch(held, [[(0, 1)]], direction=direction)
        assert part["value"].to_numpy() == pytest.approx(exact.patched[:, 0] - exact.target, abs=1e-4)
    both = moved[moved["heads"].str.contains("+", regex=False)]
    assert both.groupby("role")["heads"].nunique().eq(1).all()
    assert not set(moved[moved["role"] == pair_effects.RANDOM]["heads"]) & set(
        moved[moved["role"] == pair_effects.CHOSEN]["heads"]
    )
