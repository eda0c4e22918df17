"""The screen against plain forward passes, and what it ranks first where the truth is planted."""

from __future__ import annotations

import pandas as pd
import pytest
import steered

from emotion_utils.core.budget import counted
from emotion_utils.core.errors import UserError
from emotion_utils.scoring import genuine_replies, splice
from emotion_utils.steering import screening, trials
from emotion_utils.steering.contexts import neutral_contexts


@pytest.fixture(scope="module")
def scenes(implicit):
    return neutral_contexts(implicit, "select", 3)


def summed(steered_model, context, reply, vector, layer, acts):
    """Log-probability of a reply by the plain model with a hook of its own."""
    start = steered_model.ids(context)
    new = steered_model.model.tokenizer(splice(context, reply), add_special_tokens=False)["input_ids"]
    logs = steered.log_probs(steered_model.model.network, start + new, vector, layer, acts(len(start)))
    return sum(float(logs[len(start) - 1 + i, token]) for i, token in enumerate(new))


def test_a_score_is_the_mean_change_of_a_replys_log_probability(steered_model, scenes):
    windows = {
        trials.SEARCHED[0]: lambda n: lambda at: n - 1 <= at < n + 1,
        trials.SEARCHED[1]: lambda n: lambda at: at >= n - 1,
    }
    made, layer, alpha = "keywords, minus neutral", 2, 0.7
    vector = steered_model.direction("apology", layer, made)
    settings = [
        trials.SteeringSetting("apology", layer, alpha, vector, made, where=where) for where in windows
    ]
    found = screening.screen(steered_model, scenes, settings, 2).set_index("where")["score"]
    pairs = list(zip(scenes["context"], genuine_replies("apology", 2), strict=False))
    for where, acts in windows.items():
        expected = [
            summed(steered_model, context, reply, alpha * vector, layer, acts)
            - summed(steered_model, context, reply, None, 0, lambda _: lambda at: False)
            for context, reply in pairs
        ]
        assert found[where] == pytest.approx(sum(expected) / 2, abs=2e-3)


def test_the_odds_subtract_what_happens_to_the_other_replies(steered_model, scenes):
    setting = trials.SteeringSetting("anger", 1, 1.0, steered_model.direction("anger", 1), "minus neutral")
    own, odds = (
        screening.screen(steered_model, scenes, [setting], 2, against=against)["score"].item()
        for against in (None, "neutral")
    )
    vector, pairs = setting.vector, zip(scenes["context"], genuine_replies("neutral", 2), strict=False)
    other = [
        summed(steered_model, context, reply, vector, 1, lambda n: lambda at: n - 1 <= at < n + 1)
        - summed(steered_model, context, reply, None, 0, lambda _: lambda at: False)
        for context, reply in pairs
    ]
    assert odds == pytest.approx(own - sum(other) / 2, abs=2e-3)


def test_the_planted_direction_is_ranked_first(planted, monkeypatch):
    monkeypatch.setattr(screening, "genuine_replies", lambda emotion, n: [" Sorry"] * n)
    monkeypatch.setattr(screening, "splice", lambda context, reply: reply)  # without a mark that closes it
    made, emotion, layer, alpha = steered.TURNED
    settings = [s for s in trials.grid(planted, (0.1, alpha)) if s.emotion == emotion]
    found = screening.screen(planted, steered.quoted(), settings, 3)
    best = screening.finalists(found, 1).iloc[0]
    assert (best["made"], best["layer"], best["alpha"]) == (made, layer, alpha)


def test_a_cell_is_entered_once_at_its_best_strength():
    rows = [
        ("anger", "a", "w", 0, 0.5, 3.0),
        ("anger", "a", "w", 0, 1.0, 4.0),
        ("anger", "a", "w", 1, 1.0, 1.0),
        ("anger", "b", "w", 0, 1.0, 2.0),
        ("anger", "b", "w", 0, -1.0, 9.0),
        ("apology", "a", "w", 1, 0.5, -1.0),
    ]
    table = pd.DataFrame(rows, columns=["emotion", "made", "where", "layer", "alpha", "score"])
    found = screening.finalists(table, 2)
    assert found[["emotion", "made", "layer", "alpha"]].to_numpy().tolist() == [
        ["anger", "a", 0, 1.0],
        ["anger", "b", 0, 1.0],
        ["apology", "a", 1, 0.5],
    ]


def test_a_screen_reads_a_reply_through_the_blocks_above_only(steered_model, scenes):
    setting = trials.SteeringSetting(
        "anger", 2, 1.0, steered_model.direction("anger", 2), where=trials.SEARCHED[1]
    )
    with counted() as spent:
        screening.screen(steered_model, scenes, [setting], 1)
    context = scenes["context"][0]
    start = len(steered_model.ids(context))
    reply = splice(context, genuine_replies("anger", 1)[0])
    new = len(steered_model.model.tokenizer(reply, add_special_tokens=False)["input_ids"])
    # the untouched model reads all; the setting the reply and the token before it, through the last of four blocks
    assert spent.tokens == start + new + (new + 1) / 4


def test_too_few_contexts_are_refused(steered_model, scenes):
    with pytest.raises(UserError, match="A screen over 9 contexts needs as many, not 3"):
        screening.screen(steered_model, scenes, [], 9)
