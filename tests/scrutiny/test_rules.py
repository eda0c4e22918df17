"""The words of scrutiny follow their rules on hand-made claims."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.reports.replication import decimals
from emotion_utils.scrutiny.rules import (
    SCRUTINY,
    Scrutiny,
    between,
    chance,
    computed,
    either,
    mean_range,
    number,
    printed,
    settled,
    under_null,
    within,
)


def claim(value: str, lo: float, hi: float | None = None) -> dict[str, object]:
    return {"value": value, "lo": lo, "hi": lo if hi is None else hi}


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


@pytest.mark.parametrize(
    ("highs", "word"),
    [((0.5, 0.7), "above chance"), ((0.9, 1.2), "at chance"), ((0.5, 1.2), "undecided")],
)
def test_the_word_of_both_ends_is_said_only_where_they_agree(highs, word):
    ends = {f"null {high}": (0.0, high) for high in highs}
    found = between(claim("0.8", 0.8), ends)
    assert found.word == word
    assert found.note == "; ".join(f"null {high}: 0 to {high}" for high in highs)


def test_below_both_ends_is_a_surprise_only_for_a_quantity_with_a_sign():
    ends = {"null": (0.2, 0.4), "other": (0.3, 0.5)}
    assert between(claim("0.1", 0.1), ends).word == "at chance"
    assert between(claim("0.1", 0.1), ends, signed=True).word == "above chance"


def test_words_that_agree_are_said_once():
    assert either([chance(0.01, "a"), chance(0.02, "b")]) == ("above chance", "a: p = 0.01; b: p = 0.02")
    assert either([chance(0.01, "a"), chance(0.5, "b")]).word == "undecided"


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("n_layers=5", {"n_layers": "5"}),
        ("power=0.85; map=d x d rotation", {"power": "0.85", "map": "d x d rotation"}),
        ("", {}),
    ],
)
def test_what_the_authors_code_settles_is_read_by_name(given, parts):
    assert settled({"settled": given}) == parts


@pytest.mark.parametrize(
    ("value", "digits"),
    [("5.2e-05", 6), ("0.0003", 4), ("78->76", 0), ("-0.071..0.193", 3), ("1,490 vs 904", 0), ("yes", 0)],
)
def test_decimals_are_those_of_the_first_number(value, digits):
    assert decimals(value) == digits


def test_a_number_with_an_exponent_is_known_to_its_own_digits():
    assert printed(claim("5.2e-05", 5.2e-05)) == pytest.approx((5.15e-05, 5.25e-05))


def test_a_mean_of_rounded_numbers_is_a_range():
    rows = [claim("0.10", 0.10), claim("0.2", 0.2)]
    table = dict(zip("AB", rows, strict=True))
    assert mean_range(table, ["A", "B"]) == pytest.approx(((0.095 + 0.15) / 2, (0.105 + 0.25) / 2))


@pytest.mark.parametrize(
    ("given", "text"), [(3840, "3,840"), (0.98765, "0.988"), (7.0, "7"), (1e-5, "1e-05"), (225.0, "225")]
)
def test_numbers_are_short_and_counts_whole(given, text):
    assert number(given) == text
