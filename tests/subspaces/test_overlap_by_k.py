"""Resampled subspaces: weights stand for repeated rows, and what is said of each k."""

from __future__ import annotations

import numpy as np

from emotion_utils.subspaces.measures import principal_components
from emotion_utils.subspaces.overlap_by_k import by_k, weighted_components

RNG = np.random.default_rng(2)


def test_a_weight_of_two_is_a_row_that_stands_there_twice():
    x = RNG.normal(size=(3, 20, 12))
    weights = RNG.integers(0, 4, 20).astype(float)
    found = weighted_components(x, weights, 5)
    for layer in range(3):
        repeated = principal_components(np.repeat(x[layer], weights.astype(int), axis=0), 5)
        np.testing.assert_allclose(np.abs((found[layer] * repeated).sum(axis=1)), 1, atol=1e-8)


def test_too_few_different_rows_have_no_such_subspace():
    x, weights = RNG.normal(size=(1, 20, 12)), np.zeros(20)
    weights[:5] = 4
    assert weighted_components(x, weights, 5) is None
    assert weighted_components(x, weights, 4).shape == (1, 4, 12)
    assert weighted_components(np.ones((1, 20, 12)), np.ones(20), 2) is None


def test_the_shares_of_the_best_k_are_counted():
    draws = np.array([[[3.0, 1, 1, 1]], [[0, 5, 1, 1]], [[4, 1, 1, 1]], [[9, 1, 1, 1]]])
    chance = np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    table = by_k(draws, ["anger"], chance, (2, 5, 10, 20))
    assert table["best"].tolist() == [0.75, 0.25, 0, 0]
    assert table["chance_best"].tolist() == [0.5, 0, 0, 0.5]
    assert table.loc[0, "overlap"] == 4
