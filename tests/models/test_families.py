"""Where values and heads' writing are in each family, against the modules' own weights and outputs."""

from __future__ import annotations

import heads_by_hand as plain
import pytest
import torch

from emotion_utils.models.families import (
    blocks,
    n_heads,
    n_layers,
    normalises,
    value_projection,
    written_by_heads,
)
from emotion_utils.models.hooks import HookPoint, attached


@pytest.fixture(scope="module")
def rough(untrained):
    return plain.roughened(untrained.network)


IDS = [1, *range(60, 74)]


@torch.no_grad()
def read(model, kinds):
    points = [HookPoint(layer, kind) for layer in range(n_layers(model)) for kind in kinds]
    found = {}
    with attached(model, {p: lambda tensor, p=p: found.__setitem__(p, tensor.clone()) for p in points}):
        model(torch.tensor([IDS]), use_cache=False)
    return {kind: torch.stack([found[p][0] for p in points if p.kind == kind]) for kind in kinds}


def test_values_are_those_of_the_weights(rough):
    values, _ = plain.values_and_patterns(rough, IDS)
    torch.testing.assert_close(read(rough, ["v"])["v"], values, atol=1e-5, rtol=1e-5)
    for block in blocks(rough):
        module, _ = value_projection(block, n_heads(rough))
        assert module in plain.modules(rough, plain.IN)


def test_grouped_heads_share_values_in_runs(rough):
    values = read(rough, ["v"])["v"]
    heads = n_heads(rough)
    run = heads // getattr(rough.config, "num_key_value_heads", heads)
    same = [[torch.equal(values[:, :, i], values[:, :, j]) for j in range(heads)] for i in range(heads)]
    assert same == [[i // run == j // run for j in range(heads)] for i in range(heads)]


def test_what_heads_write_is_what_attention_adds_without_its_bias(rough):
    found = read(rough, ["z", "attn_out"])
    gemma = rough.config.model_type in ("gemma2", "gemma3_text")
    for layer, block in enumerate(blocks(rough)):
        rows, out = written_by_heads(rough, layer), found["attn_out"][layer]
        assert rows.shape == (n_heads(rough), plain.width_in(rough), rough.config.hidden_size)
        written = torch.einsum("phd,hdm->pm", found["z"][layer], rows)
        assert normalises(block) == gemma
        bias = getattr(plain.modules(rough, plain.OUT)[layer], "bias", None)
        assert (bias is None) == (rough.config.model_type in ("llama", "qwen3", "gemma2", "gemma3_text"))
        if gemma:
            factor = out / written
            middle = factor.nanmedian(dim=1, keepdim=True).values  # a real gain may be 0
            assert (middle > 0).all()
            assert middle.std() > 1e-4  # each token has its own
            written = written * middle
        written = written + (0 if bias is None else bias.detach())
        torch.testing.assert_close(written, out, atol=1e-4 * float(out.abs().max()), rtol=1e-4)


def test_one_head_writes_by_itself(rough):
    """Each head's rows, not only their sum."""
    for layer, module in enumerate(plain.modules(rough, plain.OUT)):
        gain = (
            blocks(rough)[layer].post_attention_layernorm.weight + 1
            if normalises(blocks(rough)[layer])
            else 1
        )
        heads, width = n_heads(rough), plain.width_in(rough)
        for head in (0, heads // 2 - 1, heads - 1):
            z = torch.zeros(heads, width)
            z[head] = torch.linspace(-1, 2, width)
            with torch.no_grad():
                alone = (module(z.flatten()) - module(torch.zeros(heads * width))) * gain
            torch.testing.assert_close(
                z[head] @ written_by_heads(rough, layer)[head],
                alone,
                atol=1e-5 * max(1.0, float(alone.abs().max())),
                rtol=1e-4,
            )
