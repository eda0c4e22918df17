"""Dictionaries are as alike as was planted, whatever their order; random ones are as alike as chance has it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.across_seeds import across_seeds, alike
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.planted.dictionaries import random_atoms


def of(atoms, dead=0) -> Dictionary:
    n, width = atoms.shape
    decoder = torch.from_numpy(atoms).float()
    bias = torch.zeros(n)
    bias[:dead] = -1e6
    return Dictionary(decoder.T.contiguous(), bias, decoder, torch.zeros(width), torch.zeros(n))


@pytest.fixture(scope="module")
def states():
    return torch.randn(500, 20, generator=torch.Generator().manual_seed(0))


def test_the_same_features_in_another_order_and_length_are_wholly_alike(states):
    atoms = random_atoms(30, 20, np.random.default_rng(0))
    found = across_seeds([of(atoms), of(3 * atoms[::-1].copy())], states).iloc[0]
    assert found["cosine"] == pytest.approx(1)
    assert found["matched"] == 1
    assert found["features"] == 30
    assert found["null_cosine"] < 0.7
    assert found["null_matched"] == 0


def test_unrelated_features_are_as_alike_as_random_directions(states):
    some = [of(random_atoms(200, 20, np.random.default_rng(seed))) for seed in (1, 2)]
    found = across_seeds(some, states).iloc[0]
    assert found["cosine"] == pytest.approx(found["null_cosine"], abs=0.03)
    assert found["matched"] == 0


def test_half_of_the_features_in_common_are_half_matched(states):
    rng = np.random.default_rng(3)
    common = random_atoms(10, 20, rng)
    some = [of(np.concatenate([common, random_atoms(10, 20, rng)])) for _ in range(3)]
    table = across_seeds(some, states)
    assert table[["first", "second"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    assert table["matched"].to_numpy() == pytest.approx([0.5] * 3, abs=0.051)


def test_features_that_never_fire_do_not_count(states):
    atoms = random_atoms(30, 20, np.random.default_rng(0))
    other = atoms.copy()
    other[:10] = random_atoms(10, 20, np.random.default_rng(8))
    found = across_seeds([of(atoms, dead=10), of(other, dead=10)], states).iloc[0]
    assert found["features"] == 20
    assert found["matched"] == 1
    with pytest.raises(UserError, match="No feature of dictionary 1 fires"):
        across_seeds([of(atoms), of(atoms, dead=30)], states)


def test_directions_with_few_large_variances_are_alike_by_chance():
    """What the covariance alone makes alike is in the null."""
    long = torch.randn(2000, 20, generator=torch.Generator().manual_seed(1))
    long[:, :2] *= 50
    some = [of(random_atoms(40, 20, np.random.default_rng(seed))) for seed in (1, 2)]
    assert across_seeds(some, long)["null_cosine"].iloc[0] > 0.98


def test_partners_are_one_to_one():
    one = np.eye(3)
    both = np.array([[1.0, 0, 0], [1.0, 0, 0], [1.0, 0, 0]])
    mean, share = alike(one, both)
    assert mean == pytest.approx((1 / 3 + 1) / 2)
    assert share == pytest.approx(1 / 3)
    assert alike(one, one[:2])[1] == pytest.approx(2 / 3)


def test_dictionaries_of_other_layers_are_refused(states):
    with pytest.raises(UserError, match="widths \\[20\\]"):
        across_seeds([of(np.eye(20))], states)
