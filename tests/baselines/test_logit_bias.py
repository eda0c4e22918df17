"""The bias is that of plain logits with a constant added, and as large as the vector by a plain divergence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from steered import log_probs

from emotion_utils.baselines.logit_bias import (
    NEARLY_ALL,
    bias_divergence,
    bias_settings,
    opening_replies,
    opening_tokens,
    sized_bias,
)
from emotion_utils.scoring.replies import genuine_replies, splice
from emotion_utils.steering.readout import reply_log_odds
from emotion_utils.steering.trials import SteeringSetting

pytest_plugins = ["steering_fixtures"]
CONTEXT = "Anna gave Tom the keys. Tom said to Anna:"


@pytest.fixture(scope="module")
def contexts():
    texts = [CONTEXT, "It rained again. Mira said to the driver:", "Omar left. Lucy said to Eva:"]
    return pd.DataFrame({"context": texts, "unit": range(3), "source": "by hand"})


@pytest.fixture(scope="module")
def setting(steered_model):
    direction = steered_model.direction("anger", 1)
    return SteeringSetting("anger", 1, 0.7, direction, steered_model.kinds[0])


def divergence(p, q):
    return float((p.exp() * (p - q)).sum())


def with_constant(logs, tokens, constant):
    raised = logs.clone()
    raised[list(tokens)] += constant
    return raised.log_softmax(-1)


def test_first_words_are_those_of_replies_that_are_not_judged(steered_model):
    judged, others = genuine_replies("anger", 4), opening_replies(steered_model, "anger")
    assert not set(judged) & set(others)
    tokenizer = steered_model.model.tokenizer
    mark, words = opening_tokens(steered_model, "anger", CONTEXT)
    assert mark == tuple(tokenizer(' "', add_special_tokens=False)["input_ids"])
    read = [tokenizer(splice(CONTEXT, text), add_special_tokens=False)["input_ids"][1] for text in others]
    assert set(words) == set(read)


def test_the_divergence_of_a_bias_is_that_of_the_distributions():
    generator = torch.Generator().manual_seed(2)
    logs = torch.randn(50, generator=generator).double().log_softmax(-1)
    tokens = [3, 7, 20]
    mass = logs[tokens].logsumexp(-1).numpy()
    for constant in (0.0, 0.5, 4.0, 30.0):
        theirs = divergence(with_constant(logs, tokens, constant), logs)
        assert bias_divergence(np.array([[mass]]), constant)[0, 0] == pytest.approx(theirs, abs=1e-9)
    assert bias_divergence(np.array([[-1e-15]]), 50.0)[0, 0] == pytest.approx(0, abs=1e-9)


def test_the_constant_moves_the_first_steps_as_far_as_the_vector(steered_model, contexts, setting):
    found = sized_bias(steered_model, contexts, setting)
    network = steered_model.model.network
    vector, bias = [], []
    for text in contexts["context"]:
        ids, (mark, words) = steered_model.ids(text), opening_tokens(steered_model, "anger", text)
        read = [*ids, *mark]
        still = log_probs(network, read)[-2:]
        push = setting.alpha * setting.vector
        acted = {len(ids) - 1, len(ids)}
        moved = log_probs(network, read, push, 1, acted.__contains__)[-2:]
        vector.append(sum(divergence(moved[k], still[k]) for k in range(2)))
        bias.append(
            sum(
                divergence(with_constant(still[k], t, found.constant), still[k])
                for k, t in enumerate((mark, words))
            )
        )
    assert found.vector == pytest.approx(np.mean(vector), rel=1e-4)
    assert found.bias == pytest.approx(np.mean(bias), rel=1e-4)
    assert found.reached == (np.mean(bias) >= NEARLY_ALL * np.mean(vector))
    assert found.bias == pytest.approx(min(found.vector, found.bias), rel=1e-3)


def test_a_vector_that_moves_more_than_any_bias_gets_nearly_the_largest(steered_model, contexts, setting):
    from dataclasses import replace

    far = replace(setting, alpha=20.0)
    found = sized_bias(steered_model, contexts, far)
    masses = []
    for text in contexts["context"]:
        mark, words = opening_tokens(steered_model, "anger", text)
        still = log_probs(steered_model.model.network, [*steered_model.ids(text), *mark])[-2:]
        masses.append(sum(-float(still[k, list(t)].logsumexp(-1)) for k, t in enumerate((mark, words))))
    if found.vector > np.mean(masses):
        assert not found.reached
        assert found.bias == pytest.approx(NEARLY_ALL * np.mean(masses), rel=1e-3)
    else:
        assert found.reached


def test_log_odds_under_the_bias_are_those_of_biased_logits(steered_model, contexts, setting):
    found = sized_bias(steered_model, contexts, setting)
    (bias,) = bias_settings(steered_model, CONTEXT, [found])
    table = reply_log_odds(steered_model, contexts, [bias]).set_index("prompt")
    model, (mark, words) = steered_model.model, opening_tokens(steered_model, "anger", CONTEXT)
    ids = steered_model.ids(CONTEXT)
    odds = {}
    for constant in (0.0, found.constant):
        sides = []
        for emotion in ("anger", "neutral"):
            told = []
            for reply in genuine_replies(emotion, 4):
                ends = model.tokenizer(splice(CONTEXT, reply), add_special_tokens=False)["input_ids"]
                logs = log_probs(model.network, [*ids, *ends])
                for step, tokens in enumerate((mark, words)):
                    logs[len(ids) - 1 + step] = with_constant(logs[len(ids) - 1 + step], tokens, constant)
                told.append(sum(float(logs[len(ids) - 1 + i, token]) for i, token in enumerate(ends)))
            sides.append(float(torch.tensor(told, dtype=torch.float64).logsumexp(-1)))
        odds[constant] = sides[0] - sides[1]
    assert table.loc[0, "shift"] == pytest.approx(odds[found.constant] - odds[0.0], abs=1e-3)
