"""Sentences on planted tables, with both outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.steering import sentences

MODELS = ["model", "emotion", "share", "steered", "control", "controls", "p", "beyond_random"]


def models(blind_p=0.3, blind_steered=True):
    rows = [
        ("one", "anger", 1.0, True, 0.02, 10, 0.01, True),
        ("one", "apology", 0.9, True, 0.04, 10, 0.02, True),
        ("two", "anger", 1.0, True, 0.1, 10, 0.01, True),
        ("two", "apology", 1.0, True, 0.1, 10, 0.119, False),
        ("three", "anger", 1.0, True, 0.01, 10, 0.01, True),
        ("three", "apology", 0.2, False, 0.01, 10, 0.9, False),
        ("blind", "anger", 1.0, blind_steered, 0.2, 10, blind_p, blind_p <= 0.05),
        ("blind", "apology", 0.9, False, 0.3, 10, 0.04, True),
    ]
    return pd.DataFrame(rows, columns=MODELS)


def test_models_are_counted_with_and_without_their_random_vectors():
    told = sentences.all_models(models(), "blind")
    assert "within the budget in **2 of 3** models (one, two)." in told
    assert (
        "In **1 of 3** models it does so with every p at most 0.05; not for two apology (p = 0.119)." in told
    )
    assert (
        "turn 1.0% to 10.0% of the contexts (mean of each model); in **2 of 3** models that is 5% or less."
        in told
    )
    none = models().assign(steered=False)
    assert "**0 of 3** models (none)." in sentences.all_models(none, "blind")


def test_a_blind_model_that_is_steered_falsifies_what_steering_is_taken_for():
    told = sentences.blind_model(models(), "blind")
    assert "*steering moves what the model understands* is **falsified**" in told
    assert "to 1 of 2 emotions (mean share 95%)" in told
    assert "turn 25% of its contexts too, against 1% to 10% elsewhere" in told
    assert "not beyond random ones for 1 of 2 emotions (p 0.040 to 0.300)." in told
    assert "Random vectors do not explain it (p 0.010 to 0.040)." in sentences.blind_model(
        models(0.01), "blind"
    )


def test_a_blind_model_that_is_not_steered_falsifies_nothing():
    told = sentences.blind_model(models(blind_steered=False), "blind")
    assert told == "The blind model cannot be steered with such vectors."


@pytest.mark.parametrize(("share", "turns"), [(0.2, True), (0.5, False), (1.0, False)])
def test_a_vector_turns_round_where_more_than_half_of_the_contexts_follow_both_signs(share, turns):
    wrong = pd.DataFrame(
        [("anger", 1.0, 9.0, 0.0), ("anger", -1.0, -1.0, share), ("anger", 2.0, 9.0, 1.0),
         ("apology", 1.0, 9.0, 0.0), ("apology", -1.0, -2.0, 0.0)],
        columns=["emotion", "alpha", "shift", "wrong"],
    )  # fmt: skip
    told = sentences.both_signs(wrong)
    assert ("*anger* does **not** turn round" in told) is not turns
    assert "*apology* turns round with the sign" in told
    assert f"one way only for **{0 if turns else 1} of 2** emotions" in told


def test_broken_texts_are_no_test_of_whether_a_vector_is_specific():
    rows = [
        ("anger", "all random", 0.9, 0.9),
        ("anger", "vector of apology", 0.75, 0.0),
        ("anger", "vector of gratitude", 0.0, 0.8),
    ]
    table = pd.DataFrame(rows, columns=["emotion", "against", "control", "none of them"])
    told = sentences.specific(table)
    assert "Of the 2 pairs" in told
    assert "1 say this emotion all the same: the vector of apology says anger in 75% of them." in told
    assert "But in **1** of these 2 pairs more than half of the texts open like no reply" in told
    whole = table.assign(**{"none of them": 0.5})
    assert "open like no reply" not in sentences.specific(whole)


def test_an_interval_stands_beside_its_value_where_there_is_one():
    table = pd.DataFrame(
        {"contexts": ["a", "b"], "share": [0.5, 0.25], "low": [0.4, np.nan], "high": [0.6, np.nan],
         "cost": [1.0, 2.0], "cost_low": [0.9, np.nan], "cost_high": [1.2, np.nan], "n_units": [9, 2]}
    )  # fmt: skip
    found = sentences.with_intervals(table)
    assert found["share"].tolist() == ["0.50 (0.40–0.60)", "0.25"]
    assert found["cost"].tolist() == ["1.00 (0.90–1.20)", "2.00"]
    assert list(found) == ["contexts", "share", "cost"]


def test_texts_without_a_true_emotion_do_not_count_for_the_accuracy():
    names = ["anger", "apology", "undecided"]
    counts = pd.DataFrame([[6, 1, 1], [0, 2, 0], [0, 5, 0]], index=names, columns=names)
    assert sentences.accuracy(counts) == "80.0% of 10"


def test_one_value_is_no_span():
    assert sentences.span([0.011, 0.012], ".0%") == "1%"
    assert sentences.span(pd.Series([0.1, 0.3]), ".0%") == "10% to 30%"
