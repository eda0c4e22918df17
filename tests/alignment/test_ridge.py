"""Maps and their pairings: scikit-learn's ridge, refits under other pairings, and permutations that keep groups."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.model_selection import GroupKFold

from emotion_utils.alignment.ridge import Ridge, dual_weights, held_out_hat, permute_pairing, r_squared
from emotion_utils.core.errors import UserError

N, D, E = 30, 12, 18


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 3)
    x = rng.normal(size=(N, D)) * np.arange(D, 0, -1) + 3
    return x, x @ rng.normal(size=(D, E)) + rng.normal(size=(N, E)), groups


def sklearn_map(x, y, penalty):
    """The same ridge, in units of the root mean square of the centred rows, lambda relative to the trace."""
    centred = x - x.mean(0)
    scale = np.sqrt((centred**2).mean())
    rows = centred / scale
    fitted = SklearnRidge(alpha=penalty * np.trace(rows @ rows.T) / len(rows)).fit(rows, y)
    return lambda points: fitted.predict((points - x.mean(0)) / scale)


def test_the_dual_map_is_the_ridge_of_scikit_learn(data):
    x, y, _ = data
    points = np.random.default_rng(1).normal(size=(7, D))
    for penalty in (0.01, 1.0):
        dual = Ridge.fit(x, penalty).dual(points)
        assert dual @ (y - y.mean(0)) + y.mean(0) == pytest.approx(
            sklearn_map(x, y, penalty)(points), abs=1e-8
        )


def test_directions_are_mapped_without_the_mean(data):
    x, y, _ = data
    direction = np.ones((1, D))
    fitted, mapped = Ridge.fit(x, 0.1), sklearn_map(x, y, 0.1)
    expected = mapped(x[:1] + direction) - mapped(x[:1])
    assert fitted.dual(direction, vectors=True) @ (y - y.mean(0)) == pytest.approx(expected, abs=1e-8)


def test_held_out_scores_under_any_pairing_are_those_of_a_refit(data):
    x, y, groups = data
    hat, gram = held_out_hat(x, groups, 0.1), (y - y.mean(0)) @ (y - y.mean(0)).T
    orders = np.concatenate([np.arange(N)[None], permute_pairing(groups, 4, 0)])
    found = r_squared(hat[None], gram[None], orders)[:, 0, 0]
    for order, value in zip(orders, found, strict=True):
        paired, predicted = y[order], np.empty_like(y)
        for train, test in GroupKFold(5).split(x, groups=groups):
            predicted[test] = sklearn_map(x[train], paired[train], 0.1)(x[test])
        rest = ((paired - predicted) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()
        assert value == pytest.approx(1 - rest, abs=1e-8)


def test_scores_do_not_depend_on_the_scale_of_either_side(data):
    x, y, groups = data
    centred = y - y.mean(0)
    order = np.arange(N)[None]
    base = r_squared(held_out_hat(x, groups, 0.1)[None], (centred @ centred.T)[None], order)
    for factor in (1 / 128, 128):
        other = factor * centred
        turned = r_squared(held_out_hat(factor * x, groups, 0.1)[None], (other @ other.T)[None], order)
        assert turned == pytest.approx(base, rel=1e-6)


def test_all_pairs_of_layers_are_scored_at_once(data):
    x, y, groups = data
    hats = np.stack([held_out_hat(x, groups, p) for p in (0.01, 1.0)])
    grams = np.stack([(z - z.mean(0)) @ (z - z.mean(0)).T for z in (y, y**2, x)])
    orders = permute_pairing(groups, 5, 0)
    found = r_squared(hats, grams, orders)
    assert found.shape == (5, 2, 3)
    assert found[3, 1, 2] == pytest.approx(r_squared(hats[1:], grams[2:], orders[3:4])[0, 0, 0])


def test_a_pairing_keeps_groups_together_and_is_a_permutation():
    groups = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4])
    for order in permute_pairing(groups, 50, 1):
        assert sorted(order) == list(range(len(groups)))
        for group in set(groups):
            taken = groups[order][groups == group]
            assert len(set(taken)) == 1  # one group takes the place of one other of its size
            assert (groups == taken[0]).sum() == (groups == group).sum()
    assert len({tuple(order) for order in permute_pairing(groups, 50, 1)}) > 20


def test_rank_deficient_rows_are_no_trouble():
    x = np.random.default_rng(3).normal(size=(20, 3)) @ np.ones((3, 50))
    fitted = Ridge.fit(x, 1e-3)
    assert np.isfinite(fitted.dual(x)).all()
    assert np.isfinite(dual_weights(fitted.rows, fitted.rows @ fitted.rows.T, 1e-3)).all()


def ill_conditioned(x):
    """Spread over eight decades, and one dimension whose mean dwarfs all else."""
    return x * np.logspace(0, -8, x.shape[1]) + 1e4 * (np.arange(x.shape[1]) == 1)


@pytest.mark.parametrize("width", [12, 60], ids=["more rows than dimensions", "fewer"])
def test_ill_conditioned_rows_are_mapped_as_by_scikit_learn(data, width):
    _, y, groups = data
    x = ill_conditioned(np.random.default_rng(4).normal(size=(N, width)))
    expected = sklearn_map(x, y, 0.1)(x)
    assert Ridge.fit(x, 0.1).dual(x) @ (y - y.mean(0)) + y.mean(0) == pytest.approx(expected, abs=1e-8)
    hat, predicted = held_out_hat(x, groups, 0.1), np.empty_like(y)
    for train, test in GroupKFold(5).split(x, groups=groups):
        predicted[test] = sklearn_map(x[train], y[train], 0.1)(x[test])
    assert hat @ y == pytest.approx(predicted, abs=1e-8)


def test_a_family_of_equal_rows_is_predicted_alike(data):
    x, y, groups = data
    predicted = held_out_hat(x[np.arange(N) // 3 * 3], groups, 0.1) @ y
    assert predicted == pytest.approx(predicted[np.arange(N) // 3 * 3], abs=1e-10)


def test_rows_without_a_family_are_one_family():
    for order in permute_pairing(np.array(["a", "a", None, None, np.nan], dtype=object), 20, 0):
        assert sorted(order) == list(range(5))


def test_places_are_equally_likely():
    """Three groups of two rows: a row gets to each of six places in one of six permutations."""
    orders = permute_pairing(np.array([0, 0, 1, 1, 2, 2]), 6000, 0)
    counts = np.stack([np.bincount(column, minlength=6) for column in orders.T])
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 5 / 6)


def test_what_cannot_be_mapped_is_named(data):
    x, _, groups = data
    with pytest.raises(UserError, match="row 25 is not"):
        held_out_hat(np.where(np.arange(N)[:, None] == 25, np.nan, x), groups, 0.1)
    with pytest.raises(UserError, match="row 0 is not"):
        Ridge.fit(x, 0.1).dual(np.full((2, D), np.nan))
    with pytest.raises(UserError, match="are equal"):
        held_out_hat(np.full((N, D), 0.3), groups, 0.1)
    with pytest.raises(UserError, match="at least 3 paired rows: there are 2"):
        held_out_hat(x[:4], np.array([0, 0, 1, 1]), 0.1)
    with pytest.raises(UserError, match="target's rows are all equal"):
        r_squared(held_out_hat(x, groups, 0.1)[None], np.zeros((1, N, N)), np.arange(N)[None])
    with pytest.raises(UserError, match="row 4 is not"):
        Ridge.fit(np.where(np.arange(N)[:, None] == 4, np.inf, x), 0.1)
    with pytest.raises(UserError, match="at least 3 paired rows: there are 2"):
        Ridge.fit(x[:2], 0.1)
    with pytest.raises(UserError, match="are equal"):
        Ridge.fit(np.full((5, 3), 0.3), 0.1)
    with pytest.raises(UserError, match="at least two template families"):
        held_out_hat(x, np.zeros_like(groups), 0.1)
