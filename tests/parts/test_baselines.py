"""Baselines are those of scikit-learn and of sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_windows import planted_states, thirds
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import NAMES, PENALTIES, fit_baselines, target_variances
from emotion_utils.parts.states import WindowStates
from emotion_utils.planted.processes import random_process

WIDTH, LENGTH, WINDOWS = 4, 6, 200


@pytest.fixture(scope="module")
def source():
    process = random_process(WIDTH, np.random.default_rng(0))
    return planted_states(process, WINDOWS, LENGTH, 1, layers=(0, 2))


@pytest.fixture(scope="module")
def ids():
    return torch.from_numpy(np.random.default_rng(5).integers(0, 7, (WINDOWS, LENGTH)))


@pytest.fixture(scope="module")
def fitted(source, ids):
    training, validation, _ = thirds(WINDOWS)
    return fit_baselines(source, ids, training, validation)


def test_the_position_mean_is_that_of_training_windows(source, ids, fitted):
    h = source.values[2]
    predicted = fitted[2].predictions()["position mean"](h, ids)
    torch.testing.assert_close(predicted[7], h[thirds(WINDOWS)[0], 1:].mean(dim=0), atol=1e-5, rtol=1e-5)


def test_the_autoregression_is_ridge_with_an_intercept_by_position(source, ids, fitted):
    own, training = fitted[0], thirds(WINDOWS)[0]
    scale = own.autoregression
    z = ((source.values[0] - scale.mean) / scale.std).double().numpy()
    x, y = z[training, :-1], z[training, 1:]
    dx, dy = ((v - v.mean(axis=0)).reshape(-1, WIDTH) for v in (x, y))
    penalty = own.penalty * (dx**2).sum() / WIDTH
    ridge = Ridge(alpha=penalty, fit_intercept=False).fit(dx, dy)
    assert scale.weight.numpy() == pytest.approx(ridge.coef_.T, abs=1e-4)
    at = 3  # the prediction of position 4
    expected = y[:, at].mean(axis=0) - x[:, at].mean(axis=0) @ ridge.coef_.T
    assert scale.intercept[at].numpy() == pytest.approx(expected, abs=1e-4)


def test_token_means_are_shrunken_means_around_the_position(source, ids, fitted):
    own, training = fitted[0], thirds(WINDOWS)[0]
    y = source.values[0][training, 1:].double().numpy()
    deviation, before = y - y.mean(axis=0), ids[training, :-1].numpy()
    chosen = deviation[before == 3]
    expected = chosen.sum(axis=0) / (len(chosen) + own.pseudo_count)
    found = own.tokens(torch.full((1, 2), 3))[0, 0]
    assert found.numpy() == pytest.approx(expected, abs=1e-4)


def test_tokens_that_no_training_window_holds_have_no_deviation(source, fitted, ids):
    assert not fitted[0].tokens(torch.tensor([[6 + 1, 500, 0]])).any()


def test_tokens_that_decide_the_next_state_are_the_best_baseline(ids):
    table = torch.randn(7, WIDTH, generator=torch.Generator().manual_seed(0))
    h = torch.cat([torch.zeros(WINDOWS, 1, WIDTH), table[ids[:, :-1]]], dim=1)
    h = h + 0.1 * torch.randn(h.shape, generator=torch.Generator().manual_seed(1))
    source = WindowStates((0,), {0: h}, torch.zeros(WINDOWS, LENGTH))
    training, validation, test = thirds(WINDOWS)
    own = fit_baselines(source, ids, training, validation)[0]
    assert own.best == "current token"
    predicted = own.predictions()["current token"](h[test], ids[test])
    error = (predicted - h[test, 1:]).square().mean()
    # the square of the noise, and what 120 windows leave unknown of the means
    assert 0.01 < float(error) < 0.015


def test_validation_r2_is_that_of_scikit_learn(source, ids, fitted):
    validation = thirds(WINDOWS)[1]
    h = source.values[0][validation]
    y = h[:, 1:].reshape(-1, WIDTH).numpy()
    for name in NAMES:
        predicted = fitted[0].predictions()[name](h, ids[validation]).reshape(-1, WIDTH).numpy()
        pooled = r2_score(y, predicted, multioutput="variance_weighted")
        assert fitted[0].validation[name] == pytest.approx(pooled, abs=1e-4)
    assert fitted[0].best == "autoregression"
    assert fitted[0].penalty in PENALTIES


def test_the_correlation_and_the_sums_of_squares_are_those_of_numpy(source, fitted):
    training = thirds(WINDOWS)[0]
    y = source.values[0][training, 1:].reshape(-1, WIDTH).double().numpy()
    assert fitted[0].correlation.numpy() == pytest.approx(np.corrcoef(y.T), abs=1e-4)
    assert target_variances(source, training)[0].numpy() == pytest.approx(y.var(axis=0) * len(y), rel=1e-5)


def test_a_constant_dimension_stays_constant(ids):
    h = torch.randn(WINDOWS, LENGTH, WIDTH, generator=torch.Generator().manual_seed(2))
    h[..., 1] = 123.0
    source = WindowStates((0,), {0: h}, torch.zeros(WINDOWS, LENGTH))
    own = fit_baselines(source, ids, *thirds(WINDOWS)[:2])[0]
    for predict in own.predictions().values():
        assert predict(h, ids)[..., 1].numpy() == pytest.approx(123.0, rel=1e-5)


def test_windows_of_both_kinds_are_needed(source, ids):
    with pytest.raises(UserError, match="there are 3 for training and 0 for validation"):
        fit_baselines(source, ids, np.arange(3), np.arange(0))
