"""States are kept in a dtype that holds them, and a pass takes as many windows as fit."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.models.model import load
from emotion_utils.parts.reading import LOGIT_BYTES, narrowed, token_losses, windows_at_once


def test_what_float16_cannot_hold_is_refused():
    hidden = torch.full((1, 2, 3), 70_000.0)
    assert narrowed(hidden, "bfloat16", 4).dtype == torch.bfloat16
    with pytest.raises(UserError, match="after block 4 has a value of 70,000, beyond the largest of float16"):
        narrowed(hidden, "float16", 4)
    with pytest.raises(UserError, match="after block 4 is not finite"):
        narrowed(hidden * torch.nan, "float32", 4)


def test_losses_are_those_of_the_next_tokens():
    logits = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[0, 8, 3, 3], [1, 1, 5, 2]])
    found = token_losses(logits, ids)
    assert found.shape == (2, 3)
    probability = logits[1, 2].exp()[2] / logits[1, 2].exp().sum()
    assert float(found[1, 2]) == pytest.approx(-float(probability.log()), rel=1e-5)


def test_a_pass_takes_windows_by_tokens_and_by_logits(monkeypatch):
    model = load("small-pythia")
    assert windows_at_once(model, 30, 90) == 3
    assert windows_at_once(model, 30, 10) == 1
    vocabulary = model.network.get_output_embeddings().weight.shape[0]
    monkeypatch.setattr("emotion_utils.parts.reading.LOGIT_BYTES", 2 * 4 * 30 * vocabulary)
    assert windows_at_once(model, 30, 900) == 2
    assert 2 * 4 * 30 * vocabulary < LOGIT_BYTES
