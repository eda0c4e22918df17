"""Training follows the gradient that autograd finds, recovers planted atoms and no others, and repeats by its seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.dictionaries import training
from emotion_utils.dictionaries.learner import Learner, smallest_kept
from emotion_utils.dictionaries.settings import L1, BatchTopK
from emotion_utils.dictionaries.training import COLUMNS, train
from emotion_utils.planted.dictionaries import Sparse, learn, matched, plant, random_atoms, recovery

SPARSE = Sparse(width=16, atoms=32, active=2, rows=2000)
PARTS = ("encoder", "encoder_bias", "decoder", "decoder_bias", "threshold")
TRAINED = {
    "L1": L1(features=32, coefficient=0.3, batch=100, epochs=60, rate=5e-3),
    "BatchTopK": BatchTopK(features=32, k=2, batch=100, epochs=60, rate=1e-2),
}
SMALL = BatchTopK(features=12, k=2, batch=50, epochs=4)


@pytest.fixture(scope="module")
def made():
    return plant(SPARSE, 0)


@pytest.fixture(scope="module")
def states(made):
    return torch.from_numpy(made.states).float()


@pytest.fixture(scope="module")
def trained(states):
    return {name: train({0: states}, how, progress=False)[0][0] for name, how in TRAINED.items()}


def plain_loss(learner, x, how, dead):
    """As a reader of the papers would write it."""
    pre = (x * learner.scale - learner.decoder_bias) @ learner.encoder + learner.encoder_bias
    codes = pre.relu()
    if isinstance(how, BatchTopK):
        kept = torch.zeros(codes.numel()).index_fill(0, codes.flatten().topk(how.k * len(x)).indices, 1.0)
        codes = codes * kept.view_as(codes)
    missing = x * learner.scale - codes @ learner.decoder - learner.decoder_bias
    loss = missing.square().sum(dim=1).mean()
    if isinstance(how, L1):
        return loss + how.coefficient * codes.sum(dim=1).mean()
    own = pre.relu() * dead
    most = own.topk(x.shape[1] // 2, dim=1).indices
    own = own * torch.zeros_like(own).scatter(1, most, 1.0)
    return loss + how.auxiliary * (missing.detach() - own @ learner.decoder).square().sum(dim=1).mean()


@pytest.mark.parametrize("how", [L1(features=20), BatchTopK(features=20, k=3, auxiliary=0.5)])
@pytest.mark.parametrize("n_dead", [0, 2, 12])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_written_out_gradient_is_that_of_autograd(how, n_dead, frozen):
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(30, 8, generator=draw) * 3 + 1
    learner = Learner(x.mean(dim=0), float(x.square().sum(dim=1).mean()), replace(how, frozen=frozen), 10, 0)
    learner.encoder_bias += 0.3 * torch.randn(20, generator=draw)
    learner.idle[:n_dead] = 1e9
    learner.gradients(x)
    names = ["encoder", "encoder_bias", "decoder_bias", *([] if frozen else ["decoder"])]
    found = {name: getattr(learner, name).grad.clone() for name in names}
    for name in names:
        getattr(learner, name).requires_grad_().grad = None
    plain_loss(learner, x, how, learner.dead.float()).backward()
    for name in names:
        torch.testing.assert_close(found[name], getattr(learner, name).grad, rtol=1e-4, atol=1e-5)
    assert (learner.decoder.grad is None) == frozen


def test_a_batch_is_cut_so_that_the_largest_are_kept():
    pre = torch.tensor([[5.0, -1.0, 3.0], [4.0, 2.0, 1.0]])
    for n in (1, 2, 4):
        assert int((pre > smallest_kept(pre, n)).sum()) == n
    assert smallest_kept(pre, 5) == 0.0  # only five are positive
    assert smallest_kept(pre, 6) == 0.0


def test_planted_atoms_are_recovered_as_well_as_by_scikit_learn(trained, made):
    peer = recovery(learn(made.states, SPARSE.atoms, 0), made.atoms)
    drawn = recovery(random_atoms(SPARSE.atoms, SPARSE.width, np.random.default_rng(9)), made.atoms)
    for name, own in trained.items():
        found = recovery(own.dictionary.decoder.numpy(), made.atoms)
        assert found.mean > max(0.95, peer.mean - 0.005), name
        assert drawn.mean < 0.7


@pytest.mark.parametrize("name", TRAINED)
def test_states_of_equal_covariance_without_atoms_show_none(name, made):
    other = torch.from_numpy(matched(made.states, 0)).float()
    own = train({0: other}, replace(TRAINED[name], epochs=20), progress=False)[0][0]
    found = recovery(own.dictionary.decoder.numpy(), made.atoms)
    assert found.mean < 0.75
    assert found.share < 0.1


def test_the_threshold_keeps_as_many_as_training_did(trained, states):
    own = trained["BatchTopK"].dictionary
    active = (own.encode(states) > 0).sum(dim=1).float()
    assert float(active.mean()) == pytest.approx(2, abs=0.1)
    assert float(active.std()) > 0  # some states have more than others
    assert len(set(own.threshold.tolist())) == 1


def test_scaled_states_have_the_mean_square_norm_of_their_width(trained, states):
    scaled = states * trained["BatchTopK"].dictionary.scale
    assert float(scaled.square().sum(dim=1).mean()) == pytest.approx(16, rel=1e-4)
    assert trained["L1"].dictionary.scale == 1.0


def test_the_scale_of_states_is_nothing_to_batch_topk_and_much_to_l1(states):
    def active(how, factor):
        own = train({0: states * factor}, how, progress=False)[0][0].dictionary
        return float((own.encode(states * factor) > 0).sum(dim=1).float().mean())

    topk = replace(TRAINED["BatchTopK"], epochs=3)
    assert active(topk, 10) == pytest.approx(active(topk, 1), rel=0.05)
    l1 = replace(TRAINED["L1"], epochs=20, rate=1e-2)
    assert active(l1, 0.1) < 0.5 * active(l1, 1)


@pytest.mark.parametrize("name", TRAINED)
def test_atoms_have_length_one_and_the_curve_tells_of_progress(name, trained, states):
    own = trained[name]
    torch.testing.assert_close(own.dictionary.decoder.norm(dim=1), torch.ones(32), rtol=1e-5, atol=1e-5)
    assert list(own.curve.columns) == list(COLUMNS)
    assert own.curve["step"].iloc[-1] == own.how.epochs * 20
    missing = (own.dictionary.reconstruct(states) - states).square().sum()
    explained = 1 - float(missing / (states - states.mean(dim=0)).square().sum())
    assert own.curve["explained"].iloc[-1] == pytest.approx(explained, abs=0.02)
    assert own.curve["explained"].iloc[0] < explained
    assert own.curve["dead"].between(0, 1).all()


def test_the_second_loss_revives_features_that_nearly_fire(states):
    def alive(auxiliary):
        how = replace(TRAINED["BatchTopK"], dead_after=500, auxiliary=auxiliary)
        learner = Learner(states.mean(dim=0), float(states.square().sum(dim=1).mean()), how, 600, 0)
        learner.encoder_bias[:10] = -2.5
        for step in range(300):
            learner.step(states[100 * (step % 20) :][:100])
        return int((~learner.dead[:10]).sum())

    assert alive(0.0) == 0
    assert alive(1.0) >= 5


@pytest.mark.parametrize("how", [SMALL, L1(features=12, batch=50, epochs=4)])
def test_frozen_atoms_stay_where_they_were_while_the_rest_is_trained(how, states):
    learner = Learner(states.mean(dim=0), 1.0, how, 1, 5)
    frozen = train({0: states}, replace(how, frozen=True), seeds=(5,), progress=False)[0][0]
    free = train({0: states}, how, seeds=(5,), progress=False)[0][0]
    assert torch.equal(frozen.dictionary.decoder, learner.decoder)
    assert not torch.equal(free.dictionary.decoder, learner.decoder)
    for name in ("encoder", "encoder_bias", "decoder_bias"):
        assert not torch.equal(getattr(frozen.dictionary, name), getattr(learner, name)), name
    assert free.curve["explained"].iloc[-1] > frozen.curve["explained"].iloc[-1]


def test_a_seed_gives_the_same_whatever_stands_beside_it(states):
    alone = train({2: states}, SMALL, seeds=(1,), progress=False)[2][0]
    beside = train({0: states[:500], 2: states}, SMALL, seeds=(0, 1), progress=False)
    assert [[(one.layer, one.seed) for one in beside[layer]] for layer in (0, 2)] == [
        [(0, 0), (0, 1)],
        [(2, 0), (2, 1)],
    ]
    for name in PARTS:
        assert torch.equal(getattr(beside[2][1].dictionary, name), getattr(alone.dictionary, name))
    assert not torch.equal(beside[2][0].dictionary.decoder, alone.dictionary.decoder)


def test_states_stay_as_they_are(states):
    before = states.clone()
    train({0: states}, SMALL, progress=False)
    assert torch.equal(before, states)


def test_a_kept_dictionary_is_not_trained_again(tmp_path, states, monkeypatch):
    store = Store(tmp_path)
    first = train({0: states}, SMALL, store=store, states_key="planted", progress=False)[0][0]
    calls = []
    monkeypatch.setattr(training, "_train_one", lambda *args: calls.append(args))
    again = train({0: states}, SMALL, store=store, states_key="planted", progress=False)[0][0]
    assert calls == []
    assert first.curve.equals(again.curve)
    assert again.dictionary.scale == first.dictionary.scale
    for name in PARTS:
        assert torch.equal(getattr(first.dictionary, name), getattr(again.dictionary, name))
    others = (
        ({0: states}, "other", SMALL),
        ({1: states}, "planted", SMALL),
        ({0: states}, "planted", replace(SMALL, k=3)),
    )
    for number, (own, key, how) in enumerate(others, start=1):
        with pytest.raises(TypeError):
            train(own, how, store=store, states_key=key, progress=False)
        assert len(calls) == number


def test_what_cannot_be_trained_on_is_refused(states, tmp_path):
    broken = states.clone()
    broken[3, 2] = float("nan")
    cases = [
        ({4: broken}, SMALL, {}, "1 of the 2,000 states of layer 4 are not finite"),
        ({0: states[:49]}, SMALL, {}, "shape \\(49, 16\\), and a batch has 50"),
        ({0: torch.ones(60, 16)}, SMALL, {}, "All 60 states of layer 0 are the same"),
        ({0: states}, replace(SMALL, k=13), {}, "12 features cannot keep 13"),
        ({}, SMALL, {}, "0 layers"),
        ({0: states}, SMALL, {"seeds": (1, 1)}, "\\[1, 1\\]"),
        ({0: states}, SMALL, {"store": Store(tmp_path)}, "states_key"),
    ]
    for own, how, options, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            train(own, how, progress=False, **options)
    with pytest.raises(UserError, match="epochs = 0"):
        L1(epochs=0)
    with pytest.raises(UserError, match="features = 0"):
        L1(features=0)
    with pytest.raises(UserError, match="learning rate is -1"):
        BatchTopK(rate=-1)
    with pytest.raises(UserError, match="coefficient is -1"):
        L1(coefficient=-1)
    with pytest.raises(UserError, match="k = 0"):
        BatchTopK(k=0)


def test_by_default_a_dictionary_has_four_features_for_each_dimension():
    assert L1().features_of(128) == 512
    assert BatchTopK(multiple=2).features_of(10) == 20
    assert L1(features=7).features_of(128) == 7
