"""What the budget pays for, by hand, for a small model and for large ones."""

from __future__ import annotations

import own_labels
import pandas as pd
import pytest

from emotion_utils.core.budget import allot, allowance
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.scoring.replies import OWN_TOKENS
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.steering import plan
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.plan import about, already_said, caution, summarise_untouched, telling
from emotion_utils.steering.subject import prepare
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


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_page_says_what_is_steered_and_that_a_judge_by_chance_is_none(small, implicit, tmp_path, shuffled):
    own = own_labels.texts_of(small.tokenizer, tmp_path, n=40, shuffled=shuffled)
    found = prepare(small, implicit, own=own)
    assert "they are in English" in about(found)
    assert ("no judge" in about(found)) == shuffled
    assert ("**This cannot be read" in caution(found, "baseline")) == shuffled
    assert "smoke run" in caution(found, "smoke")


def test_a_page_of_the_books_own_emotions_says_nothing_more(steered_model):
    assert about(steered_model) == caution(steered_model, "baseline") == ""


def test_a_page_names_the_labels_that_it_leaves_out(small, implicit, tmp_path):
    labels = [f"label {letter}" for letter in "abcdefgh"]
    found = prepare(small, implicit, own=own_labels.texts_of(small.tokenizer, tmp_path, labels, n=6))
    assert "label e and label f; left out as targets" in about(found).replace("label e, and", "label e and")
    assert "label g and label h." in about(found)


def test_a_label_that_untouched_texts_say_already_shows_nothing(small, implicit, steered_model, tmp_path):
    found = prepare(small, implicit, own=own_labels.texts_of(small.tokenizer, tmp_path))
    texts = pd.DataFrame({"emotion": ["joy"] * 4 + ["worry"] * 4, "target": [1.0, 1, 0, 0, 1, 0, 0, 0]})
    assert already_said(found, texts) == ["joy"]
    assert "joy 50%, worry 25%" in summarise_untouched(found, texts)
    assert "**The judge finds joy" in summarise_untouched(found, texts)
    assert "**" not in summarise_untouched(found, texts.assign(target=0.0))
    assert already_said(steered_model, texts) == []
    assert set(telling(texts, ["joy"])["emotion"]) == {"worry"}
    assert len(telling(texts, ["joy", "worry"])) == len(texts)
    assert summarise_untouched(steered_model, texts).startswith("Untouched, 38% of the texts")
