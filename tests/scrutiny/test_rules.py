"""The words of scrutiny follow their rules on hand-made claims."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.scrutiny.rules import (
    SCRUTINY,
    Scrutiny,
    chance,
    computed,
    conflicting,
    mean_range,
    number,
    printed,
    under_null,
    within,
)


def claim(value: str, lo: float, hi: float | None = None) -> pd.Series:
    return pd.Series({"value": value, "lo": lo, "hi": lo if hi is None else hi})


@pytest.mark.parametrize(
    ("high", "word"), [(0.98, "above chance"), (0.985, "at chance"), (0.99, "at chance"), (1.0, "at chance")]
)
def test_a_value_is_at_chance_where_the_null_reaches_what_rounds_to_it(high, word):
    found = under_null(claim("0.99", 0.99), 0.5, high, "some null")
    assert found == (word, f"some null: 0.5 to {high:.3g}")


def test_a_value_below_the_null_is_at_chance():
    assert under_null(claim("0.1", 0.1), 0.4, 0.5, "x").word == "at chance"


def test_arithmetic_holds_where_the_ranges_meet():
    assert computed(claim("0.07", 0.07), 0.0, 0.0, "gain") == ("arithmetic fails", "gain: 0")
    assert computed(claim("0.00", 0.0), 0.004, 0.004, "gain").word == "arithmetic holds"
    assert computed(claim("0.0..0.1", 0.0, 0.1), 0.13, 0.17, "x").word == "arithmetic fails"
    assert computed(claim("0.40..0.45", 0.4, 0.45), 0.44, 0.46, "x").note == "x: 0.44 to 0.46"
    assert printed(claim("0.40..0.45", 0.4, 0.45)) == (0.4, 0.45)


def test_another_word_is_refused():
    with pytest.raises(UserError, match=r'"at chanc" .* did you mean "at chance"'):
        Scrutiny("at chanc", "some null")
    assert {Scrutiny(word, "x").word for word in SCRUTINY} == set(SCRUTINY)


@pytest.mark.parametrize(
    ("value", "word"),
    [("-0.75", "above chance"), ("-0.25", "at chance"), ("0.5", "at chance"), ("0.56", "above chance")],
)
def test_a_signed_quantity_may_lie_outside_on_either_side(value, word):
    assert within(claim(value, float(value)), -0.25, 0.55, "x").word == word


@pytest.mark.parametrize(("p", "word"), [(0.049, "above chance"), (0.051, "at chance")])
def test_a_test_is_at_chance_above_its_level(p, word):
    assert chance(p, "x").word == word


def test_a_claim_that_another_one_contradicts_conflicts():
    table = pd.DataFrame(
        {
            "value": ["1", "2", "3"],
            "conflicts_with": ["B", "", ""],
            "condition": ["", "layer 3", ""],
            "section": ["1", "9.1", "2"],
        },
        index=["A", "B", "C"],
    )
    assert conflicting(table) == {"A": ("conflicts", "B says 2 (layer 3), section 9.1")}


def test_a_mean_of_rounded_numbers_is_a_range():
    rows = [claim("0.10", 0.10), claim("0.2", 0.2)]
    table = pd.DataFrame(rows, index=["A", "B"])
    assert mean_range(table, ["A", "B"]) == pytest.approx(((0.095 + 0.15) / 2, (0.105 + 0.25) / 2))


@pytest.mark.parametrize(
    ("given", "text"), [(3840, "3,840"), (0.98765, "0.988"), (7.0, "7"), (1e-5, "1e-05"), (225.0, "225")]
)
def test_numbers_are_short_and_counts_whole(given, text):
    assert number(given) == text
