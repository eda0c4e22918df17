"""The loop that reads gives of each text what the model gives of it alone, whatever stands in the batch."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.activations.forward import forward_batches, last_token_states
from emotion_utils.models.hooks import HookPoint, eager

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module")
def ids(untrained):
    texts = ["I am grateful for the tea.", "No.", "You drove me home.", "Then it rained, and we met at noon."]
    return untrained.encode(texts).ids


@torch.no_grad()
def by_hand(model, row):
    """Residual stream after the first block and attention of it (head, query, key), of one text."""
    with eager(model.network):
        out = model.network(torch.tensor([row]), output_hidden_states=True, output_attentions=True)
    return out.hidden_states[1][0], out.attentions[0][0]


@pytest.mark.parametrize("side", ["right", "left"])
def test_whole_tensors_are_those_of_single_texts(untrained, ids, side):
    where, seen = [HookPoint(0, "resid_post"), HookPoint(0, "pattern")], []
    before = untrained.network.config._attn_implementation
    for rows, lengths, caught in forward_batches(untrained, ids, where, side=side, batch=3):
        for i, (row, length) in enumerate(zip(rows.tolist(), lengths.tolist(), strict=True)):
            width = caught[where[0]].shape[1]
            real = slice(0, length) if side == "right" else slice(width - length, width)
            hidden, pattern = by_hand(untrained, ids[row])
            torch.testing.assert_close(caught[where[0]][i, real], hidden, **CLOSE)
            torch.testing.assert_close(caught[where[1]][i, :, real, real], pattern, **CLOSE)
            seen.append((length, row))
    assert seen == sorted((len(row), i) for i, row in enumerate(ids))
    assert untrained.network.config._attn_implementation == before


def test_the_last_token_has_the_states_that_it_has_alone(untrained, ids):
    point = HookPoint(0, "resid_post")
    states = last_token_states(untrained, ids, [point])[point]
    expected = torch.stack([by_hand(untrained, row)[0][-1] for row in ids])
    torch.testing.assert_close(states, expected, **CLOSE)


def test_only_what_is_taken_is_kept(untrained, ids):
    point = HookPoint(1, "z")
    passes = forward_batches(untrained, ids, [point], side="left", take=lambda z: z[:, -1])
    ((rows, _, caught),) = passes
    torch.testing.assert_close(
        caught[point], last_token_states(untrained, ids, [point])[point][torch.from_numpy(rows)]
    )


def test_no_text_is_no_batch(untrained):
    assert list(forward_batches(untrained, [], [HookPoint(0, "z")])) == []
