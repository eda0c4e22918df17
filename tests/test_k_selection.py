"""The choice of k is even-handed where there is nothing, and the scores are those of plain subspaces."""

from __future__ import annotations

import numpy as np
import pytest
import sided

from emotion_utils.alignment import PENALTY
from emotion_utils.k_selection import choose_k
from emotion_utils.pairings import Ridge
from emotion_utils.subspaces import emotion_subspace, overlap


@pytest.fixture(scope="module")
def choice():
    return choose_k(*sided.two_of_one_world(), sided.rows(), (0, 1), (1, 2, 4), 99, 20)


def test_the_overlap_is_that_of_a_refit(choice):
    one, other = sided.two_of_one_world()
    rows = sided.rows()
    x, y = one.at(rows.neutral["id"])[0], other.at(rows.neutral["id"])[1]
    found = []
    for own in rows.pairs.values():
        basis = emotion_subspace(one.at(own["id"])[0], one.at(own["partner"])[0], 2)
        goal = emotion_subspace(other.at(own["id"])[1], other.at(own["partner"])[1], 2)
        found.append(overlap(Ridge.fit(x, PENALTY).dual(basis, vectors=True) @ (y - y.mean(axis=0)), goal))
    assert choice.table.set_index("k").loc[2, "overlap"] == pytest.approx(np.mean(found))


def test_shares_add_up_and_the_ratio_favours_small_k_without_reason(choice):
    table = choice.table
    assert table[["boot_z", "boot_ratio", "null_z", "null_ratio"]].sum().to_numpy() == pytest.approx(
        np.ones(4)
    )
    assert table["null_z"].max() < 0.7
    assert table["null_ratio"].iloc[0] > max(table["null_z"].iloc[0], 1 / 3)
    assert choice.draws == 20
    assert choice.best("ratio") == 1
    assert (table["p"] <= 0.05).any()
