"""Measures of states agree with scikit-learn and with plain loops, and tell a good dictionary from a useless one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.evaluation import firing, quality, together
from emotion_utils.dictionaries.rivals import LargestNeurons, rivals
from emotion_utils.planted.dictionaries import Sparse, plant, random_atoms


@pytest.fixture(scope="module")
def made():
    return plant(Sparse(width=10, atoms=6, active=2, rows=5000, noise=0.0), 0)


@pytest.fixture(scope="module")
def states(made):
    return torch.from_numpy(made.states).float()


def reading(atoms, n_dead=0, encoder=None) -> Dictionary:
    """A dictionary with these atoms, the encoder their pseudo-inverse unless another is given."""
    decoder = torch.from_numpy(np.concatenate([atoms, np.zeros((n_dead, atoms.shape[1]))])).float()
    encoder = torch.linalg.pinv(decoder) if encoder is None else encoder
    n, width = decoder.shape
    return Dictionary(encoder, torch.zeros(n), decoder, torch.zeros(width), torch.full((n,), 1e-3))


def test_the_planted_dictionary_explains_all_and_random_directions_do_not(made, states):
    drawn = random_atoms(6, 10, np.random.default_rng(9))
    table = quality({"planted": reading(made.atoms, 2), "random": reading(drawn)}, states, 3)
    planted, other = table.to_dict("records")
    assert planted["explained"] == pytest.approx(1, abs=1e-4)
    assert planted["explained_by_state"] == pytest.approx(1, abs=1e-4)
    assert planted["l0"] == pytest.approx(2)  # atoms of each state
    assert planted["dead"] == pytest.approx(2 / 8)
    assert other["explained"] < 0.7
    assert set(table["layer"]) == {3}


def test_explained_variance_is_that_of_scikit_learn(states):
    held = states[:700]
    coder = LargestNeurons(states.mean(dim=0), 3)
    back = coder.decode(coder.encode(held))
    found = quality({"a": coder}, held, 0).iloc[0]
    assert found["explained"] == pytest.approx(
        r2_score(held.numpy(), back.numpy(), multioutput="variance_weighted"), abs=1e-5
    )
    mean = held.mean(dim=0)
    by_state = [
        1 - float((b - h).square().sum() / (h - mean).square().sum()) for b, h in zip(back, held, strict=True)
    ]
    assert found["explained_by_state"] == pytest.approx(np.mean(by_state), abs=1e-5)
    assert found["l0"] == 3


def test_the_mean_explains_nothing(states):
    class Mean:
        def encode(self, some):
            return torch.zeros(len(some), 4)

        def decode(self, codes):
            return states.mean(dim=0).expand(len(codes), -1)

    found = quality({"mean": Mean()}, states, 0).iloc[0]
    assert found["explained"] == pytest.approx(0, abs=1e-6)
    assert (found["l0"], found["dead"]) == (0, 1)


def test_components_are_those_of_scikit_learn():
    states = torch.randn(3000, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [5, 4, 3, 2, 1, 0.5]
    )
    train, held = states[:2000] + 7, states[2000:] + 7
    peer = PCA(2).fit(train.numpy())
    own = rivals(train, 2)["2 components"]
    torch.testing.assert_close(
        own.decode(own.encode(held)),
        torch.from_numpy(peer.inverse_transform(peer.transform(held.numpy()))),
        atol=1e-3,
        rtol=1e-3,
    )


def test_the_largest_neurons_are_the_farthest_from_their_mean():
    coder = LargestNeurons(torch.tensor([100.0, 0, 0]), 1)
    assert coder.encode(torch.tensor([[101.0, -2, 1]])).tolist() == [[0, -2, 0]]
    assert coder.decode(coder.encode(torch.tensor([[101.0, -2, 1]]))).tolist() == [[100, -2, 0]]


def test_rivals_are_named_by_their_number_and_have_as_many(states):
    found = rivals(states, 4)
    assert list(found) == ["4 components", "4 largest neurons"]
    table = quality(found, states, 0)
    assert table["l0"].tolist() == pytest.approx([4, 4], abs=1e-2)
    for k in (0, 11):
        with pytest.raises(UserError, match=f"1 to 10 components, not {k}"):
            rivals(states, k)


def test_firing_is_counted_over_all_states(made, states):
    found = firing(reading(made.atoms), states)
    assert found.numpy() == pytest.approx((made.codes > 0).mean(axis=0), abs=1e-6)


def test_states_that_say_nothing_are_refused(made, states):
    coders = {"a": reading(made.atoms)}
    broken = states[:5].clone()
    broken[1, 1] = float("inf")
    for own, sentence in (
        (states[:1], "1 states were held out"),
        (broken, "finite"),
        (torch.ones(5, 10), "do not vary"),
    ):
        with pytest.raises(UserError, match=sentence):
            quality(coders, own, 0)


def test_one_table_has_both_kinds_of_measures(made, states):
    qualities = quality({"a": reading(made.atoms)}, states, 2)
    losses = pd.DataFrame({"method": ["clean", "ablated", "a"], "layer": 2, "loss": [1.0, 3.0, 1.5]})
    table = together(qualities, losses).set_index("method")
    assert set(table.index) == {"a", "clean", "ablated"}
    assert table.loc["a", "loss"] == 1.5
    assert np.isnan(table.loc["clean", "explained"])
