"""The words of scrutiny follow their rules on hand-made claims."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.claims import Measurement
from emotion_utils.scrutiny import Scrutiny, computed, printed, scrutinised, under_null


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


def test_scrutiny_is_put_on_its_claim_and_on_no_other():
    rows = [Measurement("A", "", 1.0), Measurement("B", "", 2.0)]
    one, other = scrutinised(rows, {"A": Scrutiny("conflicts", "B says 2")})
    assert (one.scrutiny, one.scrutiny_note, one.value) == ("conflicts", "B says 2", 1.0)
    assert other == rows[1]
