"""A planted dictionary is as sparse as said, and recovery is one for the truth and at chance for what knows nothing."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.calibration import ledger
from emotion_utils.core.errors import UserError
from emotion_utils.planted.dictionaries import (
    LEARNER,
    Sparse,
    components,
    found_rates,
    matched,
    plant,
    random_atoms,
    recovery,
    trials,
)


def test_codes_are_sparse_positive_and_fire_unequally():
    made = plant(Sparse(rows=4000, active=3, noise=0.0), 0)
    assert (made.codes >= 0).all()
    assert ((made.codes > 0).sum(axis=1) == 3).all()
    rates = (made.codes > 0).mean(axis=0)
    assert rates[:8].mean() > 2 * rates[-8:].mean()
    assert np.linalg.norm(made.atoms, axis=1) == pytest.approx(np.ones(64))
    assert made.states == pytest.approx(made.codes @ made.atoms)


def test_equal_rates_are_equal():
    rates = (plant(Sparse(rows=6000, unequal=0.0), 0).codes > 0).mean(axis=0)
    assert rates == pytest.approx(np.full(64, 3 / 64), abs=0.015)


def test_noise_has_the_stated_size():
    clean, noisy = (plant(Sparse(noise=noise), 1).states for noise in (0.0, 0.5))
    assert (noisy - clean).std() == pytest.approx(0.5 * np.sqrt(clean.var(axis=0).mean()), rel=0.02)


def test_matched_states_have_the_same_mean_and_covariance_and_are_gaussian():
    states = plant(Sparse(width=4, atoms=8, rows=40_000), 0).states
    other = matched(states, 0)
    assert other.mean(axis=0) == pytest.approx(states.mean(axis=0), abs=0.02)
    assert np.cov(other.T) == pytest.approx(np.cov(states.T), abs=0.02)
    standard = (other - other.mean(axis=0)) / other.std(axis=0)
    assert (standard**4).mean(axis=0) == pytest.approx([3] * 4, abs=0.15)


def test_the_truth_is_recovered_whole_whatever_its_order_and_length():
    truth = random_atoms(20, 10, np.random.default_rng(0))
    assert recovery(3 * truth[::-1], truth) == pytest.approx((1, 1))
    assert recovery(np.concatenate([truth[:5], np.zeros((5, 10))]), truth).share == pytest.approx(0.25)
    assert recovery(-truth[:1], truth[:1]).mean == pytest.approx(-1)


def test_a_random_direction_has_the_analytic_cosine_in_three_dimensions():
    # the cosine is uniform there; the largest of m has the mean (m - 1) / (m + 1)
    rng = np.random.default_rng(1)
    found = [recovery(random_atoms(5, 3, rng), random_atoms(20, 3, rng)).mean for _ in range(4000)]
    assert np.mean(found) == pytest.approx(4 / 6, abs=0.01)


def test_components_are_orthogonal_and_come_with_both_signs():
    axes = components(plant(Sparse(width=6, atoms=12), 0).states)
    assert axes[:6] @ axes[:6].T == pytest.approx(np.eye(6), abs=1e-10)
    assert np.array_equal(axes[6:], -axes[:6])


def test_learning_finds_atoms_where_there_are_some_and_none_elsewhere():
    table = trials(Sparse(width=16, atoms=24, active=2, rows=2000), (0.1,), range(2))
    rates = found_rates(table).set_index("method")
    assert rates.loc[LEARNER, "share"] > 0.7
    assert rates.loc[f"{LEARNER}, no atoms", "share"] < 0.2
    assert rates.loc["random directions", "hits"] == 0
    assert (rates["n"] == 2).all()
    assert rates.loc[LEARNER, "mean"] > rates["mean"].drop(LEARNER).max()


def test_any_learner_can_be_measured():
    table = trials(
        Sparse(rows=50), (0.0,), [3], lambda states, atoms, seed: plant(Sparse(rows=50), 3).atoms, "oracle"
    )
    assert table.set_index("method").loc["oracle", "mean"] == pytest.approx(1)


def test_more_active_atoms_than_atoms_are_refused():
    with pytest.raises(UserError, match="1 to 7 active atoms of 8"):
        Sparse(atoms=8, active=8)


def test_the_committed_section_finds_atoms_only_where_there_are_some():
    table = ledger.read("planted").tables["dictionary"].set_index(["method", "noise"])
    assert table.loc[(LEARNER, 0.1), "rate"] >= 0.9
    assert table.loc[(f"{LEARNER}, no atoms", 0.1), "hits"] == 0
    assert (table["n"] >= 40).all()
