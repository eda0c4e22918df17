"""RSA and CKA agree with independent formulas, and words are taken out as in a partial correlation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sided
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from emotion_utils.alignment.rsa_cka import cka_matrix, compare, partial, rsa_matrix, similarities
from emotion_utils.core.errors import UserError
from emotion_utils.subspaces.readings import ModelStates


@pytest.fixture(scope="module")
def states():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8))
    return x, x @ rng.normal(size=(8, 13)) + rng.normal(size=(30, 13))


def alike(one, other):
    return float((one * other).sum() / 2)


def test_rsa_is_spearmans_correlation_of_cosines(states):
    x, y = states
    condensed = [1 - pdist(v - v.mean(axis=0), "cosine") for v in (x, y)]
    assert alike(rsa_matrix(x), rsa_matrix(y)) == pytest.approx(spearmanr(*condensed)[0], abs=1e-9)


def hsic(k, m):
    """Unbiased estimator of Song et al. (2012)."""
    n, ones = len(k), np.ones(len(k))
    k, m = (g - np.diag(np.diag(g)) for g in (k, m))
    middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + middle - 2 / (n - 2) * ones @ k @ m @ ones) / (n * (n - 3))


def test_cka_is_the_published_debiased_formula(states):
    k, m = (v @ v.T for v in states)
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert alike(*(cka_matrix(v) for v in states)) == pytest.approx(expected, abs=1e-9)


def test_cka_of_unrelated_wide_states_is_zero_on_average():
    rng = np.random.default_rng(1)
    found = [alike(*(cka_matrix(rng.normal(size=(20, 200))) for _ in range(2))) for _ in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(200)


def test_rotation_and_scale_change_nothing(states):
    x, y = states
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(8, 8)))[0]
    for make in (rsa_matrix, cka_matrix):
        assert alike(make(128 * x @ turn + 3), make(y)) == pytest.approx(alike(make(x), make(y)), abs=1e-9)


def test_a_permutation_is_that_of_the_prompts(states):
    x, y = states
    order = np.random.default_rng(3).permutation(30)
    for make in (rsa_matrix, cka_matrix):
        found = similarities(make(x)[None], make(y)[None], order[None])[0, 0, 0]
        assert found == pytest.approx(alike(make(x), make(y[order])), abs=1e-9)


def test_partial_is_the_correlation_of_residuals():
    rng = np.random.default_rng(4)
    t = rng.normal(size=500)
    a, b = (t + rng.normal(size=500) for _ in range(2))
    left = [v - np.polyval(np.polyfit(t, v, 1), t) for v in (a, b)]
    r = np.corrcoef([a, b, t])
    assert partial(r[0, 1], r[0, 2], r[1, 2]) == pytest.approx(np.corrcoef(left)[0, 1])


def test_what_words_share_is_taken_out_and_the_rest_stays():
    table = sided.prompts()
    latent = sided.world(table, 1)
    one, other = (sided.model_states(f"m{i}", table, latent, i) for i in (1, 2))
    words = sided.model_states("words", table, latent, 3, layers=1)
    noise = sided.model_states("other words", table, sided.world(table, 50, 0.0), 4, layers=1)
    rows = sided.rows(table)
    control = {"noise": sided.model_states("noise", table, sided.world(table, 60, 0.0), 5)}
    all_words, no_words = (
        compare({"m1": one, "m2": other}, text, rows, 19, measure="CKA", controls=control)
        for text in (words, noise)
    )
    assert list(all_words["other"]) == ["m2", "noise", "noise"]
    first, plain = all_words.iloc[0], no_words.iloc[0]
    assert first["p"] == 0.05
    assert first["value"] == plain["value"]
    assert plain["partial"] == pytest.approx(plain["value"], abs=0.05)
    assert first["partial"] < first["value"] - 0.2
    assert first["low"] < first["value"] < first["high"]


def test_ill_conditioned_and_rank_deficient_states_keep_their_formulas():
    """A mean that dwarfs the rest, a spectrum over eight decades, and states of rank two."""
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    x = rng.normal(size=(30, 8)) * np.logspace(0, -8, 8) @ turn
    y = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 40))
    k, m = (v @ v.T for v in (x, y))
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert alike(cka_matrix(x + 1e4), cka_matrix(y)) == pytest.approx(expected, abs=1e-8)
    condensed = [1 - pdist(v - v.mean(axis=0), "cosine") for v in (x, y)]
    assert alike(rsa_matrix(x), rsa_matrix(y)) == pytest.approx(spearmanr(*condensed)[0], abs=1e-8)


def test_models_of_other_tokenizers_are_compared_and_other_prompts_are_refused():
    """Only states at the end of the same prompts are compared, so that neither widths nor tokens need to agree."""
    table, (one, other) = sided.prompts(), sided.two_of_one_world(widths=(20, 35))
    found = compare(
        {"m0": one, "m1": other}, sided.model_states("w", table, sided.world(table, 3), 4), sided.rows(), 3
    )
    assert np.isfinite(found["value"]).all()
    short = ModelStates(
        "m1", other.layers, other.ids[:-2], other.values[:-2]
    )  # without the last emotional prompt
    with pytest.raises(UserError, match='m1 was not read on "s-15-2-apology"'):
        compare({"m0": one, "m1": short}, one, sided.rows(), 3)


def test_states_without_differences_are_refused():
    with pytest.raises(UserError, match="not finite"):
        rsa_matrix(np.full((5, 3), np.nan))
    with pytest.raises(UserError, match="All states are equal"):
        cka_matrix(np.full((5, 3), 0.3))
    with pytest.raises(UserError, match="exactly the mean state"):
        rsa_matrix(np.array([[1.0, 0], [-1, 0], [0, 0], [0, 1], [0, -1]]))
    with pytest.raises(UserError, match="equally similar"):
        rsa_matrix(np.array([[1.0, 0], [0, 1]]))
    with pytest.raises(UserError, match="All states are equal"):
        rsa_matrix(np.ones((5, 3)))
    with pytest.raises(UserError, match="not finite"):
        cka_matrix(np.full((5, 3), np.nan))
    with pytest.raises(UserError, match="at least 4 prompts"):
        cka_matrix(np.eye(3))
    table = sided.prompts()
    one, _ = sided.two_of_one_world()
    constant = ModelStates("c", (0,), pd.Index(table["id"]), np.ones((len(table), 1, 4)))
    with pytest.raises(UserError, match="All states are equal"):
        compare({"m0": one}, constant, sided.rows(), 3)
