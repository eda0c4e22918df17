"""Rules as functions, and the values that they are tried on."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.scrutiny.judging import (
    TRUE,
    always,
    follows,
    invented,
    judged,
    reprinted,
    single,
    without_null,
)
from emotion_utils.scrutiny.rules import Scrutiny, no_null, under_null


def row(value, lo, hi=None, kind="number", metric="scores"):
    return {"value": value, "lo": lo, "hi": lo if hi is None else hi, "kind": kind, "metric": metric}


def drawn(given, n=2000):
    rng = np.random.default_rng(0)
    return [invented({"A": given}, ["A"], rng)["A"] for _ in range(n)]


def test_invented_values_are_log_uniform_from_a_tenth_to_ten_times():
    values = np.array([each["lo"] for each in drawn(row("0.500", 0.5))])
    assert values.min() >= 0.05
    assert values.max() <= 5.0
    assert np.median(np.log10(values)) == pytest.approx(np.log10(0.5), abs=0.1)
    assert (values > 0).all()


@pytest.mark.parametrize(
    ("value", "metric", "bound"), [(0.5, "cosine", 1.0), (-0.75, "cosine", 1.0), (84.2, "macro F1 %", 100.0)]
)
def test_they_keep_the_sign_and_the_bounds_of_the_metric(value, metric, bound):
    values = np.array([each["lo"] for each in drawn(row(f"{value}", value, metric=metric))])
    assert (np.sign(values) == np.sign(value)).all()
    assert np.abs(values).max() <= bound
    assert len(np.unique(values)) > 20


def test_ends_of_a_range_move_together_and_the_two_of_a_pair_apart():
    ranges = [(each["lo"], each["hi"]) for each in drawn(row("0.40..0.80", 0.4, 0.8, "range"))]
    assert all(high == pytest.approx(2 * low, rel=0.1) for low, high in ranges)
    pairs = [each["hi"] / each["lo"] for each in drawn(row("40 vs 80", 40.0, 80.0, "pair"))]
    assert min(pairs) < 1 < 4 < max(pairs)


def test_claims_without_a_number_stay():
    assert (
        invented({"A": row("yes", float("nan"), kind="qualitative")}, ["A"], np.random.default_rng(0)) == {}
    )


@pytest.mark.parametrize(
    ("given", "values", "text"),
    [
        (row("0.057", 0.057), (0.031234,), "0.0312"),
        (row("0.057", 0.057), (0.31234,), "0.312"),
        (row("70", 70.0), (33.4,), "33"),
        (row("5.2e-05", 5.2e-05), (9.13e-05,), "0.000091"),
        (row("78->76", 78.0, 76.0, "pair"), (50.0, 60.4), "50->60"),
        (row("0.76 vs 0.77", 0.76, 0.77, "pair"), (0.1, 0.9), "0.100 vs 0.900"),
        (row("0.0..0.1", 0.0, 0.1, "range"), (0.0, 0.5), "0.0..0.5"),
    ],
)
def test_other_values_are_printed_as_the_report_prints(given, values, text):
    found = reprinted(given, *values)
    assert found["value"] == text
    assert found["lo"] == float(text.replace("->", " ").replace(" vs ", " ").replace("..", " ").split()[0])


def test_a_rule_judges_other_rows_than_the_printed_ones():
    rule = single("x", "A", lambda own: under_null(own, 0.0, 1.0, "null"), null=lambda rng: 0.5)
    rows = {"A": row("3.0", 3.0)}
    assert rule.said(rows)["A"].word == "above chance"
    assert rule.said(rows, rule.null(rows, np.random.default_rng(0)))["A"].word == "at chance"


def test_what_follows_is_planted_as_it_follows():
    rule = follows("sum", "A", lambda rows: (rows["B"]["lo"] * 2, rows["B"]["lo"] * 2), "twice")
    rows = {"A": row("5", 5.0), "B": row("2", 2.0)}
    assert rule.said(rows)["A"] == ("arithmetic fails", "twice: 4")
    assert rule.planted == TRUE
    assert rule.said(rows, rule.plant(rows, np.random.default_rng(0)))["A"].word == "arithmetic holds"


def test_the_same_may_be_said_whatever_is_printed():
    rules = [*without_null("none", {"A": "a setting"}), always("open", "B", Scrutiny("undecided", "x"))]
    assert judged(rules, {"A": row("1", 1.0), "B": row("1", 1.0)}) == {
        "A": no_null("a setting"),
        "B": ("undecided", "x"),
    }
    assert not any(rule.reads_value for rule in rules)
