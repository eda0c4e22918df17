"""Heads counted by how much they carry: with and without intervals, and against a bound in nats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emotion_utils.circuits.screening import effect_table
from emotion_utils.heads import carried
from emotion_utils.planted import heads as planted


@pytest.fixture(scope="module")
def pairs():
    """Ten units, one pair each of two emotions; the whole difference is 10 nats."""
    laboratory = planted.Laboratory()
    made = planted.pairs_of(planted.made(laboratory, 1), laboratory, 1)
    rows = [(f"{e}{u}", e, u, "test", 0) for u in range(10) for e in ("anger", "apology")]
    table = pd.DataFrame(rows, columns=["pair", "emotion", "unit", "split", "version"])
    found = replace(made, table=table)
    found.__dict__["untouched"] = np.stack([np.full(20, 10.0), np.zeros(20)])
    return found


def effects_of(pairs, means, spread=0.01):
    rng, wide = np.random.default_rng(1), np.full((len(pairs), len(pairs.heads)), np.nan)
    noise = np.tile([-1.0, 1.0, 1.0, -1.0], 5)[:, None] * spread + 1e-4 * rng.normal(size=(20, len(means)))
    wide[:, : len(means)] = np.array(means) + noise
    return wide


def count(pairs, means, bound, spread=0.01):
    effects = effects_of(pairs, means, spread)
    table = effect_table(pairs, effects, n_permutations=1023, n_resamples=200)
    return carried.by_size(table, carried.within(pairs, effects, bound), pairs)


def test_heads_are_counted_by_share_and_by_bound(pairs):
    sizes = count(pairs, [3.0, -1.5, 0.5, 0.05, 0.0], 0.3)
    assert sizes["difference"].tolist() == pytest.approx([10, 10])
    assert sizes["heads"].tolist() == [5, 5]  # those that were not run do not count
    assert sizes["large"].tolist() == sizes["large_surely"].tolist() == [2, 2]
    assert sizes["some"].tolist() == [3, 3]
    assert (sizes["found"] >= 4).all()
    assert (sizes["found_small"] >= 1).all()  # 0.05 nats of 10 stand out, and are half a hundredth
    assert sizes["within"].tolist() == [2, 2]
    assert sizes["open"].tolist() == [0, 0]


def test_wide_effects_are_open_and_not_surely_large(pairs):
    sizes = count(pairs, [1.2, 0.1], 0.3, spread=3.0)
    found = carried.carried(sizes)
    assert (found.effects, found.large, found.large_surely) == (4, 2, 0)
    assert (found.found, found.within, found.open, found.tested) == (0, 0, 4, 4)


def test_with_too_few_units_nothing_is_tested(pairs):
    few = pairs.where(pairs.table["unit"] < 5)
    effects = effects_of(pairs, [3.0, 0.0])[(pairs.table["unit"] < 5).to_numpy()]
    table = effect_table(few, effects, n_permutations=99, n_resamples=50)
    found = carried.carried(carried.by_size(table, carried.within(few, effects, 0.5), few))
    assert (found.large, found.large_surely, found.tested, found.within) == (2, 0, 0, 0)
    assert "too few units" in carried.carried_in_words(found, 0.5)


def test_the_sentence_says_how_much_before_it_says_whether():
    text = carried.carried_in_words(carried.Carried(96, 8, 4, 36, 49, 17, 83, 3, 96), 1.25)
    assert text.index("**8** carry a tenth") < text.index("49 stand out")
    assert "of which 17 carry less than 2%" in text
    assert "83 are surely smaller than 1.25 nats" in text
    assert "3 are open" in text


@pytest.mark.parametrize(
    ("whole", "reply", "bound"),
    [((10.0, 20.0), 0.7, 0.7), ((10.0, 20.0), 9.0, 1.0), ((0.3, 8.0), 9.0, 0.1), ((0.0, 0.0), 1.2, 0.1)],
)
def test_the_bound_is_that_of_replies_and_a_tenth_of_the_smallest_difference_at_most(
    pairs, whole, reply, bound
):
    own = replace(pairs)
    own.__dict__["untouched"] = np.stack([np.tile(whole, 10), np.zeros(20)])
    assert carried.bound_in_nats(reply, own) == pytest.approx(bound)
    assert carried.capped(reply, [-whole[0], whole[1]]) == pytest.approx(bound)


@pytest.mark.parametrize(("reply", "bound"), [(0.9, 0.1), (0.05, 0.05)])
def test_of_effects_whose_whole_nobody_knows_the_bound_is_a_tenth_of_a_nat_at_most(reply, bound):
    assert carried.capped(reply, []) == bound
