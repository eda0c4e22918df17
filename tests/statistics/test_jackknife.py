"""The jackknife agrees with textbook formulas and covers what it should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.resampling import FEWEST_UNITS


def of_mean(values, units):
    names = np.unique(units)
    left = np.array([values[units != unit].mean() for unit in names])
    sizes = np.array([(units == unit).sum() for unit in names])
    return jackknife_interval(values.mean(), left, sizes)


def test_units_of_equal_size_give_the_standard_error_of_their_means():
    rng = np.random.default_rng(0)
    values, units = rng.normal(size=60), np.repeat(np.arange(12), 5)
    means = values.reshape(12, 5).mean(axis=1)
    half = student.ppf(0.975, 11) * means.std(ddof=1) / np.sqrt(12)
    low, high = of_mean(values, units)
    assert low == pytest.approx(values.mean() - half)
    assert high == pytest.approx(values.mean() + half)


def test_it_covers_the_mean_of_clustered_rows_of_unequal_size():
    rng, inside = np.random.default_rng(1), 0
    units = np.repeat(np.arange(19), [3] * 10 + [4] * 8 + [8])
    for _ in range(2000):
        values = rng.normal(size=19)[units] + rng.normal(size=len(units))
        low, high = of_mean(values, units)
        inside += low <= 0 <= high
    assert 0.93 <= inside / 2000 <= 0.97


def test_few_units_give_no_interval():
    values = np.random.default_rng(2).normal(size=FEWEST_UNITS - 1)
    assert np.isnan(of_mean(values, np.arange(len(values)))).all()


def test_an_interval_is_cut_at_the_ends_of_the_scale_and_holds_the_truth_as_often():
    rng = np.random.default_rng(3)
    cut = 0
    for _ in range(50):
        values, units = rng.beta(0.5, 20, size=60), np.repeat(np.arange(12), 5)
        left = np.array([values[units != unit].mean() for unit in range(12)])
        plain = jackknife_interval(values.mean(), left, np.full(12, 5))
        shown = jackknife_interval(values.mean(), left, np.full(12, 5), (0.01, 1.0))
        cut += shown != plain
        assert shown == (max(plain[0], 0.01), plain[1])
    assert 0 < cut < 50
