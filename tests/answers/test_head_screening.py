"""The answer of chapter 6 for every outcome, from invented numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.answers import head_screening
from emotion_utils.circuits.findings import AcrossModels, CheapMethod, EffectsFound, LargestHead
from emotion_utils.heads.carried import Carried


def answered(
    p=0.8,
    models=6,
    tested=96,
    value=0.02,
    units=10.0,
    moves=True,
    large=(8, 4),
    blind=0,
    others=(3, 18),
    cheap=(0.95, 0.9),
):
    row = {"emotion": "mean", "spearman": value, "low": -0.1, "high": 0.2, "null_low": -0.2, "null_high": 0.2, "p": p,
           "heads": 32, "units": units if units >= 8 else float("nan")}  # fmt: skip
    outcome = pd.DataFrame(
        {
            "difference": [12.0, -0.1],
            "low": [11.0, -0.5],
            "moves": [moves, False],
            "n_groups": [int(units)] * 2,
        }
    )
    largest = (LargestHead("anger", "L3H7", 0.13), LargestHead("apology", "L2H4", 0.19))
    return head_screening.answer(
        "a model",
        pd.DataFrame([row, {**row, "emotion": "anger"}]),
        EffectsFound(49, 96, 10, largest, ()),
        Carried(96, *large, 36, 49, 17, 83, 3, tested),
        1.25,
        outcome,
        CheapMethod(cheap[0], 0.99, cheap[1], 0.97, 0.8),
        AcrossModels(models, (), 0, 0.01, blind, *others, 0.1, 0.7),
    )


def test_heads_of_one_size_have_no_correlation_to_print():
    answer = answered(p=float("nan"), value=float("nan"))
    assert happened(answer)[0] is None
    text = answer.in_short() + answer.what_we_found()
    assert (
        "On a model whether looking and acting go together cannot be said: all heads have one size." in text
    )
    assert "anger cannot be said: all heads have one size" in text
    assert "nan" not in text


def happened(answer):
    return [one.happened for one in answer.falsifiers]


def test_the_finding_says_how_far_looking_tells_acting_and_how_much_heads_carry():
    short = answered().in_short()
    for words in (
        "a model",
        "**+0.02**",
        "8 of 96",
        "L2H4 (19% for apology)",
        "17 of these carry less than 2%",
        "It did not",
    ):
        assert words in short
    assert happened(answered()) == [False, False, False, False]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"p": 0.01, "value": 0.6}, [True, False, False, False]),
        ({"p": 0.01, "value": -0.6}, [False, False, False, False]),
        ({"large": (0, 0)}, [False, True, False, False]),
        ({"large": (3, 0)}, [False, None, False, False]),
        ({"models": 0}, [False, False, None, False]),
        ({"blind": 3}, [False, False, True, False]),
        ({"cheap": (0.89, 0.9)}, [False, False, False, True]),
        ({"cheap": (0.95, 0.69)}, [False, False, False, True]),
        ({"cheap": (0.95, float("nan"))}, [False, False, False, None]),
        ({"units": 5.0}, [None, None, None, False]),
        ({"moves": False}, [None, None, False, False]),
    ],
)
def test_each_falsifier_follows_its_own_numbers(change, expected):
    assert happened(answered(**change)) == expected


def test_a_model_without_a_difference_has_nothing_to_carry():
    answer = answered(moves=False)
    assert "too little to ask what carries it" in answer.finding
    assert "12.00 nats" in answer.finding
    assert "L2H4" not in answer.finding


def test_effects_that_were_not_tested_are_not_said_to_stand_out():
    finding = answered(tested=0).finding
    assert finding.endswith("There are too few units to test any of them.")
    assert "stand out" not in finding
