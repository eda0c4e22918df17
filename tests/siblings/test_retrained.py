"""Siblings are told apart only where two trainings of one differ less."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.siblings.retrained import beside_continuations, between_siblings, differ, told_apart


def runs(one, other, name="sum") -> pd.DataFrame:
    return pd.DataFrame({"sibling": ["base"] * len(one) + ["jpn"] * len(other), name: [*one, *other]})


def test_p_is_the_share_of_all_exchanges():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=4), rng.normal(0.5, size=4)
    (row,) = between_siblings(runs(one, other), ["sum"]).itertuples()
    every, hits = np.r_[one, other], 0
    for chosen in combinations(range(8), 4):
        rest = [i for i in range(8) if i not in chosen]
        hits += abs(every[list(chosen)].mean() - every[rest].mean()) >= abs(row.difference) - 1e-12
    assert row.p == pytest.approx(hits / 70)
    assert row.least == pytest.approx(2 / 70)
    assert row.difference == pytest.approx(one.mean() - other.mean())
    assert row.within == pytest.approx(max(np.ptp(one), np.ptp(other)))


def test_siblings_that_differ_by_more_than_trainings_are_found_and_others_are_not():
    far = between_siblings(runs([1, 1.1, 0.9, 1.05], [2, 2.1, 1.9, 2.05]), ["sum"]).iloc[0]
    assert differ(far["p"], far["least"]) is True
    near = between_siblings(runs([1, 2, 3, 4], [1.5, 2.5, 2.9, 3.9]), ["sum"]).iloc[0]
    assert differ(near["p"], near["least"]) is False
    few = between_siblings(runs([1, 1.1], [2, 2.1]), ["sum"]).iloc[0]
    assert few["p"] == few["least"] == pytest.approx(2 / 6)
    assert differ(few["p"], few["least"]) is None  # no such few trainings could tell


def test_equal_trainings_do_not_differ():
    assert between_siblings(runs([1, 1], [1, 1]), ["sum"])["p"].iloc[0] == 1


def test_false_alarms_are_as_rare_as_they_say():
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(300):
        found = between_siblings(runs(rng.normal(size=4), rng.normal(size=4)), ["sum"])
        alarms += found["p"].iloc[0] <= 0.05
    assert alarms <= 25


def test_one_sibling_or_one_training_cannot_be_compared():
    with pytest.raises(UserError, match="of 1: base"):
        between_siblings(runs([1, 2], []), ["sum"])
    with pytest.raises(UserError, match="jpn was trained once"):
        between_siblings(runs([1, 2], [3]), ["sum"])


def trainings(shift: float, spread: float = 0.1, continuation: float = 0.0, n: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    level = {"base": 0.0, "one": shift - continuation, "two": shift, "three": shift + continuation}
    rows = [
        (name, value + spread * rng.normal(), rng.normal()) for name, value in level.items() for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=["sibling", "moved", "still"])


@pytest.mark.parametrize(
    ("shift", "continuation", "n", "differs"),
    [(2.0, 0.2, 5, True), (2.0, 3.0, 5, False), (0.0, 0.1, 5, False), (2.0, 0.2, 2, None)],
)
def test_siblings_differ_only_beyond_trainings_and_beyond_continuations(shift, continuation, n, differs):
    runs, measures = trainings(shift, continuation=continuation, n=n), ["moved", "still"]
    between = between_siblings(runs[runs["sibling"].isin(["base", "one"])], measures)
    continued = beside_continuations(runs, measures, "base")
    found = told_apart(between, continued).set_index("measure")
    if (shift, continuation) == (2.0, 3.0):  # "one" alone is near the base here
        between = between_siblings(runs[runs["sibling"].isin(["base", "three"])], measures)
        found = told_apart(between, continued).set_index("measure")
        assert found.loc["moved", "p_holm"] <= 0.05
    assert found.loc["moved", "differs"] is differs
    assert not found.loc["still", "differs"]
    means = runs.groupby("sibling")["moved"].mean()
    assert continued.set_index("measure").loc["moved", "within"] == pytest.approx(np.ptp(means.drop("base")))


def test_continuations_need_a_base_and_two_of_them():
    runs = trainings(1.0)
    with pytest.raises(UserError, match="of one, two and three"):
        beside_continuations(runs[runs["sibling"] != "base"], ["moved"], "base")
