"""Intervals over groups, against formulas and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, t
from sklearn.metrics import roc_auc_score

from emotion_utils.statistics.auc import auroc, grouped_auc_interval
from emotion_utils.statistics.resampling import (
    FEWEST_UNITS,
    effective_units,
    exact_share_interval,
    grouped_mean_interval,
    interval,
    resampling_units,
)


def test_the_area_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.3
    scores = np.round(rng.normal(size=200) + positive, 1)
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    assert math.isnan(auroc(np.ones(3), np.ones(3, dtype=bool)))


def test_singleton_groups_give_the_t_interval_of_a_mean():
    for n in (8, 400):
        values = np.random.default_rng(1).normal(size=n)
        low, high = grouped_mean_interval(values, np.arange(n), n_resamples=20_000)
        exact = t.interval(0.95, n - 1, values.mean(), values.std(ddof=1) / math.sqrt(n))
        assert low == pytest.approx(exact[0], abs=0.02 * (exact[1] - exact[0]))
        assert high == pytest.approx(exact[1], abs=0.02 * (exact[1] - exact[0]))


def test_with_many_units_the_interval_is_that_of_scipy():
    """Bias-corrected and accelerated, which has no correction for few units and needs none here."""
    rng = np.random.default_rng(5)
    values = rng.normal(1, 1, size=200)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, rng=rng).confidence_interval
    low, high = grouped_mean_interval(values, np.arange(200), n_resamples=4000)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.015)
    paired = rng.normal(size=(2, 150)) + np.array([[0.8], [0.0]])

    def area(one, other):
        return auroc(np.r_[one, other], np.arange(2 * len(one)) < len(one))

    theirs = bootstrap(tuple(paired), area, paired=True, vectorized=False, n_resamples=2000, rng=rng)
    groups = np.tile(np.arange(150), 2)
    low, high = grouped_auc_interval(paired.ravel(), np.arange(300) < 150, groups, n_resamples=2000)
    between = theirs.confidence_interval
    assert (low, high) == pytest.approx((between.low, between.high), abs=0.015)


def test_a_share_of_single_observations_has_the_interval_of_wilson_with_the_tails_of_t():
    flags = np.arange(40) < 6
    low, high = grouped_mean_interval(flags, np.arange(40), n_resamples=20_000, bounds=(0.0, 1.0))
    z = t.ppf(0.975, 39)
    p, n = 6 / 40, 39  # the variance has n - 1
    middle, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    half /= 1 + z**2 / n
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=0.01)


def test_at_the_end_of_a_scale_the_interval_is_that_of_a_share_of_all():
    scores = np.r_[np.ones(20), np.zeros(20)]
    low, high = grouped_auc_interval(scores, scores > 0, np.tile(np.arange(20), 2))
    square = t.ppf(0.975, 19) ** 2
    assert high == pytest.approx(1)
    assert low == pytest.approx(1 / (1 + square / 20))  # Wilson, 20 of 20
    turned = interval(-2 * np.ones(9) + 1, 20, -1.0, (-1.0, 1.0))
    assert turned == pytest.approx((-1, 1 - 2 * low))


def test_nothing_of_twenty_units_has_an_exact_interval_and_so_has_everything_of_four():
    units = np.repeat(np.arange(20), 3)
    low, high = exact_share_interval(np.zeros(60), units)
    assert (low, high) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))  # P(0 of 20) = 2.5 % at the upper end
    low, high = exact_share_interval(np.ones(8), np.repeat(np.arange(4), 2))
    assert (low, high) == pytest.approx((0.025 ** (1 / 4), 1))
    some = np.tile([0.0, 1.0, 1.0], 20)
    assert exact_share_interval(some, units) == grouped_mean_interval(some, units, bounds=(0, 1))
    assert np.isnan(exact_share_interval(np.array([0.0, 1.0]), np.arange(2))).all()


def test_effective_units_are_those_of_welch_and_never_more_than_there_are():
    groups = np.repeat(np.arange(20), 4)
    assert effective_units(groups) == pytest.approx(20)
    assert effective_units(groups, np.arange(80) % 2 == 0) == pytest.approx(20)
    assert effective_units(groups, groups % 2 == 0) == pytest.approx(20)
    few = effective_units(groups, groups < 2)
    assert few == pytest.approx((1 / 2 + 1 / 18) ** 2 / (2 / 2**4 + 18 / 18**4))
    assert 5 < effective_units(np.repeat(np.arange(20), np.arange(1, 21))) < 20
    assert math.isnan(effective_units(groups[: 4 * (FEWEST_UNITS - 1)]))


def test_draws_that_are_no_bootstrap_of_units_give_their_middle():
    draws = np.r_[np.arange(1001.0), np.nan]
    assert interval(draws) == (25, 975)
    assert all(map(math.isnan, interval(draws, float("nan"))))
    assert all(map(math.isnan, interval(draws * np.nan, 20)))


def test_copies_of_a_prompt_do_not_narrow_the_interval():
    values = np.random.default_rng(2).normal(size=50)
    once = grouped_mean_interval(values, np.arange(50), seed=3)
    tenfold = grouped_mean_interval(np.repeat(values, 10), np.repeat(np.arange(50), 10), seed=3)
    assert tenfold == pytest.approx(once)


def test_few_groups_have_no_interval():
    groups = np.arange(40) % (FEWEST_UNITS - 1)
    assert all(map(math.isnan, grouped_mean_interval(np.arange(40.0), groups)))
    assert all(map(math.isnan, grouped_auc_interval(np.arange(40.0), np.arange(40) > 19, groups)))


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
