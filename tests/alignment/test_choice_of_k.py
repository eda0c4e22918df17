"""The choice of k is even-handed where there is nothing, and the scores are those of plain subspaces."""

from __future__ import annotations

import numpy as np
import pytest
import sided
from scipy.stats import binom

from emotion_utils.alignment.align import PENALTY
from emotion_utils.alignment.choice_of_k import choose_k, choose_k_pairs, possible_ks, summary
from emotion_utils.alignment.ridge import Ridge
from emotion_utils.subspaces.measures import emotion_subspace, overlap


@pytest.fixture(scope="module")
def halves():
    return sided.rows().halves(0)


@pytest.fixture(scope="module")
def choice(halves):
    return choose_k(*sided.two_of_one_world(), halves, (1, 2, 4), 99, 20)


def test_the_overlap_is_that_of_a_refit(choice, halves):
    one, other = sided.two_of_one_world()
    neutral = halves[0].neutral
    x, y = one.at(neutral["id"])[0], other.at(neutral["id"])[0]
    found = []
    for emotion, own in halves[0].pairs.items():
        theirs = halves[1].pairs[emotion]
        basis = emotion_subspace(one.at(own["id"])[0], one.at(own["partner"])[0], 2)
        goal = emotion_subspace(other.at(theirs["id"])[0], other.at(theirs["partner"])[0], 2)
        found.append(overlap(Ridge.fit(x, PENALTY).dual(basis, vectors=True) @ (y - y.mean(axis=0)), goal))
    assert choice.table.set_index("k").loc[2, "overlap"] == pytest.approx(np.mean(found))


def test_shares_add_up_and_the_ratio_favours_small_k_without_reason(choice):
    table = choice.table
    assert table[["boot_z", "boot_ratio", "null_z", "null_ratio"]].sum().to_numpy() == pytest.approx(
        np.ones(4)
    )
    assert table["null_z"].max() < 0.7
    assert table["null_ratio"].iloc[0] > table["null_ratio"].iloc[-1]
    assert choice.draws == 20
    assert choice.best("ratio") == 1


def test_models_of_one_world_are_found(choice):
    assert choice.p <= 0.05


def test_unrelated_models_are_found_no_more_often_than_p_says(halves):
    n, ks = 150, (1, 2, 4)
    found = [choose_k(*sided.two_worlds(seed), halves, ks, 39, 0, seed) for seed in range(1, n + 1)]
    hits = np.array([[*choice.table["p"], choice.p] for choice in found]) <= 0.05
    assert (binom.sf(hits.sum(axis=0) - 1, n, 0.05) > 0.01).all()


def test_tables_of_many_pairs_are_those_of_each(choice, halves):
    one, other = sided.two_of_one_world()
    table = choose_k_pairs({"a": one, "b": other}, [("a", "b"), ("b", "a")], halves, (1, 2, 4), 99)
    own = table[table["source"] == "a"]
    assert own["p"].to_numpy() == pytest.approx(choice.table["p"].to_numpy())
    assert own["p_any"].unique() == pytest.approx([choice.p])
    assert own["chosen"].sum() == 1


def test_a_k_must_fit_a_resample(halves):
    assert possible_ks(halves, (2, 5, 10, 200)) == (2, 5, 10)
    assert possible_ks(halves, (200,)) == (1,)


def test_a_summary_has_one_row_per_k(halves):
    one, other = sided.two_of_one_world()
    table = choose_k_pairs({"a": one, "b": other}, [("a", "b"), ("b", "a")], halves, (1, 2), 39, 2)
    found = summary(table)
    assert found["k"].tolist() == [1, 2]
    assert found["chosen"].sum() == 2
    assert found["small"].tolist() == (table["p"] <= 0.05).groupby(table["k"]).sum().tolist()
    assert found["z"].to_numpy() == pytest.approx(table.groupby("k")["z"].mean().to_numpy())
