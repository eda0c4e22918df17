"""Plain steering hooks: they add what they say, where they say, and leave nothing behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.smallworld.openings import context_ids
from emotion_utils.training.evaluation import left_padded
from emotion_utils.training.measures import share
from emotion_utils.training.steering_check import (
    Setting,
    Trial,
    adding,
    blocks,
    difference_of_means,
    random_directions,
    reaction_residuals,
)
from emotion_utils.training.steering_check import _best as best_setting


def test_adding_moves_the_last_position_of_one_block_and_nothing_before(untrained, reacting_docs):
    model = untrained.network
    document = reacting_docs[0]
    vector = torch.randn(model.config.hidden_size, generator=torch.Generator().manual_seed(0))
    before = reaction_residuals(untrained, [document])[0]
    with adding(model, 1, lambda _rows: vector):
        after = reaction_residuals(untrained, [document])[0]
    assert torch.allclose(after[0], before[0], atol=1e-5)
    assert torch.allclose(after[1] - before[1], vector, atol=1e-3)
    assert not torch.allclose(after[2], before[2], atol=1e-3)


def test_hooks_are_gone_after_an_error(untrained):
    model = untrained.network
    before = [len(block._forward_hooks) for block in blocks(model)]
    with pytest.raises(RuntimeError, match="stop"), adding(model, 0, lambda _rows: torch.zeros(())):
        raise RuntimeError("stop")
    assert [len(block._forward_hooks) for block in blocks(model)] == before


@pytest.mark.parametrize("after", [0, 1, 2])
def test_adding_reaches_the_prompt_and_so_many_generated_positions_with_a_cache(
    untrained, reacting_docs, after
):
    model, tokenizer = untrained.network, untrained.tokenizer
    ids, mask = left_padded([context_ids(tokenizer, reacting_docs[0])], tokenizer.pad_token_id)
    vector = 3 * torch.randn(model.config.hidden_size, generator=torch.Generator().manual_seed(1))
    last = blocks(model)[-1]
    with adding(model, len(blocks(model)) - 1, lambda _rows: vector, after):
        steered = model.generate(
            ids, attention_mask=mask, max_new_tokens=4, min_new_tokens=4, do_sample=False
        )
    whole, start = ids, ids.shape[1] - 1
    for _ in range(4):
        handle = last.register_forward_hook(
            lambda _, __, out: _shift(out, vector, slice(start, start + after + 1))
        )
        with torch.no_grad():
            logits = model(whole, use_cache=False).logits[0, -1].clone()
        handle.remove()
        logits[tokenizer.eos_token_id] = -torch.inf
        whole = torch.cat([whole, logits.argmax().view(1, 1)], dim=1)
    assert steered.tolist() == whole.tolist()


def _shift(out, vector, where):
    hidden = (out[0] if isinstance(out, tuple) else out).clone()
    hidden[:, where] += vector
    return (hidden, *out[1:]) if isinstance(out, tuple) else hidden


def test_each_row_gets_a_random_direction_of_its_own_and_keeps_it(untrained, reacting_docs):
    model, tokenizer = untrained.network, untrained.tokenizer
    drawn = random_directions(2.5, model.config.hidden_size, seed=3)(4)
    assert torch.allclose(drawn.norm(dim=1), torch.full((4,), 2.5), atol=1e-5)
    cosines = torch.nn.functional.cosine_similarity(drawn[:1], drawn[1:])
    assert cosines.abs().max() < 0.5
    asked = []

    def shift(rows):
        asked.append(rows)
        return torch.zeros(())

    ids, mask = left_padded([context_ids(tokenizer, d) for d in reacting_docs[:3]], tokenizer.pad_token_id)
    with adding(model, 0, shift, after=2):
        model.generate(ids, attention_mask=mask, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    assert asked == [3]


def test_difference_of_means_is_the_difference_of_the_means(untrained, reacting_docs):
    model = untrained.network
    found = difference_of_means(untrained, {"anger": reacting_docs[:2]}, reacting_docs[2:5])["anger"]
    every = reaction_residuals(untrained, reacting_docs[:5])
    assert torch.allclose(found, every[:2].mean(0) - every[2:].mean(0), atol=1e-5)
    assert found.shape == (model.config.num_hidden_layers, model.config.hidden_size)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_setting_has_the_largest_margin_over_random_vectors(seed):
    rng = np.random.default_rng(seed)
    settings = [Setting(layer, alpha, 0) for layer in range(3) for alpha in (1.0, 2.0)]
    flips, random = ({at: int(rng.integers(0, 11)) for at in settings} for _ in range(2))
    tried = []

    class Known(Trial):
        def random(self, emotion, at):
            tried.append(at)
            return share(random[at], 10)

    found = best_setting(object.__new__(Known), "anger", {at: flips[at] / 10 for at in settings})
    margins = {at: flips[at] - random[at] for at in settings}
    assert found == max(settings, key=lambda at: (margins[at], -at.alpha, -at.layer))
    # whatever was left out could not have won
    assert all(flips[at] < margins[found] for at in settings if at not in tried)
