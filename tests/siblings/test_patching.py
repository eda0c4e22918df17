"""Patching of components: everything restores the clean logit, nothing changes nothing, and plain code agrees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_classifiers import ids, tiny

from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint
from emotion_utils.siblings.circuit import (
    Posts,
    against_random,
    curves,
    faithfulness_table,
    kept,
    mean_outputs,
    rivals,
    sizes_of,
)
from emotion_utils.siblings.components import (
    components,
    constant,
    last_outputs,
    logits_of,
)
from emotion_utils.siblings.patching import (
    attributed,
    depth_shares,
    effects,
    everything,
    patch,
    patched_together,
    third,
)
from emotion_utils.siblings.post_pairs import PostPairs, pairs_of

N = 24


@pytest.fixture(scope="module", params=["gemma2", "gpt2", "llama"])
def classifier(request):
    return tiny(request.param)


@pytest.fixture(scope="module")
def pairs():
    texts = ids(2 * N)
    label = np.arange(2 * N) % 3
    chosen = np.stack([np.arange(N), np.arange(N) + N + (label[:N] == label[N:])], axis=1)
    chosen[:, 1] %= 2 * N
    return pairs_of(texts, label, chosen)


def test_logits_are_those_of_the_plain_network(classifier):
    texts = ids(7)
    found = logits_of(classifier, texts)
    for row, text in enumerate(texts):
        with torch.no_grad():
            plain = classifier.model.network(input_ids=torch.tensor([list(text)])).logits[0].numpy()
        assert found[row] == pytest.approx(plain, abs=1e-5)


def test_everything_restores_the_clean_logit_and_nothing_changes_nothing(classifier, pairs):
    rows = np.arange(len(pairs))
    clean = logits_of(classifier, pairs.clean)[rows, pairs.label]
    corrupted = logits_of(classifier, pairs.corrupted)[rows, pairs.label]
    assert patched_together(classifier, pairs, everything(classifier)) == pytest.approx(clean, abs=5e-6)
    assert (patched_together(classifier, pairs, []) == corrupted).all()
    without_start = patched_together(classifier, pairs, components(classifier))
    assert np.abs(without_start - clean).max() > 1e-4  # what the blocks start from is a part of it
    assert np.abs(clean - corrupted).min() > 1e-4


def test_one_effect_agrees_with_plain_hooks_of_the_library(classifier, pairs):
    """Layer 1's MLP, by a hook on the module of the library that adds to the residual stream."""
    found = patch(classifier, pairs)
    column = [str(point) for point in found.where].index("mlp_out.1")
    network = classifier.model.network
    block = (network.model.layers if hasattr(network, "model") else network.transformer.h)[1]
    module = getattr(block, "post_feedforward_layernorm", block.mlp)
    plain = []
    for clean, corrupted, label in zip(pairs.clean, pairs.corrupted, pairs.label, strict=True):
        seen = []
        handle = module.register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(out[:, -1].clone()))
        z_clean = _logit(network, clean, label)
        handle.remove()

        def patched(_m, _i, out, seen=seen):
            out = out.clone()
            out[:, -1] = seen[0]
            return out

        z_corrupted = _logit(network, corrupted, label)
        handle = module.register_forward_hook(patched)
        z_patched = _logit(network, corrupted, label)
        handle.remove()
        plain.append((z_patched - z_corrupted) / (z_clean - z_corrupted))
    assert found.published()[:, column] == pytest.approx(np.array(plain), abs=1e-4, rel=1e-3)


def _logit(network, text, label) -> float:
    with torch.no_grad():
        return float(network(input_ids=torch.tensor([list(text)])).logits[0, label])


def test_an_effect_is_zero_where_nothing_separates_the_posts(classifier, pairs):
    same = PostPairs(pairs.clean, pairs.clean, pairs.label, pairs.other, pairs.post)
    assert (patch(classifier, same).published() == 0).all()
    with pytest.raises(UserError, match="In none of 24 pairs"):
        effects(patch(classifier, same))


def test_the_gradient_is_right_where_patches_are_small(classifier, pairs):
    """Attribution is first order: halved steps come nearer to it."""
    points = components(classifier)[-1:]
    exact = attributed(classifier, pairs, points)[:, 0]
    own, other = (
        last_outputs(classifier, texts, points)[points[0]] for texts in (pairs.clean, pairs.corrupted)
    )
    rows = np.arange(len(pairs))
    before = logits_of(classifier, pairs.corrupted)[rows, pairs.label]
    off = []
    for share in (0.1, 0.05):
        step = {points[0]: other + share * (own - other)}
        after = logits_of(classifier, pairs.corrupted, step)[rows, pairs.label]
        off.append(np.abs((after - before) / share - exact).mean())
    assert off[1] < 0.7 * off[0] + 1e-4
    assert off[1] < 0.2 * np.abs(exact).mean() + 1e-3


