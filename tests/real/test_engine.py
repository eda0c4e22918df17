"""Reading, edits and heads taken out or patched on the real models, against the plain forward pass of each row."""

from __future__ import annotations

import heads_by_hand as plain
import numpy as np
import pytest
import torch
from activations.test_forward import *  # noqa: F403 - every test, so that a new one comes along
from engine.test_packing import *  # noqa: F403

from emotion_utils.circuits.ablation import ablated, means_of
from emotion_utils.circuits.patching import DIRECTIONS, MODES, patch
from emotion_utils.engine.interventions import Window, steering
from emotion_utils.engine.lens import hooks_beside
from emotion_utils.engine.teacher_forcing import continuation_log_probs

CLOSE = 2e-3
"""Nats: what is left of single precision after 18 to 30 blocks, in a difference of two log-odds."""


@pytest.fixture
def ids(untrained):
    """Texts of different lengths, made anew for each real model."""
    return untrained.encode(["I am grateful for the tea.", "No.", "Then it rained, and we met at noon."]).ids


@pytest.fixture
def pairs(untrained):
    """Random prompts of different lengths that end alike."""
    return plain.drawn_pairs(untrained, [(5, 9, 4), (8, 3, 6)])


@pytest.fixture
def heads(untrained):
    """One of an early, a middle and a late block."""
    n = untrained.n_layers
    return [(1, 0), (n // 2, 3), (n - 2, untrained.n_heads - 1)]


@torch.no_grad()
def test_heads_set_to_their_mean_or_to_zero_change_what_the_plain_model_says(pairs, heads):
    means = means_of(pairs)
    for kind, value in (("mean", lambda head: means[head]), ("zero", lambda _: torch.zeros(()))):
        expected = [
            float(plain.odds(pairs, i) - plain.odds(pairs, i, plain.setting(head, value(head))))
            for i in range(2 * len(pairs))
            for head in heads
        ]
        found = ablated(pairs, kind, means=means, heads=heads)
        assert found.ravel() == pytest.approx(expected, abs=CLOSE)
        assert np.abs(found).max() > 10 * CLOSE  # some head does something


@pytest.mark.parametrize("mode", MODES)
def test_heads_are_patched_at_the_shared_ending_as_in_the_plain_model(pairs, heads, mode):
    sets = [[head] for head in heads] + [heads]
    for direction in DIRECTIONS:
        into = ("noising", "denoising").index(direction)
        found = patch(pairs, sets, mode, direction)
        for pair, places in enumerate((4, 6)):
            expected = plain.patched(pairs, pair, sets, mode, into, places)
            assert found.patched[pair] == pytest.approx(expected, abs=CLOSE)


@torch.no_grad()
def test_replies_that_follow_the_same_text_have_the_probabilities_that_each_has_alone(untrained):
    model, texts = untrained, ["Anna helped Tom. Tom said:", "Then it rained, and we met at noon. She said:"]
    middle = model.n_layers // 2
    vector = torch.randn(model.d_model, generator=torch.Generator().manual_seed(0))
    push = steering("push", 0.2 * 30 * vector / vector.norm(), middle, 1.0, Window(0, 2, "end"))
    endings = [' "Thank you."', ' "I see what you mean."', " no"]
    together = continuation_log_probs(model, texts, endings, [push])
    alone = continuation_log_probs(model, texts, endings, [push], share=False, batch_rows=1)
    assert together["log_prob"].to_numpy() == pytest.approx(alone["log_prob"].to_numpy(), abs=CLOSE)


def test_every_hook_reads_what_transformer_lens_and_the_plain_model_have(real, texts):
    table = hooks_beside(real, texts[:2])
    assert table["same"].all(), table
