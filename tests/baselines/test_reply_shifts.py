"""What a push does to genuine replies: against the readout of steering, and by the plain model."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from emotion_utils.baselines.reply_shifts import reply_shifts
from emotion_utils.scoring.replies import splice
from emotion_utils.steering.readout import reply_log_odds
from emotion_utils.steering.trials import SteeringSetting, chosen_settings


def settings(steered, alphas=(0.0, 0.7)):
    return [
        SteeringSetting(emotion, 1, alpha, steered.direction(emotion, 1))
        for emotion in ("anger", "apology")
        for alpha in alphas
    ]


def test_log_odds_are_those_of_the_readout(steered_model, fresh):
    given = settings(steered_model)
    ours = reply_shifts(steered_model, fresh, given)
    keys = ["emotion", "alpha", "prompt"]
    theirs = reply_log_odds(steered_model, fresh, given).set_index(keys)["shift"]
    assert len(ours) == len(theirs) == 4 * len(fresh)
    assert ours.set_index(keys)["shift"].sub(theirs).abs().max() < 1e-9


@torch.no_grad()
def test_gain_is_the_change_of_the_replies_own_probability(steered_model, fresh):
    setting = settings(steered_model, [0.7])[0]
    context = fresh["context"].iloc[1]
    ids = steered_model.ids(context)
    replies, _ = steered_model.sides("anger", steered_model.replies)
    tokenizer, network = steered_model.model.tokenizer, steered_model.model.network

    def mass(push):
        """By a hook of its own, reply by reply, without cache: the last token of the context and the first new one."""

        def change(module, inputs, output):
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            hidden[:, len(ids) - 1 : len(ids) + 1] += push * setting.vector
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        handle = network.transformer.h[1].register_forward_hook(change)
        found = []
        for reply in replies:
            new = tokenizer(splice(context, reply), add_special_tokens=False)["input_ids"]
            logits = network(torch.tensor([ids + new]), use_cache=False).logits[0].double().log_softmax(-1)
            found.append(sum(logits[len(ids) - 1 + k, token] for k, token in enumerate(new)))
        handle.remove()
        return float(torch.stack(found).logsumexp(0))

    table = reply_shifts(steered_model, fresh.iloc[1:2], [setting])
    assert table["prompt"].tolist() == [1]
    assert table["gain"].item() == pytest.approx(mass(0.7) - mass(0.0), abs=1e-3)


def test_a_push_that_breaks_the_text_has_log_odds_and_no_gain(steered_model, fresh):
    """A large push along nothing in particular: what the log-odds alone would call an effect."""
    vector = torch.randn(128, generator=torch.Generator().manual_seed(1))
    vector *= float(steered_model.unit[1] / vector.norm())
    broken = reply_shifts(steered_model, fresh, [SteeringSetting("apology", 1, 4.0, vector)])
    assert broken["gain"].max() < -0.5
    assert broken["shift"].mean() > broken["gain"].mean() + 2
    row = {"made": "centred", "where": "end of prompt and first new token", "layer": 1, "alpha": 0.7}
    own = reply_shifts(steered_model, fresh, chosen_settings(steered_model, {"apology": pd.Series(row)}))
    assert own["gain"].min() > 0.5
