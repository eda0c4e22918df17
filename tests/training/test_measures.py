"""Intervals against statsmodels and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.training.measures import mean, ratio, share


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (18, 20), (20, 20), (47, 80)])
def test_share_has_the_wilson_interval(hits, n):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    low, high = proportion.proportion_confint(hits, n, method="wilson")
    found = share(hits, n)
    assert (found.value, found.n) == (hits / n, n)
    assert found.low == pytest.approx(max(0.0, low), abs=1e-12)
    assert found.high == pytest.approx(min(1.0, high), abs=1e-12)


def test_mean_has_an_interval_like_the_normal_one_for_many_values():
    values = np.random.default_rng(0).normal(3.0, 2.0, 2000)
    found = mean(values)
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(2000)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.08)


def test_ratio_is_of_sums_and_nothing_over_nothing_is_not_a_number():
    assert ratio([2.0, 4.0], [1.0, 2.0]).value == 2.0
    assert ratio([3.0, 1.0], [1.0, 3.0]).value == 1.0
    assert np.isnan(share(0, 0).value)
