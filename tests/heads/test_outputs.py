"""What is read in padded batches is what each prompt gives alone, and means are those of a plain loop."""

from __future__ import annotations

import heads_by_hand as plain
import pytest
import torch

from emotion_utils.activations import forward
from emotion_utils.activations.forward import chunks, head_outputs
from emotion_utils.heads.outputs import mean_outputs
from emotion_utils.models.hooks import attached


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_heads_in_a_batch_are_those_of_each_prompt_alone(pairs, batch):
    z, v = (head_outputs(pairs.model, pairs.ids, kind, batch) for kind in ("z", "v"))
    patterns = head_outputs(pairs.model, pairs.ids, "pattern", batch)
    assert z.values.dtype == torch.float32
    for i, ids in enumerate(pairs.ids):
        n = len(ids)
        values, weights = plain.values_and_patterns(pairs.model.network, ids)
        for found, theirs in ((z, plain.z_of(pairs.model.network, ids)), (v, values)):
            torch.testing.assert_close(found.values[i, :, -n:], theirs, atol=1e-4, rtol=1e-4)
            assert not found.values[i, :, :-n].any()
            assert torch.equal(found.tail(i, 2), found.values[i, :, -2:])
        torch.testing.assert_close(patterns.values[i, :, :, -n:, -n:], weights, atol=1e-5, rtol=1e-5)
        rest = patterns.values[i].clone()
        rest[:, :, -n:, -n:] = 0
        assert not rest.any()
        for found in (z, v, patterns):
            assert found.real[i].tolist() == [False] * (found.real.shape[1] - n) + [True] * n


def test_attention_over_values_is_what_heads_give(pairs):
    z, v, pattern = (head_outputs(pairs.model, pairs.ids, kind).values for kind in ("z", "v", "pattern"))
    product = torch.einsum("plhqk,plkhd->plqhd", pattern, v)
    torch.testing.assert_close(product, z, atol=1e-5 * float(z.abs().max()), rtol=1e-5)


def test_a_pattern_is_read_whatever_the_implementation_which_stays(few):
    expected = head_outputs(few.model, few.ids, "pattern").values
    before = few.model.network.config._attn_implementation
    alone = few.model.network.config.model_type in ("gpt_neo", "gemma2")  # which have no other
    other = before if alone else "sdpa"
    few.model.network.set_attn_implementation(other)
    try:
        found = head_outputs(few.model, few.ids, "pattern").values
        assert few.model.network.config._attn_implementation == other
    finally:
        few.model.network.set_attn_implementation(before)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_nothing_is_left_of_a_hook(few):
    head_outputs(few.model, few.ids)
    with attached(few.model.network, {}):
        assert not any(m._forward_pre_hooks for m in plain.modules(few.model.network, plain.OUT))


def test_the_mean_leaves_out_first_tokens_and_padding(pairs, means, monkeypatch):
    found = mean_outputs(pairs.model, pairs.ids)
    torch.testing.assert_close(found, means, atol=1e-5, rtol=1e-5)
    monkeypatch.setattr(forward, "CHUNK_BYTES", 1)
    torch.testing.assert_close(mean_outputs(pairs.model, pairs.ids), found, atol=1e-6, rtol=1e-5)


def test_prompts_of_one_token_have_no_mean(few):
    assert not mean_outputs(few.model, [[5], [6]]).any()


@pytest.mark.parametrize(("room", "copies"), [(2**29, 1), (1, 1), (70_000, 1), (140_000, 2)])
def test_runs_hold_every_prompt_once_and_fit(few, monkeypatch, room, copies):
    """A head's outputs of these models take 2 KiB of each token, and a prompt has 8."""
    monkeypatch.setattr(forward, "CHUNK_BYTES", room)
    prompts = [[1] * 8] * 11
    parts = [prompts[part] for part in chunks(few.model, prompts, copies)]
    assert sum(map(len, parts)) == 11
    assert [i for part in chunks(few.model, prompts, copies) for i in range(*part.indices(11))] == list(
        range(11)
    )
    expected = min(11, max(1, room // (copies * 8 * 4 * 4 * 128)))
    assert len(parts[0]) == expected
    assert list(chunks(few.model, [])) == []
