"""P values: SciPy's for a permutation test, ties counted whatever their rounding."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test

from emotion_utils.statistics.permutations import permutation_p


def test_p_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=12) + 0.6, rng.normal(size=12)

    def statistic(one, other, axis):
        return one.mean(axis=axis) - other.mean(axis=axis)

    theirs = permutation_test(
        (x, y),
        statistic,
        n_resamples=199,
        alternative="greater",
        vectorized=True,
        rng=np.random.default_rng(1),
    )
    assert permutation_p(theirs.statistic, theirs.null_distribution) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_tie_counts_whichever_way_it_was_rounded(scale):
    values = scale * np.array([0.1, 0.2, 0.3, 0.4])
    ours, other = values.sum(), values[[3, 1, 2, 0]].sum()
    null = np.array([ours * (1 - 1e-15), other, ours * (1 + 1e-15), ours * (1 - 1e-9)])
    assert permutation_p(ours, null) == 4 / 5
    assert permutation_p(-ours, -null) == 1


def test_a_tie_at_zero_is_judged_by_the_size_of_the_draws():
    assert permutation_p(0.0, np.array([-1e-17, -0.5, 0.5])) == 3 / 4


def test_many_are_compared_at_once_each_with_its_own_draws():
    rng = np.random.default_rng(1)
    ours, null = rng.normal(size=(2, 3)), rng.normal(size=(50, 2, 3))
    found = permutation_p(ours, null)
    assert found.shape == (2, 3)
    assert found[1, 2] == (1 + sum(draw > ours[1, 2] for draw in null[:, 1, 2])) / 51


def test_what_is_not_a_number_is_left_out():
    assert permutation_p(1.0, np.array([np.nan, 0.0, 2.0])) == 2 / 3
    assert permutation_p(1.0, np.array([-np.inf, np.inf])) == 2 / 3
    assert np.isnan(permutation_p(np.nan, np.zeros(4)))
    assert permutation_p(1.0, np.empty(0)) == 1
