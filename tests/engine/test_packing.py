"""Edits of many rows at one hook point do to each row what its own condition says, in its own order."""

from __future__ import annotations

import torch
from by_hand import heads_of, logits_by_hand, vector

from emotion_utils.engine.interventions import PROMPT, UNTOUCHED, Condition, Edit, Window
from emotion_utils.engine.teacher_forcing import next_token_log_probs
from emotion_utils.models.hooks import HookPoint, shape_at

PROMPT_IDS = [[17, 5, 9, 30, 8], [40], [11, 12, 13]]


def at_one_point(model):
    """Conditions with several edits at a hook point, whose order matters or whose parts must all be done."""
    z, residual = HookPoint(1, "z"), HookPoint(1, "resid_post")
    first, second = heads_of(model.network, 1), heads_of(model.network, 2)
    one, two = vector(model.network, 1), vector(model.network, 2)
    stack, neurons = torch.stack([one, two]), HookPoint(2, "neurons")
    fading = Edit(
        neurons, 2 * torch.ones(shape_at(model.network, neurons)), "set", -1.0, Window(1, half_life=0.5)
    )
    return [
        UNTOUCHED,
        Condition("heads apart", (Edit(z, first, "set", heads=(0,)), Edit(z, second, "set", heads=(2,)))),
        Condition("set, then add", (Edit(residual, one, "set"), Edit(residual, two))),
        Condition("add, then set", (Edit(residual, two), Edit(residual, one, "set", window=Window(1)))),
        Condition("add, set, add", (Edit(residual, one), Edit(residual, two, "set"), Edit(residual, one))),
        Condition(
            "windows apart", (Edit(residual, one, "set", window=Window(0, 2)), Edit(residual, two, "set"))
        ),
        Condition("positions, then all", (Edit(residual, stack, "set"), Edit(residual, two, window=PROMPT))),
        Condition("no head", (Edit(z, first, "set", heads=()),)),
        Condition("heads by position", (Edit(z, torch.stack([first, second]), heads=(1, 3)), Edit(z, first))),
        Condition(
            "neurons", (fading, Edit(neurons, torch.ones(shape_at(model.network, neurons)), window=PROMPT))
        ),
    ]


def test_edits_at_one_point_act_in_their_order_whatever_the_batch(untrained):
    model = untrained
    conditions = at_one_point(model)
    found = next_token_log_probs(model, PROMPT_IDS, conditions)
    close = 1e-4 * max(1.0, model.n_layers / 4)  # rounding grows with the blocks
    for prompt, rows in zip(PROMPT_IDS, found, strict=True):
        for condition, ours in zip(conditions, rows, strict=True):
            theirs = logits_by_hand(model.network, prompt, condition, len(prompt))[-1].log_softmax(-1)
            assert (ours - theirs).abs().max() < close, condition.name
