"""Qwen 2.5 has no bundled miniature: its parts are those of Llama, with biases of queries, keys, values."""

from __future__ import annotations

import heads_by_hand as plain
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from emotion_utils.models.families import n_heads, n_layers, written_by_heads, written_by_neurons
from emotion_utils.models.hooks import HookPoint, attached, eager

IDS = [1, *range(60, 74)]


@pytest.fixture(scope="module")
def rough():
    config = Qwen2Config(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
    )
    torch.manual_seed(0)
    return plain.roughened(AutoModelForCausalLM.from_config(config, attn_implementation="eager")).eval()


@pytest.fixture(scope="module")
def found(rough):
    kinds = ("resid_pre", "v", "z", "attn_out", "neurons", "mlp_out", "resid_post", "pattern")
    points = [HookPoint(layer, kind) for layer in range(n_layers(rough)) for kind in kinds]
    kept = {}
    functions = {
        point: lambda tensor, point=point: kept.__setitem__(point, tensor[0].clone()) for point in points
    }
    with torch.no_grad(), eager(rough), attached(rough, functions):
        rough(torch.tensor([IDS]), use_cache=False)
    return kept


def test_the_residual_stream_is_that_of_the_plain_model(rough, found):
    with torch.no_grad():
        hidden = rough(torch.tensor([IDS]), output_hidden_states=True).hidden_states
    for layer in range(n_layers(rough)):
        torch.testing.assert_close(found[HookPoint(layer, "resid_pre")], hidden[layer][0])
        after_attention = found[HookPoint(layer, "resid_pre")] + found[HookPoint(layer, "attn_out")]
        torch.testing.assert_close(
            found[HookPoint(layer, "resid_post")], after_attention + found[HookPoint(layer, "mlp_out")]
        )


def test_values_and_patterns_are_those_of_the_weights(rough, found):
    values, patterns = plain.values_and_patterns(rough, IDS)
    for layer in range(n_layers(rough)):
        torch.testing.assert_close(found[HookPoint(layer, "v")], values[layer], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found[HookPoint(layer, "pattern")], patterns[layer], atol=1e-6, rtol=1e-5)


def test_heads_and_neurons_write_what_is_added(rough, found):
    for layer in range(n_layers(rough)):
        rows = written_by_heads(rough, layer)
        assert rows.shape == (n_heads(rough), plain.width_in(rough), rough.config.hidden_size)
        written = torch.einsum("phd,hdm->pm", found[HookPoint(layer, "z")], rows)
        torch.testing.assert_close(written, found[HookPoint(layer, "attn_out")], atol=1e-5, rtol=1e-4)
        written = found[HookPoint(layer, "neurons")] @ written_by_neurons(rough, layer)
        torch.testing.assert_close(written, found[HookPoint(layer, "mlp_out")], atol=1e-5, rtol=1e-4)
