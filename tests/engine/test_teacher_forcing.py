"""Log-probabilities of continuations under conditions equal those of the plain forward pass of each row alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from by_hand import logits_by_hand, sweep
from model_fixtures import PROMPTS

from emotion_utils.core.budget import counted
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import UNTOUCHED, steering
from emotion_utils.engine.teacher_forcing import (
    continuation_log_odds,
    continuation_log_probs,
    log_odds,
    next_token_log_masses,
    next_token_log_probs,
)

ENDINGS = [" thanks a lot", " no", " it is cold outside today"]


def by_hand(model, prompt, ending, condition):
    logits = logits_by_hand(model, prompt + ending, condition, len(prompt)).double()
    chances = torch.log_softmax(logits, dim=-1)
    return sum(float(chances[len(prompt) - 1 + i, token]) for i, token in enumerate(ending))


@pytest.mark.parametrize("how", [{}, {"share": False}, {"side": "right"}, {"batch_rows": 7}], ids=str)
def test_log_probabilities_are_those_of_each_row_alone(untrained, how):
    model = untrained
    conditions = {c.name: c for c in sweep(model.network)}
    table = continuation_log_probs(model, PROMPTS, ENDINGS, list(conditions.values()), **how)
    assert len(table) == len(PROMPTS) * len(ENDINGS) * len(conditions)
    for row in table.itertuples():
        prompt = model.tokenizer(PROMPTS[row.prompt])["input_ids"]
        ending = model.tokenizer(ENDINGS[row.continuation], add_special_tokens=False)["input_ids"]
        theirs = by_hand(model.network, prompt, ending, conditions[row.condition])
        assert row.n_tokens == len(ending)
        assert row.log_prob == pytest.approx(theirs, abs=1e-4, rel=1e-5), (row.condition, row.prompt)


def test_what_several_texts_begin_with_is_read_once(untrained):
    model, prompt = untrained, [*range(20, 60)]
    endings = [" it is cold outside today", " no", " thanks a lot"]
    sizes = [len(model.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in endings]
    with counted() as apart:
        expected = continuation_log_probs(model, [prompt], endings, share=False)
    with counted() as spent:
        found = continuation_log_probs(model, [prompt], endings)
    assert found["log_prob"].to_numpy() == pytest.approx(expected["log_prob"].to_numpy(), abs=1e-4)
    assert apart.tokens == 3 * len(prompt) + sum(sizes)
    keep = max(sizes) + 1  # the last columns, which each text has for itself
    longest = len(prompt) + max(sizes) - keep
    assert spent.tokens == longest + 3 * keep


def test_log_odds_are_those_of_the_sets(untrained):
    model = untrained
    table = continuation_log_probs(model, PROMPTS[:1], ENDINGS)
    p = np.exp(table["log_prob"].to_numpy())
    assert log_odds(table, [0, 1], [2])["log_odds"][0] == pytest.approx(np.log((p[0] + p[1]) / p[2]))
    with pytest.raises(UserError, match=r"The neutral continuations \[5\]"):
        log_odds(table, [0], [5])
    for emotional, neutral in (([0, 0], [1]), ([0, 1], [1])):
        with pytest.raises(UserError, match="A continuation is named twice"):
            log_odds(table, emotional, neutral)
    twice = continuation_log_probs(model, PROMPTS, ENDINGS, rows=np.array([[0, 0], [0, 0]]))
    with pytest.raises(UserError, match="has a prompt and condition twice"):
        log_odds(twice, [0], [1])


def test_next_token_readout_is_the_plain_forward(untrained):
    model = untrained
    found = next_token_log_probs(model, PROMPTS, [UNTOUCHED, sweep(model.network)[1]], batch_rows=3)
    for prompt, values in zip(PROMPTS, found, strict=True):
        ids = model.tokenizer(prompt)["input_ids"]
        with torch.no_grad():
            plain = torch.log_softmax(model.network(torch.tensor([ids])).logits[0, -1].float(), dim=-1)
        torch.testing.assert_close(values[0], plain, atol=1e-4, rtol=1e-5)
        assert not torch.allclose(values[1], plain, atol=1e-6)


def test_a_continuation_without_tokens_is_refused(untrained):
    with pytest.raises(UserError, match="The continuation '' has no tokens"):
        continuation_log_probs(untrained, PROMPTS, [""])
    with pytest.raises(UserError, match=r"Continuations are a list, also if there is one: \[' no'\]"):
        continuation_log_probs(untrained, PROMPTS, " no")


def test_a_log_probability_that_is_no_number_is_an_error(untrained, monkeypatch):
    monkeypatch.setattr("emotion_utils.engine.interventions.LONGEST", float("inf"))
    model = untrained
    loud = [steering("loud", torch.full((128,), 1e38), 0, 1e3)]
    with pytest.raises(UserError, match=r'"loud" a log-probability after the prompt .* is nan'):
        next_token_log_probs(model, PROMPTS[:1], loud)
    with pytest.raises(UserError, match=r'"loud" a log-probability after the prompt .* is nan'):
        continuation_log_probs(model, PROMPTS[:1], ENDINGS, loud)


@pytest.mark.parametrize("how", [{}, {"share": False}, {"batch_rows": 3}], ids=str)
def test_log_masses_are_those_of_each_row_alone(untrained, how):
    model = untrained
    conditions, sets = sweep(model.network)[::5], [[7], [3, 400, 12], list(range(50, 90))]
    found = next_token_log_masses(model, PROMPTS, sets, conditions, **how)
    assert found.shape == (len(PROMPTS) * len(conditions), len(sets))
    for i, row in enumerate(found.tolist()):
        prompt, condition = PROMPTS[i // len(conditions)], conditions[i % len(conditions)]
        ids = model.tokenizer(prompt)["input_ids"]
        chances = torch.softmax(logits_by_hand(model.network, ids, condition, len(ids))[-1].double(), dim=-1)
        expected = [float(chances[tokens].sum().log()) for tokens in sets]
        assert row == pytest.approx(expected, abs=1e-4, rel=1e-5), (prompt, condition.name)


def test_log_masses_of_chosen_rows_come_in_their_order(untrained):
    model = untrained
    conditions, sets = sweep(model.network)[:3], [[7], [3, 400]]
    whole = next_token_log_masses(model, PROMPTS, sets, conditions)
    whole = whole.reshape(len(PROMPTS), 3, 2)
    rows = np.array([[1, 2], [0, 0], [1, 2], [0, 1]])
    found = next_token_log_masses(model, PROMPTS, sets, conditions, rows=rows)
    assert found == pytest.approx(whole[rows[:, 0], rows[:, 1]], rel=1e-6, abs=1e-5)
    assert np.array_equal(found[0], found[2])
    everything = [list(range(model.network.get_output_embeddings().weight.shape[0]))]
    assert next_token_log_masses(model, PROMPTS, everything) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("wrong", [[], [-1], [0, 10**6]])
def test_a_set_without_tokens_of_the_model_is_refused(untrained, wrong):
    with pytest.raises(UserError, match="A set of next tokens holds some of the tokens 0 to"):
        next_token_log_masses(untrained, PROMPTS, [[5], wrong])


def test_log_odds_of_texts_are_sums_of_the_plain_model_s_probabilities(small):
    def mass(prompt, texts):
        total = 0.0
        for text in texts:
            start, end = (small.tokenizer(part)["input_ids"] for part in (prompt, text))
            with torch.no_grad():
                logs = torch.log_softmax(small.network(torch.tensor([start + end])).logits[0].double(), -1)
            at = range(len(start) - 1, len(start) + len(end) - 1)
            total += math.exp(sum(float(logs[i, token]) for i, token in zip(at, end, strict=True)))
        return math.log(total)

    prompts, kind, plain = (
        ["Tom said:", "Anna helped Tom. Tom said:"],
        [' "Thank you', ' "How kind'],
        [' "I see'],
    )
    table = continuation_log_odds(small, prompts, kind, plain)
    expected = [mass(prompt, kind) - mass(prompt, plain) for prompt in prompts]
    assert table["log_odds"].tolist() == pytest.approx(expected, abs=1e-3)
    assert table["condition"].tolist() == ["untouched", "untouched"]
    with pytest.raises(UserError, match="The neutral continuations"):
        continuation_log_odds(small, prompts, kind, [])
