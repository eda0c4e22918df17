"""The cell that is chosen: furthest inside both limits, where random vectors turn few contexts."""

from __future__ import annotations

import numpy as np
import own_labels
import pandas as pd
import pytest
import steered

from emotion_utils.scoring.replies import splice
from emotion_utils.steering import screening
from emotion_utils.steering.choice import (
    RANDOM_AT_MOST,
    choose,
    random_share,
    screened,
    summarise_choice,
    summarise_screen,
)
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.subject import prepare
from emotion_utils.steering.trials import WHERE, SteeringSetting, outcomes, run


def table(*rows):
    return pd.DataFrame(rows, columns=["made", "emotion", "layer", "alpha", "share", "cost"])


CELLS = table(
    ("centred", "anger", 0, 1.0, 1.0, 1.4),
    ("centred", "anger", 1, 0.5, 0.85, 0.6),
    ("centred", "anger", 2, 2.0, 0.95, 0.9),
    ("centred", "anger", 3, 1.0, 1.0, 1.6),
    ("centred", "anger", 3, -1.0, 1.0, 0.1),
)


def at(row):
    return int(row["layer"]), float(row["alpha"])


def test_the_cell_furthest_inside_both_limits_is_taken_and_never_a_negative_strength():
    chosen = choose(CELLS)["anger"]
    assert at(chosen) == (2, 2.0)
    assert chosen["margin"] == pytest.approx(0.95 / 0.8)  # before 1.5 / 1.4, 0.85 / 0.8 and 1.5 / 1.6


def test_a_cell_at_which_random_vectors_do_as_well_is_passed_over():
    tried = []

    def random(row):
        tried.append(at(row))
        return {2: 0.3, 0: RANDOM_AT_MOST}[int(row["layer"])]

    chosen = choose(CELLS, random)["anger"]
    assert at(chosen) == (0, 1.0)
    assert chosen["random"] == RANDOM_AT_MOST
    assert tried == [(2, 2.0), (0, 1.0)]


def test_where_random_vectors_do_as_well_everywhere_the_best_stays_without_a_figure_for_them():
    chosen = choose(CELLS, lambda row: 1.0)["anger"]
    assert at(chosen) == (2, 2.0)
    assert "random" not in chosen


def test_without_a_cell_that_reaches_both_limits_the_nearest_is_taken_and_no_random_vector_tried():
    weak = table(
        ("centred", "anger", 0, 1.0, 0.3, 0.5),
        ("centred", "anger", 1, 1.0, 0.6, 1.4),
        ("centred", "anger", 2, 1.0, 1.0, 9.0),
        ("centred", "anger", 3, 1.0, 1.0, np.nan),
    )
    assert at(choose(weak, lambda row: pytest.fail("nothing is to be tried"))["anger"]) == (1, 1.0)


def test_among_equals_the_cheapest_is_taken():
    same = table(("centred", "anger", 0, 1.0, 1.0, 0.9), ("centred", "anger", 1, 1.0, 1.0, 0.8))
    assert at(choose(same)["anger"]) == (1, 1.0)


def test_every_emotion_is_chosen_for_itself():
    both = pd.concat([CELLS, CELLS.assign(emotion="apology", share=[0.0, 0.1, 0.2, 0.3, 1.0])])
    chosen = choose(both)
    assert {emotion: at(row) for emotion, row in chosen.items()} == {"anger": (2, 2.0), "apology": (3, 1.0)}


def test_random_vectors_of_a_planted_model_turn_nothing_where_the_planted_vector_turns_all(planted):
    made, emotion, layer, alpha = steered.TURNED
    contexts = steered.quoted()
    own = [SteeringSetting(emotion, layer, alpha, planted.direction(emotion, layer, made), made)]
    found = planted_says(planted, contexts, own)
    cell = pd.Series({"made": made, "where": WHERE, "emotion": emotion, "layer": layer, "alpha": alpha})
    assert found == 1.0
    assert random_share(planted, contexts, 12, 0)(cell) < 0.2


def planted_says(steered_model, contexts, settings):
    """Share of contexts after which the first word is the planted one."""
    texts = run(steered_model, contexts, settings)
    assert set(outcomes(steered_model, texts, cost=False)) > {"says", "target"}
    return float(texts["text"].str.contains("Sorry").mean())


def test_what_was_chosen_is_said_with_its_depth_and_whether_the_rule_found_it():
    rows = {
        "anger": pd.Series({"made": "centred", "where": WHERE, "layer": 14, "alpha": 0.35, "random": 0.0}),
        "apology": pd.Series({"made": "centred", "where": WHERE, "layer": 29, "alpha": 1.0}),
    }
    told = summarise_choice(rows, 30)
    assert (
        "*anger*: centred, at the end of prompt and first new token, layer 14 (relative depth 0.50), strength 0.35"
        in told
    )
    assert "relative depth 1.00" in told
    assert "For **1 of 2** emotions" in told


def test_regrets_are_said_beside_those_of_other_ways():
    ways = pd.DataFrame(
        [("screen", 0.95, 0.012, 0.11, 21, 0.083), ("a random setting", 0.0, 0.8, 0.9, 21, np.nan)],
        columns=["way", "close", "regret", "largest", "cells", "tokens"],
    )
    told = summarise_screen(ways)
    assert "In 21 cells" in told
    assert "turns **1.2%** of texts fewer" in told
    assert "at most 11%; in **95%** of cells" in told
    assert "at most 8.3% of the sweep's tokens" in told
    assert told.endswith("a random setting: 80.0% and 0%.")


def test_own_texts_are_screened_by_the_smaller_of_two_changes_text_by_text(small, implicit, tmp_path):
    found = prepare(small, implicit, own=own_labels.texts_of(small.tokenizer, tmp_path))
    contexts, network = neutral_contexts(implicit, "select", 2), small.network
    settings = [
        SteeringSetting(
            "joy", layer, alpha, found.direction("joy", layer), "minus neutral", where="everywhere"
        )
        for layer, alpha in ((1, 0.2), (1, 2.0), (3, 0.5))
    ]
    read = screened(found, contexts, settings, 2)
    for setting, score in zip(settings, read["score"], strict=True):
        gains = []
        for i, context in enumerate(contexts["context"]):
            changes = []
            for text in (found.own.of("joy", 2)[i], found.own.against("joy", 2)[i]):
                start = small.starting_ids(context)
                ids = start + small.tokenizer(splice(context, text), add_special_tokens=False)["input_ids"]
                told = [
                    sum(float(logs[at - 1, ids[at]]) for at in range(len(start), len(ids)))
                    for logs in (
                        steered.log_probs(
                            network, ids, setting.alpha * setting.vector, setting.layer, lambda at: True
                        ),
                        steered.log_probs(network, ids),
                    )
                ]
                changes.append(told[0] - told[1])
            gains.append(changes)
        own, rest = np.mean(gains, axis=0)
        assert score == pytest.approx(min(own, own - rest), abs=2e-2)


def test_the_books_emotions_are_screened_as_ever(steered_model, implicit):
    contexts = neutral_contexts(implicit, "select", 2)
    direction = steered_model.direction("anger", 2)
    settings = [SteeringSetting("anger", 2, 0.5, direction, "minus neutral")]
    pd.testing.assert_frame_equal(
        screened(steered_model, contexts, settings, 2), screening.screen(steered_model, contexts, settings, 2)
    )
