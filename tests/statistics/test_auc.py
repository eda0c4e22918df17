"""Sums of ranks are SciPy's, with ties, with a set of reads per column, and with what is no number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from emotion_utils.statistics.auc import sums_of_ranks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "scores",
    [
        RNG.normal(size=(60, 4, 3)),
        np.round(RNG.normal(size=(60, 7)), 1),
        np.where(np.arange(5) == 2, 0.0, RNG.normal(size=(30, 5))),
        np.array([0.0, -0.0, np.inf, -np.inf, np.inf])[:, None],
        np.where(RNG.random((40, 6)) < 0.02, np.nan, RNG.normal(size=(40, 6))),
        RNG.normal(size=20),
        RNG.normal(size=(1, 3)),
        RNG.normal(size=(25, 2)).astype(np.float32),
    ],
    ids=[
        "no ties",
        "ties",
        "a constant column",
        "zeros and infinities",
        "NaN",
        "one column",
        "one read",
        "float32",
    ],
)
def test_sums_are_those_of_scipy(scores):
    chosen = RNG.random(scores.shape) < 0.5
    expected = np.where(chosen, rankdata(scores, axis=0), 0).sum(axis=0)
    missing = np.isnan(scores).any(axis=0)
    assert sums_of_ranks(scores, chosen) == pytest.approx(
        np.where(missing, np.nan, expected), nan_ok=True, abs=0
    )


def test_the_input_stays_as_it_is():
    scores, chosen = RNG.normal(size=(10, 3)), RNG.random((10, 3)) < 0.5
    before = scores.copy(), chosen.copy()
    sums_of_ranks(scores, chosen)
    assert np.array_equal(scores, before[0])
    assert np.array_equal(chosen, before[1])


def test_no_reads_have_no_ranks():
    assert sums_of_ranks(np.empty((0, 3)), np.empty((0, 3), dtype=bool)).tolist() == [0, 0, 0]