def test_the_table_has_both_effects_and_the_circuit(classifier, pairs):
    found = patch(classifier, pairs)
    table = effects(found, least=1e-3, n_resamples=200)
    ratio = found.published()
    assert table["published"].to_numpy() == pytest.approx(ratio.mean(axis=0))
    telling = found.gap >= 1e-3
    share = found.restored[telling].sum(axis=0) / found.gap[telling].sum()
    assert table["share"].to_numpy() == pytest.approx(share)
    assert (table["circuit"] == (table["published"] >= 0.01)).all()
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    assert (table["telling"] == telling.sum()).all()
    shares = depth_shares(table, 2)
    if table["circuit"].any():
        assert sum(shares.values()) == pytest.approx(1)


def test_thirds_of_the_depth_are_those_of_the_report():
    assert [third(layer, 26) for layer in (0, 8, 9, 17, 18, 25)] == [
        "first", "first", "middle", "middle", "last", "last",
    ]  # fmt: skip
    assert [third(layer, 4) for layer in range(4)] == ["first", "first", "middle", "last"]


def test_a_whole_circuit_suffices_and_an_empty_one_is_not_needed(classifier):
    texts, label = ids(30), np.arange(30) % 3
    posts = Posts(texts, logits_of(classifier, texts).argmax(axis=1))
    every = components(classifier)
    whole, none = kept(classifier, posts, [every, []])
    assert whole.sufficiency() == 1
    assert none.necessity() == 0
    means = mean_outputs(classifier, ids(20, seed=9))
    table, found = against_random(classifier, Posts(texts, label), every[:2], means, n=9)
    assert len(table) == 4
    assert table["p"].between(1 / 10, 1).all()
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    right = (logits_of(classifier, texts).argmax(axis=1) == label).mean()
    gone = logits_of(classifier, texts, constant(classifier, every[:2], means)).argmax(axis=1) == label
    fell = table.query("way == 'mean' and measure == 'necessity'")["value"].item()
    assert fell == pytest.approx(right - gone.mean())
    assert found["mean"].without.tolist() == gone.tolist()
    whole, _ = against_random(classifier, posts, every, means, n=3)
    assert (whole["p"] == 1).all()
    assert whole["null"].isna().all()


def test_a_curve_begins_at_nothing_and_ends_at_the_model(classifier, pairs):
    every = components(classifier)
    own, turned = curves(classifier, pairs, [every, every[::-1]])
    rows = np.arange(len(pairs))
    logits = logits_of(classifier, pairs.clean)
    apart = logits[rows, pairs.label] - logits[rows, pairs.other]
    assert own.kept[:, -1] == pytest.approx(apart, abs=2e-5)
    faithful = own.faithfulness()[0]
    assert (faithful[0], faithful[-1]) == (0, 1)
    assert turned.kept[:, 0] == pytest.approx(own.kept[:, 0], abs=1e-5)
    table, integrals = faithfulness_table(own, [turned], n_resamples=100)
    share = own.sizes / own.sizes[-1]
    cpr = sum(
        (a + b) / 2 * (y - x) for a, b, x, y in zip(faithful, faithful[1:], share, share[1:], strict=False)
    )
    assert integrals.set_index("measure").loc["CPR", "value"] == pytest.approx(cpr)
    assert table["size"].tolist() == list(range(len(every) + 1))


def test_rival_circuits_are_different_and_never_the_circuit():
    every = [HookPoint(layer, kind) for layer in range(4) for kind in ("attn_out", "mlp_out")]
    found = rivals(every, every[:3], 20, seed=1)
    assert len({frozenset(one) for one in found} - {frozenset(every[:3])}) == 20
    assert rivals(every, every[3:4], 20) == [(point,) for point in every if point != every[3]]
    assert rivals(every, every, 5) == rivals(every, (), 5) == []


def test_sizes_are_few_and_have_both_ends():
    assert sizes_of(8).tolist() == list(range(9))
    found = sizes_of(52)
    assert (found[0], found[-1]) == (0, 52)
    assert len(found) <= 13
    assert (np.diff(found) > 0).all()
