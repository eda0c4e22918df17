"""Intervals over groups, against formulas and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from emotion_utils.resampling import (
    area_under_curve,
    grouped_auc_interval,
    grouped_mean_interval,
    resampling_units,
)


def test_the_area_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.3
    scores = np.round(rng.normal(size=200) + positive, 1)
    assert area_under_curve(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    assert math.isnan(area_under_curve(np.ones(3), np.ones(3, dtype=bool)))


def test_singleton_groups_give_the_interval_of_a_mean():
    values = np.random.default_rng(1).normal(size=400)
    low, high = grouped_mean_interval(values, np.arange(400), n_resamples=4000)
    half = 1.96 * values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_copies_of_a_prompt_do_not_narrow_the_interval():
    values = np.random.default_rng(2).normal(size=50)
    once = grouped_mean_interval(values, np.arange(50), seed=3)
    tenfold = grouped_mean_interval(np.repeat(values, 10), np.repeat(np.arange(50), 10), seed=3)
    assert tenfold == pytest.approx(once)


def test_one_group_has_no_interval():
    assert all(map(math.isnan, grouped_mean_interval(np.arange(5.0), np.zeros(5))))
    assert all(map(math.isnan, grouped_auc_interval(np.arange(4.0), np.arange(4) > 1, np.zeros(4))))


def test_the_interval_of_an_area_covers_the_truth_nineteen_times_in_twenty():
    # two unit normals 1 apart: the area is Phi(1 / sqrt 2)
    truth = 0.5 * (1 + math.erf(0.5))
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(120):
        scores = np.r_[rng.normal(1, 1, 60), rng.normal(0, 1, 60)]
        low, high = grouped_auc_interval(scores, np.arange(120) < 60, np.arange(120), n_resamples=200)
        hits += low <= truth <= high
    assert 0.89 <= hits / 120 <= 0.99


def test_units_join_families_through_pairs():
    prompts = pd.DataFrame({"group": ["a", "b", "c", "c"], "pair_id": ["1", "1", "2", None]})
    assert resampling_units(prompts).tolist() == [0, 0, 1, 1]
