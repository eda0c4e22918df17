"""Planted effects have the size they are said to have, and intervals are counted rightly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from emotion_utils.calibration import coverage as module
from emotion_utils.calibration.coverage import (
    HARD,
    INTERVALS,
    Design,
    coverage,
    planted_auc,
    planted_mean,
    true_auc,
)
from emotion_utils.statistics.permutations import binomial_bounds

ONLY_MEAN = {"mean": INTERVALS["mean"]}


def test_the_true_area_is_that_of_many_draws():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=40_000)
    positive = np.arange(40_000) % 2 == 0
    assert roc_auc_score(positive, scores + 0.8 * positive) == pytest.approx(true_auc(0.8), abs=0.01)
    assert true_auc(0.0) == 0.5
    assert true_auc(0.0, skewed=True) == pytest.approx(0.5)
    assert true_auc(2.33) == pytest.approx(0.95, abs=0.001)


@pytest.mark.parametrize("paired", [True, False])
def test_planted_scores_have_unit_variance_and_the_stated_area(paired):
    scores, positive, groups = planted_auc(np.random.default_rng(1), 5000, 0.8, Design(paired))
    assert scores[positive].mean() - scores[~positive].mean() == pytest.approx(0.8, abs=0.06)
    assert scores[positive].std() == pytest.approx(1, abs=0.03)
    assert roc_auc_score(positive, scores) == pytest.approx(true_auc(0.8), abs=0.015)
    mixed = len(set(zip(groups.tolist(), positive.tolist(), strict=True)))
    assert mixed == (10_000 if paired else 5000)


def test_skewed_units_have_the_stated_area_and_sizes():
    scores, positive, groups = planted_auc(np.random.default_rng(2), 20_000, 0.8, Design(skewed=True))
    assert roc_auc_score(positive, scores) == pytest.approx(true_auc(0.8, skewed=True), abs=0.01)
    assert set(np.bincount(groups)) == set(range(2, 15, 2))


def test_a_class_can_be_rare():
    _, positive, groups = planted_auc(np.random.default_rng(3), 20, 0.8, list(HARD.values())[-1])
    assert len(set(groups[positive])) == 5


def test_planted_values_share_half_of_their_variance_in_a_unit():
    values, groups = planted_mean(np.random.default_rng(2), 5000, 0.8)
    assert values.mean() == pytest.approx(0.8, abs=0.04)
    means = values.reshape(5000, module.EACH).mean(axis=1)
    assert means.var() == pytest.approx(0.5 + 0.5 / module.EACH, rel=0.06)
    assert np.bincount(groups).tolist() == [module.EACH] * 5000


def test_a_perfect_interval_would_be_counted_as_such(monkeypatch):
    """The t interval of unit means is exact for this design: 95 % whatever the number of units."""

    def exact(values, groups, **options):
        means = values.reshape(-1, module.EACH).mean(axis=1)
        half = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
        return means.mean() - half, means.mean() + half

    monkeypatch.setattr(module, "grouped_mean_interval", exact)
    found = coverage(3000, 0, units=(4, 20), designs=ONLY_MEAN)
    for hits in found["hits"]:
        low, high = binomial_bounds(int(hits), 3000, 0.999)
        assert low <= 0.95 <= high


def test_intervals_hold_what_they_promise_from_eight_units_on():
    found = coverage(300, 3, units=(8, 40), n_resamples=200, effects=(0.8,))
    assert len(found) == 2 * len(INTERVALS)
    assert (found["high"] > 0.93).all()
    assert (found["n"] == 300).all()
    rows = found.set_index(["interval", "units"])
    assert rows.loc[("mean", 8), "truth"] == 0.8
    assert rows.loc[("difference of AUROCs, pairs", 8), "truth"] == 0  # both have the same effect
    assert rows.loc[("mean", 8), "low"] < 0.97
