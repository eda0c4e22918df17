"""A value beside its null, by hand and by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test

from emotion_utils.statistics.nulls import against_null


def test_mean_percentile_and_p_are_those_of_ordered_numbers():
    found = against_null(
        18.0, np.arange(21.0)
    )  # 18, 19 and 20 are as large; 19 is the 95th of a hundred steps
    assert found == (18.0, 10.0, 19.0, 4 / 22)
    assert found._fields == ("value", "null", "null_high", "p")


def test_p_is_that_of_scipy():
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=9) + 0.5, rng.normal(size=9)
    theirs = permutation_test(
        pairs,
        lambda one, other: np.mean(one) - np.mean(other),
        permutation_type="samples",
        n_resamples=100,
        alternative="greater",
        rng=rng,
    )
    assert against_null(theirs.statistic, theirs.null_distribution).p == pytest.approx(theirs.pvalue)


def test_draws_that_are_not_numbers_are_left_out_and_without_any_there_is_no_null():
    assert against_null(1.0, np.array([np.nan, 0.0, 2.0])) == (1.0, 1.0, pytest.approx(1.9), 2 / 3)
    for draws in (np.empty(0), np.full(3, np.nan)):
        assert np.isnan(against_null(1.0, draws)[1:]).all()
    assert np.isnan(against_null(np.nan, np.arange(3.0)).p)
