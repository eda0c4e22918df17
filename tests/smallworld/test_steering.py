"""Plain steering hooks: they add what they say, where they say, and leave nothing behind."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.smallworld.evaluate import left_padded
from emotion_utils.smallworld.openings import context_ids
from emotion_utils.smallworld.steering import adding, blocks, difference_of_means, reaction_residuals


def test_adding_moves_the_last_position_of_one_block_and_nothing_before(untrained, reacting_docs):
    model, tokenizer = untrained
    document = reacting_docs[0]
    vector = torch.randn(model.config.hidden_size, generator=torch.Generator().manual_seed(0))
    before = reaction_residuals(model, tokenizer, [document])[0]
    with adding(model, 1, vector):
        after = reaction_residuals(model, tokenizer, [document])[0]
    assert torch.allclose(after[0], before[0], atol=1e-5)
    assert torch.allclose(after[1] - before[1], vector, atol=1e-3)
    assert not torch.allclose(after[2], before[2], atol=1e-3)


def test_hooks_are_gone_after_an_error(untrained):
    model, _ = untrained
    with pytest.raises(RuntimeError, match="stop"), adding(model, 0, torch.zeros(model.config.hidden_size)):
        raise RuntimeError("stop")
    assert not any(block._forward_hooks for block in blocks(model))


def test_adding_reaches_every_later_position_with_a_cache(untrained, reacting_docs):
    model, tokenizer = untrained
    ids, mask = left_padded([context_ids(tokenizer, reacting_docs[0])], tokenizer.pad_token_id)
    vector = 3 * torch.randn(model.config.hidden_size, generator=torch.Generator().manual_seed(1))
    seen = []
    last = blocks(model)[-1]
    with adding(model, len(blocks(model)) - 1, vector):
        handle = last.register_forward_hook(
            lambda _, __, out: seen.append((out[0] if isinstance(out, tuple) else out).shape[1])
        )
        steered = model.generate(
            ids, attention_mask=mask, max_new_tokens=3, min_new_tokens=3, do_sample=False
        )
        handle.remove()
    assert seen == [ids.shape[1], 1, 1]
    whole = ids
    for _ in range(3):
        handle = last.register_forward_hook(lambda _, __, out: _shift(out, vector, ids.shape[1] - 1))
        with torch.no_grad():
            logits = model(whole, use_cache=False).logits[0, -1].clone()
        handle.remove()
        logits[tokenizer.eos_token_id] = -torch.inf
        whole = torch.cat([whole, logits.argmax().view(1, 1)], dim=1)
    assert steered.tolist() == whole.tolist()


def _shift(out, vector, start):
    hidden = (out[0] if isinstance(out, tuple) else out).clone()
    hidden[:, start:] += vector
    return (hidden, *out[1:]) if isinstance(out, tuple) else hidden


def test_difference_of_means_is_the_difference_of_the_means(untrained, reacting_docs):
    model, tokenizer = untrained
    found = difference_of_means(model, tokenizer, {"anger": reacting_docs[:2]}, reacting_docs[2:5])["anger"]
    every = reaction_residuals(model, tokenizer, reacting_docs[:5])
    assert torch.allclose(found, every[:2].mean(0) - every[2:].mean(0), atol=1e-5)
    assert found.shape == (model.config.num_hidden_layers, model.config.hidden_size)
