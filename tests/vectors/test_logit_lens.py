"""The logit lens: at the last layer it is the model's own output, and a planted direction is read."""

from __future__ import annotations

import numpy as np
import planted
import torch

from emotion_utils.models.hooks import HookPoint, attached
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.model import Model
from emotion_utils.vectors.contrasts import contrasts
from emotion_utils.vectors.logit_lens import keyword_tokens, lens, lens_shift, named_emotions, promoted


@torch.no_grad()
def test_at_the_last_layer_it_is_the_output_of_the_model(untrained):
    model = untrained
    ids, caught = torch.tensor([[5, 6, 7, 8]]), []
    last = HookPoint(model.n_layers - 1, "resid_post")
    with attached(model.network, {last: lambda t: caught.append(t.clone())}):
        logits = model.network(ids, use_cache=False).logits
    assert torch.allclose(lens(model, caught[0]), logits, atol=1e-4)


def test_the_shift_is_a_difference_of_log_probabilities(untrained):
    model = untrained
    base, direction = torch.randn(2, model.d_model, generator=torch.Generator().manual_seed(0))
    shift = lens_shift(model, base, torch.stack([direction, torch.zeros_like(direction)]))
    plain, moved = (torch.log_softmax(lens(model, state), -1) for state in (base, base + direction))
    assert torch.allclose(shift[0], moved - plain, atol=1e-5)
    assert float(shift[1].abs().max()) < 1e-5


def test_the_token_that_a_direction_is_made_of_is_promoted_first(untrained):
    model = untrained
    token = model.tokenizer("hello", add_special_tokens=False)["input_ids"][0]
    row = model.network.get_output_embeddings().weight[token].detach().float()
    table = promoted(model, 0.1 * torch.ones(len(row)), 40 * row, top=5)
    assert table.loc[0, "token"] == model.tokenizer.decode([token])
    assert table["change"].is_monotonic_decreasing


def test_keywords_are_single_tokens_of_the_lexicon():
    tokenizer = load_tokenizer("small-gpt2")
    for emotion, word in (("gratitude", "thank"), ("anger", "angry"), ("apology", "sorry")):
        decoded = {tokenizer.decode([i]).strip().lower() for i in keyword_tokens(tokenizer, emotion)}
        assert word in decoded


def test_named_emotions_add_the_vector_to_a_neutral_state_and_compare_with_permuted_labels():
    from emotion_utils.models.loading import build_model
    from emotion_utils.training.configs import model_config, spec_of

    tokenizer = load_tokenizer("small-gpt2")
    network = build_model(model_config(spec_of("small-gpt2"), len(tokenizer), 0, 0, 0)).eval()
    model = Model(network, tokenizer)
    width = model.d_model
    table = planted.prompts("keyword")
    given = contrasts(table, planted.activations(table, 0.0), "end")
    padded = torch.zeros(len(given.values), planted.LAYERS, width)
    padded[..., : planted.WIDTH] = given.values
    ids = keyword_tokens(tokenizer, "anger")
    padded[torch.from_numpy(given.labels == "anger"), 2] += 30 * model.network.get_output_embeddings().weight[
        ids
    ].detach().mean(0)
    wide = type(given)("end", given.layers, padded, given.labels, given.units, given.blocks)
    found = named_emotions(model, wide, wide, {"anger": 2, "apology": 2}, 39).set_index("emotion")
    assert found.loc["anger", "value"] > 0.95
    assert found.loc["anger", "n"] == len(ids)
    assert found.loc["apology", "value"] < 0.9
    assert np.isfinite(found["null"].astype(float)).all()
