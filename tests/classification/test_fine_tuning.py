"""Training is AdamW written out, the same in every process and after a kill, and it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import GPT2Config

from emotion_utils.classification.classifier import with_head
from emotion_utils.classification.fine_tuning import fine_tune
from emotion_utils.classification.settings import FineTuning
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.models.loading import build_model
from emotion_utils.models.model import Model

HOW = FineTuning(rate=3e-3, epochs=2, batch=4, seed=5)
ANIMALS = {"cat": "furry", "dog": "furry", "bird": "feathered"}


def made(n, seed=0):
    """Texts whose label is that of the animal in them."""
    rng = np.random.default_rng(seed)
    words = [list(ANIMALS), ["red", "green", "blue", "big", "small"], ["ran", "slept", "sang"]]
    drawn = [[own[int(rng.integers(len(own)))] for own in words] for _ in range(n)]
    texts = [
        f"the {colour} {animal} {did}" + " and sang" * int(rng.integers(3)) for animal, colour, did in drawn
    ]
    return texts, [ANIMALS[animal] for animal, _, _ in drawn]


def weights_of(found):
    return {name: part.clone() for name, part in found.classifier.model.network.state_dict().items()}


def assert_same(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name, part in one.items():
        torch.testing.assert_close(
            part, other[name], msg=lambda told, name=name: f"{name}: {told}", **tolerance
        )


@pytest.fixture(scope="module")
def trained(tiny):
    return fine_tune(tiny, *made(16), HOW, progress=False)


def test_it_is_adamw_written_out(tiny, trained):
    """Rate that falls in a straight line, gradients of length 1 at most, decay of matrices alone."""
    texts, labels = made(16)
    reference = with_head(tiny, sorted(set(labels)), seed=HOW.seed)
    network = reference.model.network.train()
    groups = [
        {"params": [p for p in network.parameters() if p.ndim == 2], "weight_decay": HOW.decay},
        {"params": [p for p in network.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=HOW.rate, foreach=False)
    targets = torch.tensor([reference.labels.index(label) for label in labels])
    rows, total, losses = reference.encode(texts).rows, HOW.steps(16), []
    for step, chosen in enumerate(HOW.batches(16)):
        for group in optimizer.param_groups:
            group["lr"] = HOW.rate * (1 - step / total)
        logits = torch.cat([network(torch.tensor([rows[at]])).logits for at in chosen.tolist()])
        loss = torch.nn.functional.cross_entropy(logits, targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert trained.curve["step"].tolist() == list(range(1, total + 1))
    np.testing.assert_allclose(trained.curve["loss"], losses, atol=2e-4)
    assert_same(weights_of(trained), dict(network.state_dict()), atol=2e-4, rtol=0)


def test_it_learns_what_there_is_to_learn(tiny):
    texts, labels = made(80)
    found = fine_tune(tiny, texts, labels, replace(HOW, epochs=4), progress=False)
    unseen, truth = made(40, seed=9)
    assert np.mean(np.array(found.classifier.predict(unseen)) == truth) >= 0.95
    before = with_head(tiny, ("feathered", "furry")).predict(unseen)
    assert np.mean(np.array(before) == truth) < 0.9
    assert not found.classifier.model.network.training
    assert found.classifier.labels == ("feathered", "furry")


def test_seeds_decide_and_the_model_and_the_process_stay_as_they_were(tiny, trained):
    before = {name: part.clone() for name, part in tiny.network.state_dict().items()}
    states = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    again = fine_tune(tiny, *made(16), HOW, progress=False)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert_same(weights_of(again), weights_of(trained), atol=0, rtol=0)
    other = fine_tune(tiny, *made(16), replace(HOW, seed=6), progress=False)
    assert not torch.equal(
        other.classifier.model.network.score.weight, again.classifier.model.network.score.weight
    )
    assert_same(before, dict(tiny.network.state_dict()), atol=0, rtol=0)


class Killed(Store):
    """A store whose process is killed when it has kept a state so many times."""

    def __init__(self, folder, after):
        super().__init__(folder)
        self.left = after

    def put(self, key, value, parameters=None):
        super().put(key, value, parameters)
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_training_that_was_killed_goes_on_to_the_same_weights(tiny, trained, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fine_tune(tiny, *made(16), HOW, store=Killed(tmp_path, 5), keep_seconds=0, progress=False)
    found = fine_tune(tiny, *made(16), HOW, store=Store(tmp_path), progress=False)
    assert_same(weights_of(found), weights_of(trained), atol=0, rtol=0)
    assert found.curve.equals(trained.curve)
    assert len(Store(tmp_path).keys()) == 1


def test_dropout_goes_on_as_well(tiny, tmp_path):
    """GPT-2 has dropout, whose masks follow from the step."""
    config = GPT2Config(
        vocab_size=len(tiny.tokenizer),
        n_positions=64,
        n_embd=8,
        n_layer=1,
        n_head=2,
        resid_pdrop=0.3,
        pad_token_id=0,
    )
    model = Model(build_model(config).eval(), tiny.tokenizer)
    whole = fine_tune(model, *made(8), replace(HOW, epochs=1), progress=False)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(
            model, *made(8), replace(HOW, epochs=1), store=Killed(tmp_path, 1), keep_seconds=0, progress=False
        )
    found = fine_tune(model, *made(8), replace(HOW, epochs=1), store=Store(tmp_path), progress=False)
    assert_same(weights_of(found), weights_of(whole), atol=0, rtol=0)


def test_a_finished_training_is_read_and_another_is_not(tiny, trained, tmp_path, monkeypatch):
    store = Store(tmp_path)
    fine_tune(tiny, *made(16), HOW, store=store, progress=False)
    (key,) = store.keys()
    assert not any(name.startswith("exp_avg") for name in store.get(key))

    def never(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr("emotion_utils.classification.trainer._InOrder.train", never)
    assert_same(
        weights_of(fine_tune(tiny, *made(16), HOW, store=store, progress=False)),
        weights_of(trained),
        atol=0,
        rtol=0,
    )
    with pytest.raises(AssertionError):
        fine_tune(tiny, *made(16), replace(HOW, decay=0.1), store=store, progress=False)
    with pytest.raises(AssertionError):
        fine_tune(tiny, *made(16, seed=1), HOW, store=store, progress=False)


def test_what_cannot_be_trained_is_named(tiny):
    with pytest.raises(UserError, match="There are 2 texts and 1 labels"):
        fine_tune(tiny, ["a", "the"], ["x"], HOW)
    with pytest.raises(UserError, match="There are 1 labels, 1 of them different"):
        fine_tune(tiny, ["a", "the"], ["x", "x"], HOW)
    with pytest.raises(UserError, match=r"The loss is (nan|inf) at step \d+ of"):
        fine_tune(tiny, *made(16), replace(HOW, rate=1e30), progress=False)
