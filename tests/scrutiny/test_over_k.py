"""What chance gives over k, for one pair and for a mean over layers."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.scrutiny import over_k
from emotion_utils.scrutiny.judging import judged
from emotion_utils.subspaces.overlap_by_k import random_sweeps


@pytest.fixture(scope="module")
def sweeps():
    return random_sweeps(2000)


def test_means_scatter_less_by_the_root_of_their_number(sweeps):
    means = over_k.means_over(sweeps, 5)
    assert means.shape == sweeps.shape
    assert means.mean(axis=0) == pytest.approx(sweeps.mean(axis=0), rel=0.05)
    assert means.std(axis=0) == pytest.approx(sweeps.std(axis=0) / np.sqrt(5), rel=0.1)


def test_five_independent_layers_are_exceeded_where_one_pair_is_not(sweeps):
    high = np.quantile(over_k.means_over(sweeps, 5)[:, 0], 0.975)
    assert high == pytest.approx(0.00223, rel=0.05)
    assert high < 0.00239 < np.quantile(sweeps[:, 0], 0.975)


@pytest.mark.parametrize(
    ("value", "low", "high", "word"),
    [
        ("0.40..0.45", 0.40, 0.45, "undecided"),
        ("0.80..0.90", 0.80, 0.90, "above chance"),
        ("0.05..0.10", 0.05, 0.10, "at chance"),
    ],
)
def test_the_fall_is_judged_at_both_ends(word_of, value, low, high, word):
    assert word_of("P75.k.drop", printed={"P75.k.drop": (value, low, high)}).word == word


def test_any_best_k_and_any_pattern_is_covered(rows, sweeps):
    rules = over_k.rules(sweeps, 5)
    for k in (2, 5, 10, 20):
        changed = {
            **rows,
            "P35.k.best": {**rows["P35.k.best"], "value": str(k), "lo": float(k), "hi": float(k)},
        }
        assert judged(rules, changed)["P35.k.best"].word == "at chance"
    for value in ("equal", "different"):
        changed = {**rows, "P75.k.profiles": {**rows["P75.k.profiles"], "value": value}}
        assert judged(rules, changed)["P75.k.profiles"].word == "at chance"
