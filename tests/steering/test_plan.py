"""What the budget pays for, by hand, for a small model and for large ones."""

from __future__ import annotations

import pytest

from emotion_utils.core.budget import allot, allowance
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.scoring.replies import OWN_TOKENS
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.steering import plan
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.trials import NEW_TOKENS, OPENING, SEARCHED, STRENGTHS

SIZE = STEERING_SIZES["baseline"]


def sizes(n_layers, parameters):
    budget = allot(plan.parts(SIZE, n_layers, 3, 3), allowance(SIZE.tokens, parameters))
    return plan.Plan(SIZE, budget, n_layers)


def test_a_small_model_gets_all_that_is_wanted(steered_model):
    found = plan.plan(steered_model, SIZE)
    assert found.budget.share == 1
    assert (found["choice"], found["test"], found["tried"], found["fresh"]) == (36, 36, 12, 48)
    assert found.screened == found.shown == [0, 1, 2, 3]
    assert not found.thinned
    assert (found.map, found.factors) == (plan.MAP, plan.FACTORS)
    assert found.summary().endswith("No section had to be smaller than it would like.")
    assert "A model with more than" not in found.summary()


@pytest.mark.parametrize(
    ("n_layers", "parameters"), [(30, 135_000_000), (18, 268_000_000), (32, 8_000_000_000)]
)
def test_a_large_model_keeps_its_tests_and_gives_up_layers_and_texts(n_layers, parameters):
    found = sizes(n_layers, parameters)
    assert found["test"] == 36
    assert found["tried"] >= 4
    assert found.budget.planned <= SIZE.tokens
    assert plan.SCREENED <= len(found.screened) < n_layers
    assert found.screened[-1] == n_layers - 1
    assert len(found.shown) == plan.MAP_LAYERS
    assert (found.map, found.factors) == (plan.FEW_MAP, plan.FEW_FACTORS)
    assert "are smaller than in a small model" in found.summary()
    assert f"A model with more than 8 layers is shown at {plan.MAP_LAYERS} of them" in found.summary()
    kinds = fresh_contexts(found["fresh"], 0)["unit"].nunique()
    assert kinds >= FEWEST_UNITS  # with fewer there is no interval


def test_the_price_of_the_screen_is_that_of_its_passes():
    (screen,) = [part for part in plan.parts(SIZE, 30, 3, 3) if part.name == "screen"]
    # a layer: every kind, window, strength and emotion reads some replies through half of the blocks
    assert screen.price == 3 * len(SEARCHED) * len(STRENGTHS) * 3 * plan.PAIRS * plan.REPLY / 2


def test_own_labels_pay_for_longer_texts_and_for_both_sides_of_the_screen():
    own, usual = (
        {part.name: part for part in plan.parts(SIZE, 30, 3, 2, own=given)} for given in (True, False)
    )
    assert set(usual) - set(own) == {"moved", "published", "posts"}
    cells = 2 * len(SEARCHED) * len(STRENGTHS) * 3
    assert (
        own["screen"].price == cells * plan.PAIRS * OWN_TOKENS
    )  # two texts, each through half of the blocks
    assert own["tried"].price / usual["tried"].price == NEW_TOKENS / OPENING.new_tokens
