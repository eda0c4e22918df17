"""Sums of squares by document are those of NumPy, by every measure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_windows import planted_states, thirds

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.error_sums import massive_dimensions, positions_from, sum_errors, whitening
from emotion_utils.planted.processes import random_process

WIDTH, LENGTH, WINDOWS = 6, 5, 150


@pytest.fixture(scope="module")
def case():
    process = random_process(WIDTH, np.random.default_rng(0), massive=200.0)
    source = planted_states(process, WINDOWS, LENGTH, 1)
    source.values[0][100, 3] *= 50  # a state of unusual length, in a test window
    ids = torch.from_numpy(np.random.default_rng(5).integers(0, 7, (WINDOWS, LENGTH)))
    training, validation, _ = thirds(WINDOWS)
    test = np.arange(90, 130)
    documents = np.arange(WINDOWS) // 4
    baselines = fit_baselines(source, ids, training, validation)
    sums = sum_errors(source, ids, test, documents, {0: baselines[0].predictions()}, baselines)[0]
    return source.values[0].double().numpy(), test, documents, baselines[0], sums


def by_document(values, documents):
    """Sum over the windows of each document."""
    return np.stack([values[documents == name].sum(axis=0) for name in np.unique(documents)])


def test_pooled_sums_are_those_around_the_mean_of_the_evaluated_states(case):
    h, test, documents, _, sums = case
    y = h[test, 1:]
    expected = by_document(((y - y.mean(axis=(0, 1))) ** 2).sum(axis=-1), documents[test])
    assert sums.variances["pooled"] == pytest.approx(expected, rel=1e-4)
    error = by_document(((y - h[test, :-1]) ** 2).sum(axis=-1), documents[test])
    assert sums.errors["previous token"]["pooled"] == pytest.approx(error, rel=1e-4)
    assert list(sums.documents) == sorted(set(documents[test]))
    assert sums.targets.sum() == y.shape[0] * y.shape[1]


def test_around_the_position_mean_only_the_variance_differs(case):
    h, test, documents, _, sums = case
    y = h[test, 1:]
    expected = by_document(((y - y.mean(axis=0)) ** 2).sum(axis=-1), documents[test])
    assert sums.variances["around position mean"] == pytest.approx(expected, rel=1e-4)
    for name, own in sums.errors.items():
        assert np.array_equal(own["around position mean"], own["pooled"]), name


def test_massive_dimensions_and_sinks_are_left_out(case):
    h, test, documents, _, sums = case
    y, keep = h[test, 1:], slice(1, None)
    error = by_document(((y - h[test, :-1]) ** 2)[..., keep].sum(axis=-1), documents[test])
    assert sums.massive.tolist() == [True] + [False] * (WIDTH - 1)
    assert sums.errors["previous token"]["no massive"] == pytest.approx(error, rel=1e-3)
    lengths = np.linalg.norm(y, axis=-1)
    usual = lengths <= 10 * np.median(lengths)
    assert (~usual).sum() == 1
    squares = ((y - y.mean(axis=(0, 1))) ** 2).sum(axis=-1)
    assert sums.variances["no sinks"] == pytest.approx(
        by_document(squares * usual, documents[test]), rel=1e-4
    )
    assert sums.shares["sinks"] == pytest.approx((squares * ~usual).sum() / squares.sum(), rel=1e-3)
    massive = ((y - y.mean(axis=(0, 1))) ** 2)[..., 0].sum() / squares.sum()
    assert sums.shares["massive dimensions"] == pytest.approx(massive, rel=1e-3)
    first = ((h[test, 0] - y.mean(axis=(0, 1))) ** 2).sum() / squares.sum()
    assert sums.shares["position 0"] == pytest.approx(first, rel=1e-3)


def test_by_dimension_the_sums_are_those_of_each(case):
    h, test, documents, _, sums = case
    y = h[test, 1:]
    expected = by_document(((y - y.mean(axis=(0, 1))) ** 2).sum(axis=1), documents[test])
    assert sums.by_dimension["variance"] == pytest.approx(expected, rel=1e-3)


def test_whitened_directions_have_equal_variance():
    rng = np.random.default_rng(0)
    states = (
        rng.normal(size=(20_000, WIDTH)) @ rng.normal(size=(WIDTH, WIDTH)) * np.array([1, 1, 50, 1, 1, 1])
    )
    correlation = torch.from_numpy(np.corrcoef(states.T)).float()
    std = torch.from_numpy(states.std(axis=0)).float()
    white = (states - states.mean(axis=0)) @ whitening(correlation, std).numpy()
    values = np.linalg.eigvalsh(np.corrcoef(states.T))
    assert white.var(axis=0) == pytest.approx(values / (0.99 * values + 0.01), rel=1e-2)
    assert np.cov(white.T) == pytest.approx(np.diag(white.var(axis=0)), abs=1e-3)


def test_a_dimension_is_massive_by_its_variance_or_by_its_mean():
    variance, mean = torch.ones(100), torch.ones(100)
    assert not massive_dimensions(mean, variance).any()
    assert not massive_dimensions(mean[:4], variance[:4]).any()  # of four each holds a quarter
    variance[3], mean[5] = 20.0, 51.0  # 20 of 119
    assert massive_dimensions(mean, variance).nonzero().flatten().tolist() == [3, 5]


def test_positions_are_counted_in_the_window():
    assert positions_from(1, 4) == range(4)
    assert positions_from(3, 4) == range(2, 4)
    for wrong in (0, 5):
        with pytest.raises(UserError, match=f"positions are 1 to 4, and those from {wrong} on"):
            positions_from(wrong, 4)


def test_nothing_to_evaluate_is_refused(case):
    with pytest.raises(UserError, match="no window to evaluate"):
        sum_errors(
            planted_states(random_process(2, np.random.default_rng(0)), 3, 4, 0),
            torch.zeros(3, 4, dtype=torch.int64),
            np.arange(0),
            np.arange(3),
            {},
            {},
        )
