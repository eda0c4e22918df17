"""A constant on logits does what adding it by hand to the logits of a plain forward pass does, and nothing else."""

from __future__ import annotations

import pytest
import torch
from by_hand import vector
from model_fixtures import PROMPTS

from emotion_utils.core.errors import UserError
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import UNTOUCHED, Condition, LogitBias, Window, steering
from emotion_utils.engine.teacher_forcing import continuation_log_probs, next_token_log_probs

ENDINGS = [" thanks a lot", " no", " it is cold outside today"]
BIASES = {0: ((21, 40), 60.0), 1: ((33,), -4.0), 2: ((33, 50, 21), 60.0)}
"""By step: tokens and the constant; step 0 predicts the first new token."""
HOWS = [{}, {"share": False}, {"side": "right"}, {"batch_rows": 3}]


def condition(name="bias", biases=BIASES, edits=()):
    return Condition(
        name,
        edits,
        tuple(
            LogitBias(tokens, constant, Window(k, k + 1, "end")) for k, (tokens, constant) in biases.items()
        ),
    )


@torch.no_grad()
def last_logits(network, ids):
    return network(torch.tensor([ids]), use_cache=False).logits[0].double()


def ids_of(model, prompt):
    return model.tokenizer(prompt)["input_ids"]


@pytest.mark.parametrize("how", [*HOWS, {"cache": False}], ids=str)
def test_texts_under_a_bias_are_those_of_biased_logits(untrained, how):
    model = untrained
    rows = [UNTOUCHED, condition(), steering("push", vector(model.network, 1), 0, 2.0)]
    table = generate(model, PROMPTS, rows, Sampling(5, stop_at_end=False), progress=False, **how)
    changed = 0
    for prompt, text in enumerate(PROMPTS):
        ids = ids_of(model, text)
        start, own = len(ids), table[(table["prompt"] == prompt)].set_index("condition")["ids"]
        for step in range(5):
            logits = last_logits(model.network, ids)[-1]
            tokens, constant = BIASES.get(step, ((), 0.0))
            logits[list(tokens)] += constant
            best = logits.topk(2)
            if own["bias"][step] != int(best.indices[0]):  # a tie in rounding decides otherwise
                assert float(best.values[0] - best.values[1]) < 1e-3
                break
            ids.append(own["bias"][step])
        assert len(ids) > start
        changed += own["bias"] != own["untouched"]
    assert changed


@pytest.mark.parametrize("how", HOWS, ids=str)
def test_log_probabilities_under_a_bias_are_those_of_biased_logits(untrained, how):
    model = untrained
    rows = [condition(), UNTOUCHED, steering("push", vector(model.network, 1), 0, 2.0)]
    table = continuation_log_probs(model, PROMPTS, ENDINGS, rows, **how)
    for row in table[table["condition"] != "push"].itertuples():
        start = ids_of(model, PROMPTS[row.prompt])
        ends = model.tokenizer(ENDINGS[row.continuation], add_special_tokens=False)["input_ids"]
        logits = last_logits(model.network, [*start, *ends])
        if row.condition == "bias":
            for step, (tokens, constant) in BIASES.items():
                if step < len(ends):
                    logits[len(start) - 1 + step, list(tokens)] += constant
        chances = logits.log_softmax(-1)
        theirs = sum(float(chances[len(start) - 1 + i, token]) for i, token in enumerate(ends))
        assert row.log_prob == pytest.approx(theirs, abs=1e-4, rel=1e-5)


def test_a_bias_acts_beside_an_edit(untrained):
    model = untrained
    push = steering("push", vector(model.network, 1), 0, 2.0)
    both = condition("both", {0: ((21, 40), 3.0)}, push.edits)
    pushed, biased = next_token_log_probs(model, PROMPTS, [push, both]).double().unbind(1)
    pushed[:, [21, 40]] += 3.0
    torch.testing.assert_close(biased, pushed.log_softmax(-1), atol=1e-5, rtol=0)


def test_no_constant_is_the_untouched_model_and_an_infinite_one_or_an_unknown_token_is_refused(untrained):
    nothing = condition("nothing", {0: ((21,), 0.0), 1: ((), 5.0)})
    assert nothing.changes_nothing
    assert not condition().changes_nothing
    assert condition().fingerprint() != condition(biases={0: ((21, 40), 6.5)}).fingerprint()
    for biases, told in (({0: ((21,), float("inf"))}, "finite"), ({0: ((10**6,), 1.0)}, "token 1000000")):
        with pytest.raises(UserError, match=told):
            generate(untrained, PROMPTS, [condition("wrong", biases)], progress=False)
