"""A model says where it is, how it pads, how large it is, and what a result of it depends on."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from emotion_utils.activations.prompt_sets import read_activations, read_attention
from emotion_utils.core.errors import UserError
from emotion_utils.engine.generation import generate
from emotion_utils.models.model import Model, load
from emotion_utils.training.configs import CONTEXT

BLOCKS, HEADS, WIDTH = 4, 8, 128
"""Of every model of the fixtures, as their cards have it."""


@pytest.fixture
def model(untrained):
    return replace(untrained, name="tiny")


def test_a_model_of_every_family_says_how_large_it_is(model):
    assert (model.n_layers, model.n_heads, model.d_model) == (BLOCKS, HEADS, WIDTH)
    assert (model.context, model.dtype, model.device) == (CONTEXT, torch.float32, torch.device("cpu"))
    assert Model(copy.deepcopy(model.network).bfloat16(), model.tokenizer).dtype == torch.bfloat16


def test_the_device_is_where_tokens_go_in(model):
    split = copy.deepcopy(model.network)
    split.get_input_embeddings().to("meta")
    assert Model(split, model.tokenizer).device == torch.device("meta")


def test_rows_are_padded_with_the_token_of_the_tokenizer_or_with_0(model):
    assert model.pad == model.tokenizer.pad_token_id
    assert Model(model.network, SimpleNamespace(pad_token_id=3)).pad == 3
    assert model.padded([[5, 6], [7]])["input_ids"].tolist() == [[5, 6], [7, model.pad]]
    without = Model(model.network, SimpleNamespace(pad_token_id=None))
    assert without.pad == 0
    assert without.padded([[5, 6], [7]], "left")["input_ids"].tolist() == [[5, 6], [0, 7]]
    without.check_tokens([5])


def test_texts_are_encoded_as_the_tokenizer_does_it_and_never_cut(model):
    texts = ["We met", "The cat sat."]
    assert list(model.encode(texts).ids) == model.tokenizer(texts)["input_ids"]
    with pytest.raises(UserError, match=f"the model has room for {CONTEXT}"):
        model.encode(["We met. " * CONTEXT])


def test_a_token_that_the_model_does_not_know_is_refused(model):
    rows = model.network.get_input_embeddings().num_embeddings
    model.check_tokens([0, rows - 1])
    with pytest.raises(UserError, match=f"Prompt 3 has the token {rows}.*knows tokens 0 to {rows - 1}"):
        model.check_tokens([5, rows], "Prompt 3 has")


def test_results_of_a_model_made_in_memory_depend_on_its_weights_and_its_tokenizer(model, tokenizers):
    same = Model(copy.deepcopy(model.network), copy.deepcopy(model.tokenizer), "tiny")
    assert same.identity == model.identity
    assert Model(model.network, model.tokenizer, "other").identity != model.identity
    other = next(t for t in tokenizers.values() if t.backend_tokenizer.to_str() != _json(model.tokenizer))
    assert Model(model.network, other, "tiny").identity != model.identity
    assert Model(same.network.bfloat16(), model.tokenizer, "tiny").identity != model.identity
    changed = copy.deepcopy(model.network)
    with torch.no_grad():
        next(changed.parameters())[3, 7] += 1e-3
    told = Model(changed, model.tokenizer, "tiny").identity
    assert {key for key in told if told[key] != model.identity[key]} == {"files"}


def test_in_training_mode_nothing_is_read(model):
    trained = Model(copy.deepcopy(model.network).train(), model.tokenizer, "tiny")
    uses = [lambda: read_activations(trained, ["Tom"]), lambda: read_attention(trained, "Tom")]
    for use in [*uses, lambda: generate(trained, ["Tom"])]:
        with pytest.raises(UserError, match=r"in training mode, .*: call model\.network\.eval\(\) first"):
            use()


def _json(tokenizer):
    return tokenizer.backend_tokenizer.to_str()


def test_a_model_is_loaded_with_its_tokenizer_and_its_files():
    model = load("small-gpt2")
    assert (model.name, model.loaded, model.dtype) == ("small-gpt2", True, torch.float32)
    assert model.tokenizer.name_or_path.endswith("small-gpt2")
    assert not model.network.training
    half = load("small-gpt2", dtype="bfloat16").identity
    assert {key for key in half if half[key] != model.identity[key]} == {"dtype"}
    blind = load("small-gpt2-blind").identity
    assert {key for key in blind if blind[key] != model.identity[key]} == {"model", "files"}
