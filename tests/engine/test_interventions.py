"""Windows of positions that make no sense are refused, and the others hold the positions that they name."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import (
    EVERYWHERE,
    FAR,
    FROM_END,
    GENERATED,
    PROMPT,
    Condition,
    Edit,
    Window,
    check_conditions,
    steering,
)
from emotion_utils.models.hooks import HookPoint
from emotion_utils.models.model import load


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 3, "stop": 3}, "empty"),
        ({"anchor": "middle"}, "start"),
        ({"half_life": 0}, "half-life"),
        ({"first": -3}, "There is no position before the start"),
        ({"stop": 0}, "There is no position before the start"),
    ],
)
def test_a_senseless_window_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Window(**arguments)


@pytest.mark.parametrize(
    ("window", "bounds"),
    [
        (EVERYWHERE, (0, FAR)),
        (PROMPT, (0, 5)),
        (FROM_END, (4, FAR)),
        (GENERATED, (5, FAR)),
        (Window(-2, 1, "end"), (2, 5)),
        (Window(-9, -6, "end"), (0, 0)),
        (Window(1, 3), (1, 3)),
    ],
    ids=str,
)
def test_a_window_in_a_prompt_of_five_tokens(window, bounds):
    assert window.bounds(5) == bounds


def test_a_strength_whose_square_is_no_number_is_refused_where_a_norm_would_make_zeros_of_it():
    model = load("small-llama3")
    vector = torch.zeros(model.d_model)
    vector[3] = 1.0
    # by hand: the norm of this family takes the mean of squares in float32, and 0 is the state of every later token
    state = vector * 1e20
    assert not torch.isfinite(state.pow(2).mean())
    assert not (state * torch.rsqrt(state.pow(2).mean())).any()
    with pytest.raises(UserError, match=r'"too much" has a value at resid_post.1 of length 1e\+20.* smaller'):
        check_conditions(model, [steering("too much", vector, 1, -1e20)])
    check_conditions(model, [steering("much", vector, 1, 1e18)])
    assert torch.isfinite((vector * 1e18).pow(2).mean())


def test_values_that_are_added_count_together():
    model = load("small-llama3")
    vector = torch.zeros(model.d_model)
    vector[0] = 1.0
    one = steering("one", vector, 1, 4e18)
    check_conditions(model, [Condition("two", one.edits * 2)])
    with pytest.raises(UserError, match=r'"three" has values that are added together of length 1e\+19'):
        check_conditions(model, [Condition("three", one.edits * 3)])
    assert torch.isfinite((2 * 4e18 * vector).pow(2).mean())
    kept = [Edit(HookPoint(1, "resid_post"), vector * 4e18, mode="set")] * 3
    check_conditions(model, [Condition("set", tuple(kept))])  # each replaces the one before


def test_a_set_value_counts_without_its_scale():
    model = load("small-llama3")
    value = torch.full((model.d_model,), 1e19)
    with pytest.raises(UserError, match="beyond the largest number of float32"):
        check_conditions(model, [Condition("set", (Edit(HookPoint(0, "mlp_out"), value, "set", 0.01),))])
