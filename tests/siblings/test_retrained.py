"""Siblings are told apart only where two trainings of one differ less."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.siblings.retrained import between_siblings, differ


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
