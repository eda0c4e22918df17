"""The rotated twin is the same function in other coordinates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from emotion_utils.alignment.align import align
from emotion_utils.core.errors import UserError
from emotion_utils.models.loading import load_model
from emotion_utils.models.model import load
from emotion_utils.planted.generators import Recipe, pair
from emotion_utils.planted.rotated_twins import (
    at_layers,
    logit_difference,
    noisy,
    rotated_twin,
    side_of,
    some_rows,
    twin_trials,
)
from emotion_utils.prompts import loading

SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
    "head_dim": 4,
}


def with_gains(model):
    """Random gains: with gains of one a forgotten fold would go unnoticed."""
    generator = torch.Generator().manual_seed(0)
    for name, weight in model.named_parameters():
        if "norm" in name:
            weight.data = 0.5 + torch.rand(weight.shape, generator=generator)
    return model.eval()


@pytest.mark.parametrize(
    "model",
    [
        lambda: LlamaForCausalLM(LlamaConfig(**SIZES, attention_bias=True)),
        lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, tie_word_embeddings=True)),
    ],
    ids=["llama", "qwen3"],
)
def test_logits_stay_and_states_turn(model):
    torch.manual_seed(0)
    model = with_gains(model())
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    twin, basis = rotated_twin(model, 1)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        ours, theirs = (m(ids, output_hidden_states=True) for m in (model, twin))
    assert theirs.logits.numpy() == pytest.approx(ours.logits.numpy(), abs=1e-5)
    for one, other in zip(ours.hidden_states[:-1], theirs.hidden_states[:-1], strict=True):
        assert other[0].numpy() == pytest.approx(one[0].numpy() @ basis, abs=1e-5)
        assert not np.allclose(other, one, atol=1e-2)
    assert basis @ basis.T == pytest.approx(np.eye(16), abs=1e-12)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_other_families_are_refused():
    with pytest.raises(UserError, match="do not commute"):
        rotated_twin(load_model("small-gemma3"))


@pytest.mark.parametrize("name", ["small-llama3", "small-qwen3"])
def test_a_sound_map_finds_the_whole_twin_on_emotions_it_never_saw(name):
    model = load(name)
    twin, _ = rotated_twin(model.network)
    table = loading.load_profile("powered")
    assert logit_difference(model.network, twin, model.tokenizer, table["text"].tolist()[::16]) < 1e-4
    one, other = (side_of(m, model.tokenizer, table, name) for m in (model.network, twin))
    assert one.neutral.shape == (4, 240, 128)
    found = align(one, other, n_permutations=19, penalty=1e-9)
    assert (np.diagonal(found.scores["overlap"][0]) > 0.999).all()
    assert found.scores["overlap"][1:].max() < 0.9
    assert (found.best()["p"] == 0.05).all()


def test_partners_are_the_neutral_prompts_of_the_same_pair():
    model = load("small-llama3")
    table = loading.load_profile("smoke").sample(frac=1, random_state=0).reset_index(drop=True)
    side = side_of(model.network, model.tokenizer, table, "x")
    neutral = table[table["emotion"] == "neutral"].reset_index()
    anger = table[table["emotion"] == "anger"].reset_index()
    for i, name in enumerate(anger["pair_id"]):
        row = int(np.flatnonzero(neutral["pair_id"] == name)[0])
        assert side.partners["anger"][:, i] == pytest.approx(side.neutral[:, row])


def test_rows_are_chosen_by_whole_families_and_layers_by_place():
    side, _ = pair(Recipe(layers=3), 0)
    rows = some_rows(side, 6, 4, 0)
    assert np.unique(side.groups[rows], return_counts=True)[1].tolist() == [4] * 6
    with pytest.raises(UserError, match="40 families of 4"):
        some_rows(side, 40, 4, 0)
    last = at_layers(side, [2])
    assert last.layers == (2,)
    assert np.array_equal(last.emotional["anger"], side.emotional["anger"][[2]])


def test_noise_has_the_stated_size_and_drowns_the_twin_in_the_end():
    side, _ = pair(Recipe(layers=1, mean=0.0), 0)
    moved = noisy(side, 0.3, np.random.default_rng(0))
    deviation = (side.neutral - side.neutral.mean(axis=1, keepdims=True)).std()
    assert (moved.neutral - side.neutral).std() == pytest.approx(0.3 * deviation, rel=0.05)
    clear, drowned = (twin_trials(side, replace(side), noise, 12, 3, range(6), 19) for noise in (0.1, 1000.0))
    assert (clear[["r2", "overlap"]] == 0.05).all(axis=None)
    assert (drowned["r2"] > 0.05).sum() >= 3
