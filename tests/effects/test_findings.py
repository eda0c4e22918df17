"""The numbers of chapter 08's sentences, counted by hand, where all, none and one of the rows count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestPower

from emotion_utils.effects import findings

NAN = float("nan")


def table_of(rows: list[tuple[float, int, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["p", "n_units", "n", "warning"])


def test_effects_with_a_test_are_counted_and_warnings_said_once():
    rows = [(0.2, 10, 48, "b"), (NAN, 2, 6, ""), (0.01, 12, 60, "a"), (0.5, 10, 48, "b")]
    about = findings.collection(table_of(rows))
    assert about == (4, 3, (2, 12), (6, 60), ("a", "b"))
    assert findings.collection(table_of(rows[1:2])) == (1, 0, (2, 2), (6, 6), ())
    assert findings.collection(table_of(rows[:1])).tested == 1


def test_intervals_that_leave_zero_out_are_counted_on_both_sides():
    columns = ["chapter", "is_control", "d_z", "d_low", "d_high"]
    rows = [
        ("05_steering", False, 2.0, 1.0, 3.0),
        ("05_steering", False, -1.0, -2.0, -0.1),
        ("05_steering", False, 0.5, 0.0, 1.0),
        ("05_steering", True, 0.1, -1.0, 1.0),
        ("06_head_screening", False, 0.4, 0.1, 0.7),
    ]
    counted = findings.clear_intervals(pd.DataFrame(rows, columns=columns))
    assert counted[0] == ("05_steering", False, 2, 3, 1.0)
    assert counted[1] == ("05_steering", True, 0, 1, 0.1)
    assert counted[2] == ("06_head_screening", False, 1, 1, 0.4)
    assert findings.clear_intervals(pd.DataFrame([], columns=columns)) == []


def families() -> pd.DataFrame:
    columns = ["chapter", "is_control", "tests", "none", "benjamini_hochberg", "holm", "max_t"]
    rows = [
        ("05_steering", False, 40, 20, 10, 5, 6),
        ("05_steering", True, 60, 3, 0, 0, 0),
        ("06_head_screening", False, 60, 30, 20, 15, 16),
    ]
    left = {
        "effect": [10, 0, 20], "unchanged": [1, 2, 3], "equivalent": [0, 58, 0], "open": [29, 0, 37],
        "power": [0.2, NAN, 0.9],
    }  # fmt: skip
    return pd.DataFrame(rows, columns=columns).assign(**left)


def test_findings_are_added_up_over_families_with_what_chance_would_give():
    effects, controls = findings.corrected(families())
    assert effects[:6] == (False, 100, 50, 30, 20, 22)
    assert controls[:6] == (True, 60, 3, 0, 0, 0)
    assert (effects.by_chance, controls.by_chance) == pytest.approx((5, 3))
    assert [row.is_control for row in findings.corrected(families().iloc[1:2])] == [True]


@pytest.mark.parametrize(("units", "tests", "too_high"), [(4, 1, True), (10, 25, False), (10, 64, True)])
def test_the_least_p_is_that_of_all_patterns_of_signs(units, tests, too_high):
    floor = findings.floor_of(table_of([(0.5, units, 48, "")] * tests))
    assert floor[:2] == (units, tests)
    assert floor.p == pytest.approx(2 / 2**units)  # the pattern itself and its mirror image
    assert floor.too_high == too_high == (tests * 2 / 2**units > 0.05)


def test_without_a_family_nothing_is_too_high_for_it():
    floor = findings.floor_of(table_of([]))
    assert (floor.units, floor.tests, floor.too_high) == (0, 0, False)


def test_needed_pairs_beside_the_rule_of_the_reports():
    table = findings.needed_pairs([0.2, 0.5])
    assert table["rule"].tolist() == [225, 36]
    solved = [TTestPower().solve_power(d, power=0.8, alpha=0.05) for d in (0.2, 0.5)]
    assert table["needed"].tolist() == [int(np.ceil(n)) for n in solved]
    has = [TTestPower().power(d, n, 0.05) for d, n in ((0.2, 225), (0.5, 36))]
    assert table["power"].tolist() == pytest.approx(has, abs=1e-9)


def test_a_design_finds_what_the_power_analysis_says():
    rows = [(0.5, 9, 30, ""), (0.5, 10, 40, ""), (0.5, 30, 90, "")]
    can = findings.design(table_of(rows), 70)
    assert (can.pairs, can.units) == (40, 10)
    for d, n in ((can.least, 70), (can.least_by_pairs, 40), (can.least_by_units, 10)):
        assert TTestPower().power(d, n, 0.05) == pytest.approx(0.8, abs=1e-4)
    assert can.small == pytest.approx(TTestPower().power(0.2, 70, 0.05), abs=1e-9)
    alone = findings.design(table_of([(NAN, 1, 1, "")]), 70)
    assert (
        alone.least_by_pairs == alone.least_by_units
    )  # fewer than two pairs find nothing; two are the least


def test_outcomes_are_added_up_by_chapter_and_in_all():
    by_chapter = findings.outcomes(families())
    assert by_chapter["effect"].tolist() == [10, 0, 20]
    assert by_chapter["open"].tolist() == [29, 0, 37]
    assert by_chapter["power"].tolist() == pytest.approx([0.2, NAN, 0.9], nan_ok=True)
    trials = pd.DataFrame(
        {"design": ["normal", "normal"], "effect": [0.0, 0.5], "equivalent": [30, 999], "n": [1000, 1000]}
    )
    total = findings.all_outcomes(by_chapter, trials)
    assert total == (160, 30, 6, 58, 66, pytest.approx(0.03))


@pytest.mark.parametrize(
    ("words", "inside", "undecided"),
    [
        (["at chance", "above chance"], 1, 0),
        (["at chance", "at chance"], 2, 0),
        (["undecided", "at chance"], 1, 1),
        (["above chance", "undecided"], 0, 1),
    ],
)
def test_reported_overlaps_are_counted_by_the_word_of_the_scrutiny(words, inside, undecided):
    by_k = pd.DataFrame({"k": [1, 2, 2], "best": [0.9, 0.3, 0.5], "chance_best": [0.1, 0.4, 0.4]})
    table = pd.DataFrame({"report": 0.5, "low": 0.1, "high": 0.6, "scrutiny": words})
    assert findings.k_resamples(by_k, table) == (inside, undecided, 2, (0.3, 0.5), 0.4)


def test_fits_that_did_not_converge_are_left_out_of_the_same_answers():
    table = pd.DataFrame(
        {
            "converged": [True, True, True, False],
            "same": [True, False, True, True],
            "between": [0.1, 0.3, 0.2, 0.9],
        }
    )
    assert findings.same_answer(table) == (2, 3, 1, pytest.approx(0.2), pytest.approx(0.3))
    assert findings.same_answer(table.iloc[:1]) == (1, 1, 0, pytest.approx(0.1), pytest.approx(0.1))
    assert findings.same_answer(table.iloc[3:]) is None


def test_simulations_are_told_by_kind_of_data():
    shapes = pd.DataFrame(
        {
            "shape": ["symmetric", "counts", "skewed"],
            "coverage_low": [0.94, 0.93, 0.85],
            "coverage_high": [0.96, 0.95, 0.90],
            "size_low": [0.04, 0.03, 0.05],
            "size_high": [0.05, 0.06, 0.09],
            "within": [True, True, False],
        }
    )
    again = pd.DataFrame(
        {
            "design": ["normal", "log-normal", "normal"],
            "effect": [0.0, 0.0, 0.5],
            "covered": [190, 180, 1],
            "n": 200,
        }
    )
    sim = findings.simulated(shapes, again)
    assert sim[:3] == ((0.94, 0.96), (0.04, 0.05), 0.06)
    assert (sim.outside, sim.worst, sim.data_sets) == (("skewed",), 0.85, 200)
    assert sim.covered == {"normal": 0.95, "log-normal": 0.9}
