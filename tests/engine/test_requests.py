"""A request is refused in a sentence before anything runs; equal texts of a batch are kept once."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.engine import requests
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import UNTOUCHED, steering
from emotion_utils.engine.requests import ConditionBatch, all_rows, distinct, each_with
from emotion_utils.engine.teacher_forcing import continuation_log_probs, log_odds, next_token_log_probs
from emotion_utils.models.model import load


@pytest.fixture(scope="module")
def model():

    return load("small-gpt2")


def test_every_prompt_meets_every_condition_and_every_number():
    assert all_rows(2, 3).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert each_with(np.array([[4, 1], [0, 2]]), 2).tolist() == [[4, 1, 0], [4, 1, 1], [0, 2, 0], [0, 2, 1]]
    assert each_with(all_rows(0, 3), 2).shape == (0, 3)


def test_equal_texts_are_kept_once(model):
    batch = ConditionBatch.of(model, [[5, 6], [7], [5, 6]], [UNTOUCHED] * 3, [1, 1, 2])
    assert list(map(list, batch.ids)) == [[5, 6], [7]]
    assert batch.which.tolist() == [0, 1, 0]
    assert (batch.packed.prompts, batch.packed.n_layers) == ([1, 1, 2], model.n_layers)


def test_conditions_that_change_nothing_are_run_once(model):
    """Whatever batch they are in, they give exactly what the untouched model gives."""
    zeros = [steering(str(layer), torch.ones(128), layer, 0.0) for layer in range(3)]
    conditions = [steering("one", torch.ones(128), 1, 1.0), UNTOUCHED, *zeros]
    run, which = distinct(each_with(all_rows(2, 5), 2), conditions)
    assert run.tolist() == [[p, c, n] for p in range(2) for c in range(2) for n in range(2)]
    assert which.tolist() == [0, 1, *[2, 3] * 4, 4, 5, *[6, 7] * 4]
    prompts = ["We met", "Anna gave him the book that he had lost"]
    table = continuation_log_probs(model, prompts, [" no", " all"], conditions, batch_rows=3)
    odds = log_odds(table, [0], [1]).pivot(index="prompt", columns="condition", values="log_odds")
    assert (odds[["0", "1", "2"]].to_numpy() == odds[["untouched"]].to_numpy()).all()
    assert (odds["one"] != odds["untouched"]).all()
    logs = next_token_log_probs(model, prompts, conditions, batch_rows=3)
    assert all(torch.equal(logs[:, c], logs[:, 1]) for c in (2, 3, 4))


@pytest.mark.parametrize(
    ("prompts", "how", "message"),
    [
        ("We met", {}, "Prompts are a list, also if there is one: ['We met']"),
        ([[5, 99_999]], {}, "Prompt 0 has the token 99999, and the model knows tokens 0 to 4095"),
        ([[5], [-1, 6]], {}, "Prompt 1 has the token -1"),
        ([[]], {}, "The prompt [] has no tokens"),
        (
            ["We met"],
            {"rows": np.array([[-1, 0]])},
            "A row asks for prompt -1 under condition 0, and there are 1",
        ),
        (["We met"], {"rows": np.array([[0, 0], [0, 1]])}, "asks for prompt 0 under condition 1"),
        (["We met", "She said"], {"side": "middle"}, 'on the "left" or the "right", not "middle"'),
        (["We met"], {"batch_rows": 0}, "A batch has at least one row, not 0"),
        (["We met"], {"batch_rows": -1}, "A batch has at least one row, not -1"),
    ],
    ids=[
        "one text",
        "unknown id",
        "negative id",
        "empty",
        "row",
        "condition",
        "side",
        "no rows",
        "minus rows",
    ],
)
def test_a_senseless_request_is_refused(model, prompts, how, message):
    with pytest.raises(UserError, match=re.escape(message)):
        generate(model, prompts, progress=False, **how)
    with pytest.raises(UserError, match=re.escape(message)):
        continuation_log_probs(model, prompts, [" no"], **how)


@pytest.mark.parametrize("wrong", [[0, 0], [[0.5, 0.0]], [[True, False]], [[0, 0, 0]]], ids=str)
def test_rows_that_are_no_pairs_of_numbers_are_refused(wrong):
    with pytest.raises(UserError, match=r"Rows are pairs of numbers, \(prompt, condition\)"):
        requests._pairs(wrong, 2, 2)


def test_a_model_in_training_mode_is_refused(model):
    model.network.train()
    try:
        with pytest.raises(UserError, match=r"call model\.network\.eval\(\) first"):
            next_token_log_probs(model, ["We met"])
    finally:
        model.network.eval()


def test_nothing_asked_gives_nothing(model):
    none = np.empty((0, 2), dtype=np.int64)
    assert len(generate(model, ["We met"], rows=none, progress=False)) == 0
    assert len(generate(model, [], progress=False)) == 0
    assert len(continuation_log_probs(model, ["We met"], [" no"], rows=none)) == 0
    assert next_token_log_probs(model, []).shape == torch.Size([0, 1, 4096])
