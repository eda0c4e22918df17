"""Resamples of documents by a plain loop, lines by numpy, and exchanges that keep documents whole."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.resampled import (
    PositionCurve,
    Resampled,
    document_weights,
    error_curve,
    exchanged_windows,
)
from emotion_utils.statistics.resampling import grouped_mean_interval

OF_WINDOW = np.repeat(np.arange(12), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 3, 3])


@pytest.fixture
def errors():
    rng = np.random.default_rng(1)
    size = np.linspace(2, 1, 63)
    return (
        size * (1 + 0.1 * rng.standard_normal((len(OF_WINDOW), 63)))
        + rng.standard_normal(12)[OF_WINDOW, None]
    )


def test_a_curve_is_the_mean_over_windows_and_its_interval_that_of_the_bootstrap(errors):
    curve = error_curve(errors, OF_WINDOW, n_resamples=4000)
    assert curve.positions[[0, -1]].tolist() == [1, 63]
    np.testing.assert_allclose(curve.value, errors.mean(axis=0))
    table = curve.table()
    for at in (0, 30):
        theirs = grouped_mean_interval(errors[:, at], OF_WINDOW, n_resamples=4000, seed=7)
        np.testing.assert_allclose(table.loc[at, ["low", "high"]].to_list(), theirs, rtol=0.05, atol=0.02)


def test_a_line_is_that_of_numpy(errors):
    curve = error_curve(errors, OF_WINDOW)
    kept = curve.positions >= 32
    slope = np.polyfit(curve.positions[kept], curve.value[kept], 1)[0]
    assert curve.slope(32).value == pytest.approx(slope * (63 - 32))
    mean = curve.value[kept].mean()
    assert curve.over(32).value == pytest.approx(mean)
    assert curve.relative_change(32).value == pytest.approx(slope * (63 - 32) / mean)
    draw = np.polyfit(curve.positions[kept], curve.draws[5, kept], 1)[0] * (63 - 32)
    assert curve.slope(32).draws[5] == pytest.approx(draw)


def test_early_and_late_are_the_quarters_of_what_is_not_left_out(errors):
    parts = error_curve(errors, OF_WINDOW).parts(32)
    assert parts == {"all": (32, 64), "early": (32, 40), "late": (56, 64)}
    short = PositionCurve(np.ones(2), np.ones((3, 2)), np.array([1, 2]), 9.0)
    assert short.parts(1)["late"] == (2, 3)


def test_too_short_windows_are_refused_in_a_sentence(errors):
    curve = error_curve(errors[:, :20], OF_WINDOW)
    with pytest.raises(UserError, match="From position 32 on there are 0 positions up to 20"):
        curve.slope()


def test_a_difference_is_paired_and_needs_the_same_draws():
    one = Resampled(2.0, np.array([1.0, 2.0, 3.0]), 10.0)
    other = Resampled(1.0, np.array([0.0, 1.0, 2.0]), 9.0)
    gap = one - other
    assert (gap.value, gap.units) == (1.0, 9.0)
    assert gap.ends() == (1.0, 1.0)  # what both draws share is gone
    assert Resampled.mean([one, other]).value == 1.5
    with pytest.raises(UserError, match="3 and 2 draws"):
        one - Resampled(0.0, np.zeros(2), 10.0)
    with pytest.raises(UserError, match="at least one"):
        Resampled.mean([])


def test_with_few_documents_there_is_no_interval():
    curve = error_curve(np.random.default_rng(0).random((6, 40)), np.arange(6))
    assert np.isnan(curve.over(1).ends()).all()


def test_documents_are_exchanged_whole_and_in_order():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        taken = exchanged_windows(OF_WINDOW, rng)
        source = OF_WINDOW[taken]
        for document in range(12):
            own = np.flatnonzero(np.equal(OF_WINDOW, document))
            assert len(set(source[own])) == 1
            there = np.flatnonzero(np.equal(OF_WINDOW, source[own[0]]))
            expected = [there[k % len(there)] for k in range(len(own))]
            assert taken[own].tolist() == expected
        assert sorted(set(source)) == list(range(12))  # every document takes the place of one
        seen.add(tuple(source))
    assert len(seen) > 190


def test_weights_are_those_of_whole_documents():
    weights = document_weights(OF_WINDOW, 50)
    for document in range(12):
        own = weights[:, np.equal(OF_WINDOW, document)]
        assert (own == own[:, :1]).all()
    first = np.unique(OF_WINDOW, return_index=True)[1]
    assert (weights[:, first].sum(axis=1) == 12).all()
