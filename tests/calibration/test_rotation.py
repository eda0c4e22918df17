"""The reports' rotation on random subspaces, and the committed table of it."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.calibration import ledger, rotation
from emotion_utils.planted.generators import random_basis


def pair(d, k, seed=0):
    rng = np.random.default_rng(seed)
    return [random_basis(d, rng)[:k] for _ in range(2)]


def test_the_mean_row_alone_puts_one_over_k_squared_into_the_mean_square():
    one, other = pair(200, 8)
    moved = rotation.rotated(one, other)
    # without the mean row the product is that of unrelated rows
    alone = moved - other.mean(axis=0)
    assert other.mean(axis=0) @ other.T == pytest.approx(np.full(8, 1 / 8))
    assert ((alone @ other.T) ** 2).mean() < 2 / 200
    assert rotation.squared_cosines(moved, other) == pytest.approx(1 / 64, rel=0.4)


def test_scores_are_those_of_known_subspaces():
    axes = np.eye(6)
    assert rotation.squared_cosines(axes[:2], axes[1:3]) == pytest.approx(0.25)
    assert rotation.top_cosines(axes[:2], axes[1:3]) == pytest.approx(0.5)


def test_the_committed_gains_are_those_of_the_first_pairs():
    table = ledger.read("rotation").tables["gains"]
    assert rotation.gains([0])["squared"].iloc[0] == pytest.approx(table["squared"].iloc[0], abs=5e-4)
    assert table["squared"].mean() == pytest.approx(0.0099, abs=1e-4)
    assert len(table) >= 100
