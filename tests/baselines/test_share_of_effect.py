"""The interval of a ratio: against the closed formula of Fieller, against a known truth, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from emotion_utils.baselines.share_of_effect import ratio_interval


def fieller(part, whole):
    """Roots of the quadratic of Fieller (1954) for paired observations, worked out by hand."""
    n = len(part)
    far = student.ppf(0.975, n - 1) ** 2 / n
    cov = np.cov(part, whole)
    a, b, c = part.mean(), whole.mean(), far * cov
    return sorted(np.roots([b**2 - c[1, 1], -2 * (a * b - c[0, 1]), a**2 - c[0, 0]]).real)


def drawn(seed, n=12, ratio=0.5, whole=4.0, spread=1.0):
    rng = np.random.default_rng(seed)
    own = whole + spread * rng.normal(size=n)
    return ratio * own + 0.5 * spread * rng.normal(size=n), own


@pytest.mark.parametrize("seed", range(4))
def test_the_ends_are_those_of_the_closed_formula(seed):
    part, whole = drawn(seed, n=16)
    found = ratio_interval(part, whole, np.arange(16), seed=seed)
    low, high = fieller(part, whole)
    assert found == pytest.approx(
        (low, high), abs=0.12 * (high - low)
    )  # the variance comes from 1,000 resamples
    assert found[0] < part.mean() / whole.mean() < found[1]


def test_about_95_of_100_intervals_hold_the_true_ratio():
    held = [
        low <= 0.5 <= high
        for seed in range(150)
        for low, high in [ratio_interval(*drawn(seed), np.arange(12), seed=seed)]
    ]
    assert 0.89 <= np.mean(held) <= 0.99


def test_contexts_of_one_unit_are_no_further_evidence():
    part, whole = drawn(1)
    once = ratio_interval(part, whole, np.arange(12))
    again = ratio_interval(np.repeat(part, 5), np.repeat(whole, 5), np.repeat(np.arange(12), 5))
    assert again == pytest.approx(once, abs=1e-2)


def test_there_is_none_where_the_whole_is_not_told_from_zero_or_lies_below_it():
    part, whole = drawn(0, whole=0.1)
    assert np.isnan(ratio_interval(part, whole, np.arange(12))).all()
    assert np.isnan(ratio_interval(part, -drawn(0)[1], np.arange(12))).all()
    assert np.isnan(ratio_interval(*drawn(0), np.arange(12) % 7)).all()


def test_shares_that_are_all_alike_still_have_an_interval():
    ones, units = np.ones(12), np.arange(12)
    low, high = ratio_interval(ones, ones, units, bounds=(-1.0, 1.0))
    assert 0.5 < low < 1 < high < 1.5
    low, high = ratio_interval(0 * ones, ones, units, bounds=(-1.0, 1.0))
    assert -0.5 < low < 0 < high < 0.5


def test_no_unit_of_measurement_matters():
    part, whole = drawn(2)
    once = ratio_interval(part, whole, np.arange(12))
    assert ratio_interval(100 * part, 100 * whole, np.arange(12)) == pytest.approx(once)
