"""Rank correlations against SciPy and least squares of ranks; planted ones found, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.resampled import exchanged_windows
from emotion_utils.novelty.surprisal_correlation import (
    _check,
    _weighted_ranks,
    exchanged_curves,
    log_frequencies,
    partial_correlation,
    rank_curve,
    surprisal_correlations,
)

WINDOWS, POSITIONS = 60, 47
DOCUMENTS = np.repeat(np.arange(20), 3)


@pytest.fixture(scope="module")
def planted():
    """Surprisal, frequency, and lengths that follow the surprisal at layer 0 and the frequency alone at layer 1."""
    rng = np.random.default_rng(0)
    rare = rng.standard_normal((WINDOWS, POSITIONS))
    surprisal = np.exp(rare + rng.standard_normal((WINDOWS, POSITIONS)))
    noise = rng.standard_normal((2, WINDOWS, POSITIONS))
    norms = {0: 5 + np.log(surprisal) + noise[0], 1: 5 + rare + noise[1]}
    return surprisal, -rare, norms


def test_the_curve_is_that_of_scipy_with_ties(planted):
    surprisal, _, norms = planted
    coarse = np.round(norms[0])
    curve = rank_curve(coarse, surprisal, DOCUMENTS)
    theirs = [spearmanr(coarse[:, at], surprisal[:, at]).statistic for at in range(POSITIONS)]
    np.testing.assert_allclose(curve.value, theirs, atol=1e-12)


def test_a_draw_ranks_the_resample_anew(planted):
    _, _, norms = planted
    values, times = np.round(norms[0][:, 3]), np.random.default_rng(2).integers(0, 4, (5, WINDOWS))
    ranks = _weighted_ranks(values, times.astype(float))
    for weights, own in zip(times, ranks, strict=True):
        repeated = np.repeat(np.arange(WINDOWS), weights)
        np.testing.assert_allclose(own[repeated], rankdata(values[repeated]))


def test_the_partial_correlation_is_that_of_what_least_squares_leave_of_ranks(planted):
    surprisal, frequency, norms = planted
    place = np.broadcast_to(np.arange(POSITIONS), frequency.shape)
    design = np.stack([np.ones(frequency.size), rankdata(frequency), rankdata(place)], axis=1)
    left = []
    for side in (norms[1], surprisal):
        ranks = rankdata(side)
        left.append(ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0])
    found = partial_correlation(norms[1], surprisal, [frequency], DOCUMENTS, n_resamples=20)
    assert found.value == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-9)


def test_what_frequency_explains_is_taken_out(planted):
    surprisal, frequency, norms = planted
    table, curves = surprisal_correlations(norms, surprisal, frequency, DOCUMENTS, first=8, n_permutations=99)
    table = table.set_index(["layer", "part"])
    follows, rare = table.loc[(0, "all")], table.loc[(1, "all")]
    assert follows["low"] > 0.3
    assert rare["low"] > 0.2  # raw, through the frequency
    assert follows["partial_low"] > 0.3
    assert rare["partial_low"] < 0 < rare["partial_high"]
    assert follows["p"] == rare["p"] == 0.01
    assert (table["null"].abs() < 0.05).all()
    assert curves[0].over(8).value == pytest.approx(follows["rho"])
    assert table.loc[(0, "late"), ["first", "last"]].tolist() == [38, 47]


def test_nothing_is_found_where_lengths_do_not_follow_surprisal():
    """Both differ between documents and not with each other; a null of single windows would be too narrow."""
    rng = np.random.default_rng(5)
    small = []
    for _ in range(40):
        lengths, surprisal = (
            rng.standard_normal(20)[DOCUMENTS, None] + 0.3 * rng.standard_normal((WINDOWS, 4))
            for _ in range(2)
        )
        drawn = exchanged_curves(lengths, surprisal, DOCUMENTS, 39, int(rng.integers(1e9))).mean(axis=1)
        ours = rank_curve(lengths, surprisal, DOCUMENTS, n_resamples=2).over().value
        small.append((1 + (drawn >= ours).sum()) / 40 <= 0.05)
    assert np.sum(small) <= 6  # of 40, where 2 are expected: more has a chance below 1 %


def test_an_exchange_of_equal_documents_is_a_permutation_of_surprisals(planted):
    surprisal, _, norms = planted
    drawn = exchanged_curves(norms[0], surprisal, DOCUMENTS, 3, seed=4)
    rng = np.random.default_rng(4)
    for own in drawn:
        other = surprisal[exchanged_windows(DOCUMENTS, rng)]
        assert own[7] == pytest.approx(spearmanr(norms[0][:, 7], other[:, 7]).statistic)


def test_frequencies_are_counted_in_training_windows():
    found = log_frequencies(np.array([[1, 1, 2], [1, 5, 2]]), np.array([[1, 2, 9]]))
    np.testing.assert_allclose(found, np.log([[4, 3, 1]]))


def test_what_does_not_fit_or_is_not_finite_is_refused(planted):
    surprisal, _, norms = planted
    with pytest.raises(UserError, match="do not fit together"):
        _check(norms[0], surprisal[:, 1:], DOCUMENTS)
    broken = surprisal.copy()
    broken[3, 4] = np.nan
    with pytest.raises(UserError, match="surprisal of window 3 at position 5 is nan"):
        rank_curve(norms[0], broken, DOCUMENTS)
