"""Sizes of models: against networks, against totals that their makers publish, and against torch's own counter."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from gguf_files import ARCHITECTURES, write_gguf
from torch.utils.flop_counter import FlopCounterMode

from emotion_utils.core.errors import UserError
from emotion_utils.core.gguf_header import read_header
from emotion_utils.core.paths import MODELS
from emotion_utils.hub.placement import n_weights
from emotion_utils.models import gguf
from emotion_utils.models.hooks import eager
from emotion_utils.models.model import load
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.models.registry import BUNDLED, HUB_ALIASES
from emotion_utils.planning.passes import Passes
from emotion_utils.planning.shapes import (
    PUBLISHED,
    UNKNOWN,
    Shape,
    named_parameters,
    of_config,
    of_parameters,
    shape_of,
)

TOTALS = {
    "openai-community/gpt2": 124_439_808,
    "openai-community/gpt2-medium": 354_823_168,
    "EleutherAI/pythia-160m": 162_322_944,
    "EleutherAI/pythia-410m": 405_334_016,
    "EleutherAI/gpt-neo-125m": 125_198_592,
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
    "Qwen/Qwen3-8B-Base": 8_190_735_360,
    "google/gemma-2-2b-it": 2_614_341_888,
    "google/gemma-3-12b-it": 12_187_325_040,
    "Qwen/Qwen2.5-0.5B": 494_032_768,
    "Qwen/Qwen2.5-1.5B": 1_543_714_304,
}
"""Weights in the files of each repository, as the hub's pages and model cards count them."""


@pytest.mark.parametrize("name", BUNDLED)
def test_parameters_and_operations_of_bundled_models_are_those_of_their_networks(name):
    model, shape = load(name), shape_of(name)
    assert shape.parameters == sum(weight.numel() for weight in model.network.parameters())
    assert (shape.n_layers, shape.d_model, shape.n_heads) == (model.n_layers, model.d_model, model.n_heads)
    rows, length = 3, 17
    inputs = model.padded([[7] * length] * rows)
    # the counter does not know attention that a CPU computes in one piece
    with eager(model.network), FlopCounterMode(display=False) as counter, torch.no_grad():
        model.network(**inputs, use_cache=False)
    passes = Passes(rows * length, 1, length, logits=rows * length)
    assert passes.flops(shape) == pytest.approx(counter.get_total_flops(), rel=1e-3)


@pytest.mark.parametrize("name", TOTALS)
def test_published_configurations_have_the_published_totals(name):
    shape = PUBLISHED[name]
    assert shape.parameters + shape.beside == TOTALS[name]
    assert shape.downloaded == shape.stored * TOTALS[name]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_header_of_a_gguf_file_has_the_sizes_of_its_model_and_nothing_is_converted(
    name, tmp_path, monkeypatch
):
    monkeypatch.setattr(gguf, "converted", lambda path: pytest.fail(f"{path} was converted"))
    path = write_gguf(name, tmp_path / "x.gguf")
    found, own = shape_of(str(path)), shape_of(name)
    assert found.parameters == read_header(path).parameters
    assert replace(found, template=own.template) == own


@pytest.mark.parametrize("name", BUNDLED)
def test_sizes_from_a_configuration_are_those_of_the_files_that_are_loaded(name):
    """Of a model that is here, `placement` counts what its files hold."""
    assert shape_of(name).parameters == n_weights(MODELS / name)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("pythia-160m", 160e6), ("meta-llama/Llama-3.1-8B", 8e9), ("Qwen/Qwen2.5-0.5B-Instruct@main", 0.5e9),
     ("a-7B/model-1.5b", 1.5e9), ("org/model-4bit", UNKNOWN), ("gpt2", UNKNOWN), ("org/nothing-0b", UNKNOWN)],
)  # fmt: skip
def test_a_name_says_how_many_parameters_there_are(name, parameters):
    assert named_parameters(name) == parameters


@pytest.mark.parametrize("parameters", [60e6, 0.35e9, 2e9, 7e9, 70e9, 405e9])
def test_a_likely_shape_has_about_the_parameters_that_are_asked_for(parameters):
    shape = of_parameters(round(parameters))
    assert shape.parameters == pytest.approx(parameters, abs=shape.block_weights / 2 + 1)


def test_every_model_of_the_registry_has_sizes_without_its_weights():
    assert set(HUB_ALIASES.values()) <= set(PUBLISHED)
    for name, model in PACKAGED.items():
        assert shape_of(name).parameters == model.parameters
        assert shape_of(name).vocabulary == model.vocabulary


def test_a_family_counts_what_another_one_has_not():
    """Against networks without weights, built by transformers from the same sizes."""
    from transformers import AutoModelForCausalLM, Gemma2Config, Qwen2Config

    sizes = {
        "num_hidden_layers": 3, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 24, "vocab_size": 200, "tie_word_embeddings": True,
    }  # fmt: skip
    for config in (Gemma2Config(**sizes), Qwen2Config(**{**sizes, "head_dim": 16})):
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(config)
        shape = of_config(config.to_dict(), "made up")
        assert shape.parameters == sum(weight.numel() for weight in network.parameters()), config.model_type


def test_a_configuration_of_several_parts_is_that_of_its_text():
    text = json.loads((MODELS / "small-gemma3" / "config.json").read_text(encoding="utf-8"))
    nested = {"model_type": "gemma3", "vision_config": {"hidden_size": 7}, "text_config": text}
    assert of_config(nested, "nested") == of_config(text, "plain")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"model_type": "mamba"},
            'The cost of "mine" cannot be planned: its type is "mamba", known are gpt2,',
        ),
        ({"model_type": "llama", "hidden_size": 8}, "does not state num_attention_heads"),
    ],
)
def test_a_configuration_that_says_too_little_is_refused(config, sentence):
    with pytest.raises(UserError, match=sentence):
        of_config(config, "mine")


def test_a_hub_model_that_is_unknown_here_says_what_brings_its_sizes():
    with pytest.raises(UserError, match=r"`hf download nobody/nothing config.json` brings that file alone"):
        shape_of("nobody/nothing")


def test_operations_grow_with_the_text_and_with_every_matrix():
    shape = Shape("llama", 2, 8, 16, 2, 1, 4, 100)
    # queries and outputs 8 x 8 each, keys and values 8 x 4 each, three of 8 x 16
    assert shape.block_matrices == 2 * 64 + 2 * 32 + 3 * 128
    assert shape.block_flops(10) - shape.block_flops(0) == 4 * 10 * 8
