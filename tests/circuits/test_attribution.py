"""Estimates from one gradient are slopes of the plain model: by autograd and by small steps in double precision."""

from __future__ import annotations

import heads_by_hand as plain
import numpy as np
import pytest
import torch

from emotion_utils.circuits.ablation import ablated
from emotion_utils.circuits.attribution import attribution_patching, direct_logit_attribution, slopes

HEADS = [(0, 1), (1, 4), (2, 0), (3, 6)]
STEP = 1e-4


def derivative(function):
    return float(function(STEP) - function(-STEP)) / (2 * STEP)


def test_attributed_is_the_slope_times_the_change(pairs, means):
    found = attribution_patching(pairs, means)
    expected = []
    for prompt in range(2 * len(pairs)):
        seen, moved = [], []

        def change(_, z, seen=seen, moved=moved):
            seen.append(z.detach())
            moved.append(torch.zeros_like(z, requires_grad=True))
            return z + moved[-1]

        grads = torch.autograd.grad(plain.odds(pairs, prompt, change), moved)
        terms = [g * (z - m) for g, z, m in zip(grads, seen, means, strict=True)]
        expected.append(torch.cat([term.sum(dim=(0, 2)) for term in terms]).numpy())
    expected = np.array(expected).reshape(found.shape)
    assert found == pytest.approx(expected, abs=1e-4, rel=1e-4)
    assert np.abs(expected).max() > 0.05
    assert attribution_patching(pairs, means, batch=3) == pytest.approx(found, abs=1e-4, rel=1e-4)


@torch.no_grad()
def test_attributed_is_a_small_step_towards_the_mean(few, exact, means):
    found = attribution_patching(few, means).reshape(2 * len(few), -1)
    for prompt in range(2 * len(few)):
        for layer, head in HEADS:

            def change(at, z, share, layer=layer, head=head):
                z = z.clone()
                if at == layer:
                    z[:, head] += share * (means[layer, head] - z[:, head])
                return z

            with plain.in_double():
                expected = -derivative(
                    lambda s, change=change, prompt=prompt: plain.odds(
                        few, prompt, lambda at, z: change(at, z, s), exact
                    )
                )
            assert found[prompt, 8 * layer + head] == pytest.approx(expected, abs=1e-4, rel=1e-4)


def read_at_the_end(model, ids):
    """In the last position: heads, what goes into and out of each output projection, and what the last norm reads."""
    outs, into = [], []
    handles = [
        m.register_forward_hook(lambda _m, _a, y: outs.append(y[0, -1]))
        for m in plain.modules(model, plain.OUT)
    ]
    (norm,) = plain.modules(model, plain.NORMS)
    handles.append(norm.register_forward_pre_hook(lambda _m, args: into.append(args[0][0, -1])))
    z = plain.z_of(model, ids)[:, -1]
    for handle in handles:
        handle.remove()
    return z, outs, into[0], norm


@torch.no_grad()
def test_direct_is_what_a_head_writes_as_the_last_norm_and_the_unembedding_read_it(pairs, exact, means):
    found = direct_logit_attribution(pairs, means).reshape(2 * len(pairs), -1)
    gains = plain.modules(exact, ("post_attention_layernorm",))
    gemma = exact.config.model_type in ("gemma2", "gemma3_text")
    for prompt, ids in enumerate(pairs.ids):
        with plain.in_double():
            z, outs, stream, norm = read_at_the_end(exact, ids)
        own = pairs.openings[prompt % len(pairs)]
        sets = own[pairs.table["emotion"][prompt % len(pairs)]], own["neutral"]
        for layer, head in [(layer, head) for layer in range(4) for head in (0, 3, 7)]:
            change = torch.zeros_like(z[layer])
            change[head] = z[layer, head] - means[layer, head]
            project = plain.modules(exact, plain.OUT)[layer]
            written = project(change.flatten()) - project(0 * change.flatten())
            if gemma:  # the norm of what all heads write is held where it is
                size = (outs[layer].square().mean() + exact.config.rms_norm_eps).sqrt()
                written = written / size * (1 + gains[layer].weight)
            with plain.in_double():
                expected = derivative(
                    lambda s, stream=stream, written=written, norm=norm, sets=sets: plain.odds_of(
                        plain.read_out(exact, norm((stream + s * written)[None])[0]), *sets
                    )
                )
            assert found[prompt, 8 * layer + head] == pytest.approx(expected, abs=1e-4, rel=1e-4)
    assert direct_logit_attribution(pairs, means, batch=3).ravel() == pytest.approx(
        found.ravel(), abs=1e-4, rel=1e-4
    )


def test_slopes_hold_nothing_in_padding_and_each_prompt_once(pairs):
    parts = list(slopes(pairs, batch=3))
    assert sorted(np.concatenate([part.rows for part in parts]).tolist()) == list(range(2 * len(pairs)))
    for part in parts:
        assert part.real.sum(1).tolist() == [len(pairs.ids[row]) for row in part.rows]
        assert not part.z.transpose(1, 2)[~part.real].any()
        assert not part.slope.transpose(1, 2)[~part.real].any()
        for i, row in enumerate(part.rows.tolist()):
            z = plain.z_of(pairs.model.network, pairs.ids[row])
            torch.testing.assert_close(part.z[i, :, -z.shape[1] :], z, atol=1e-4, rtol=1e-4)


def test_a_gradient_leaves_the_model_as_it_was(few, means):
    before = few.log_odds()
    with torch.no_grad():  # as a caller may have it
        attribution_patching(few, means)
    assert all(parameter.grad is None for parameter in few.model.network.parameters())
    assert np.array_equal(few.log_odds(), before)


def test_near_the_mean_the_estimate_is_the_exact_effect(few):
    """Values a hundredth of the way from a head's own output: what remains is of second order."""
    z = plain.z_of(few.model.network, few.ids[0])
    near = z[:, -1] * 0.99  # differs at earlier positions, so only the last block is compared
    exact_effect = ablated(few, means=near, heads=[(3, head) for head in range(8)])[0, 0]
    change = next(part for part in slopes(few, batch=4))
    row = change.rows.tolist().index(0)
    slope = change.slope[row, 3, -1]
    estimate = (slope * (z[3, -1] - near[3])).sum(-1).numpy()
    assert estimate == pytest.approx(exact_effect, abs=2e-3)
