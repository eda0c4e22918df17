"""Vectors: arithmetic, a planted direction found again, agreement with scikit-learn and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.vectors import vector as vectors_vector
from emotion_utils.vectors.vector import (
    EmotionVector,
    centred_class_means,
    difference_of_means,
    logistic_directions,
)

LAYERS, WIDTH = 3, 64


@pytest.fixture
def planted():
    """Noise with one direction per layer added to half of the prompts."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(LAYERS, WIDTH, generator=generator)
    truth = 2.5 * truth / truth.norm(dim=1, keepdim=True)
    values = torch.randn(800, LAYERS, WIDTH, generator=generator) * 0.3 + 5
    positive = np.arange(800) % 2 == 0
    values[torch.from_numpy(positive)] += truth
    return values, positive, truth


def vector(values, name="a", **changes):
    given = {"emotion": name, "method": "m", "model": "small", "layers": (0, 1, 2), "values": values, "n": 4}
    return EmotionVector(**(given | changes))


def cosines(one, two):
    return torch.nn.functional.cosine_similarity(one, two, dim=1)


def test_a_planted_direction_is_found_again(planted):
    values, positive, truth = planted
    mask = torch.from_numpy(positive)
    found = difference_of_means(values[mask], values[~mask])
    assert cosines(found, truth).min() > 0.99
    assert torch.allclose(found.norm(dim=1), truth.norm(dim=1), rtol=0.05)
    assert cosines(logistic_directions(values, positive, penalty=100), truth).min() > 0.99


def test_difference_of_means_is_numpys(planted):
    values, positive, _ = planted
    x = values.numpy().astype(np.float64)
    expected = x[positive].mean(axis=0) - x[~positive].mean(axis=0)
    mask = torch.from_numpy(positive)
    assert np.abs(difference_of_means(values[mask], values[~mask]).numpy() - expected).max() < 1e-6


def test_a_logistic_direction_that_has_not_settled_is_refused(planted, monkeypatch):
    values, positive, _ = planted
    monkeypatch.setattr(vectors_vector, "STEPS", 2)
    with pytest.raises(
        UserError, match=r"layer 0 .* not settled after 2 steps at penalty 1: choose a larger"
    ):
        logistic_directions(values, positive)


def test_logistic_directions_are_scikit_learns_and_do_not_depend_on_scale(planted):
    values, positive, _ = planted
    found = logistic_directions(values, positive)
    x = values[:, 1].double().numpy()
    x = x - x.mean(axis=0)
    expected = LogisticRegression(max_iter=2000).fit(x / np.sqrt((x**2).mean()), positive).coef_[0]
    assert cosine_similarity(found[1:2].numpy(), expected[None])[0, 0] == pytest.approx(1, abs=1e-6)
    for scale in (1 / 128, 128):
        assert torch.allclose(
            logistic_directions(values * scale, positive) / scale, found, rtol=1e-5, atol=1e-6
        )


def test_centred_class_means_add_up_to_zero_for_classes_of_any_size(planted):
    values, _, _ = planted
    labels = ["a"] * 10 + ["b"] * 50 + ["c"] * 740
    found = centred_class_means(values, labels)
    assert list(found) == ["a", "b", "c"]
    assert sum(found.values()).abs().max() < 1e-5
    means = [values[s].double().mean(0) for s in (slice(0, 10), slice(10, 60), slice(60, 800))]
    assert torch.allclose(found["a"], (means[0] - sum(means) / 3).float(), atol=1e-6)


def test_arithmetic():
    generator = torch.Generator().manual_seed(1)
    a, b = (vector(torch.randn(LAYERS, WIDTH, generator=generator), name) for name in "ab")
    assert torch.equal((a + b).values, a.values + b.values)
    assert torch.equal((a - b).values, a.values - b.values)
    assert (a - b).emotion == "a - b"
    assert torch.equal((2 * a).values, (a * 2).values)
    assert torch.equal((a / 4).values, a.values / 4)
    assert torch.equal((-a).values, -a.values)
    assert torch.allclose(a.unit().norm(), torch.ones(LAYERS))
    assert torch.allclose(a.cosine(-2 * a), -torch.ones(LAYERS))
    assert torch.equal(a.at(2), a.values[2])
    expected = cosine_similarity(torch.stack([a.at(1), b.at(1)]).numpy())[0, 1]
    assert float(a.cosine(b)[1]) == pytest.approx(expected, abs=1e-6)


def test_it_is_saved_and_read(tmp_path):
    store = Store(tmp_path)
    a = vector(torch.randn(LAYERS, WIDTH, generator=torch.Generator().manual_seed(2)))
    key = a.save(store, {"prompts": "hash"})
    found = EmotionVector.read(store, key)
    assert torch.equal(found.values, a.values)
    assert (found.emotion, found.method, found.model, found.layers, found.kind, found.n) == (
        a.emotion,
        a.method,
        a.model,
        a.layers,
        a.kind,
        a.n,
    )
    assert a.save(store, {"prompts": "other"}) != key
    assert (2 * a).save(store, {"prompts": "hash"}) != key
    assert a.save(store, {"prompts": "hash"}) == key


def test_mistakes_are_named():
    a = vector(torch.ones(LAYERS, WIDTH))
    with pytest.raises(UserError, match=r"differ in model \(small and other\)"):
        a + vector(torch.ones(LAYERS, WIDTH), model="other")
    with pytest.raises(UserError, match="differ in layers"):
        a + vector(torch.ones(2, WIDTH * 2), layers=(0, 1))
    with pytest.raises(UserError, match="differ in model"):
        a.cosine(vector(torch.ones(LAYERS, WIDTH), model="other"))
    with pytest.raises(UserError, match="differ in layers"):
        a.cosine(vector(torch.ones(LAYERS, WIDTH), layers=(0, 1, 5)))
    with pytest.raises(UserError, match=r"has the layers \(0, 1, 2\), not 7"):
        a.at(7)
    with pytest.raises(UserError, match=r"zero at the layers \[0, 1, 2\]"):
        (0 * a).unit()
    with pytest.raises(UserError, match="not finite"):
        a / 0 * 0
    with pytest.raises(UserError, match="2 layers are named for 3 rows"):
        vector(torch.ones(LAYERS, WIDTH), layers=(0, 1))
    with pytest.raises(UserError, match="0 emotional"):
        difference_of_means(torch.ones(0, 1, 2), torch.ones(3, 1, 2))
    with pytest.raises(UserError, match="two classes"):
        logistic_directions(torch.ones(3, 1, 2), np.ones(3, dtype=bool))
