"""The numbers of chapter 00's sentences, on tables in which all, none and one of the rows are what is counted."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from emotion_utils.calibration import findings, planted_findings
from emotion_utils.calibration.methods import METHODS


@pytest.mark.parametrize(
    ("verdicts", "missed"), [(["missed"] * 2, 2), (["in range"] * 2, 0), (["in range", "missed"], 1)]
)
def test_statements_are_counted_and_the_missed_ones_handed_on(verdicts, missed):
    facts = pd.DataFrame({"formula": ["f", "g"], "verdict": verdicts, "value": [1.0, 2.0]})
    found = findings.stated(facts)
    assert (found.statements, sum(found.counts.values())) == (2, 2)
    assert [row.value for row in found.missed] == [1.0, 2.0][2 - missed :]


def test_the_switches_are_followed_at_both_scales():
    keys = itertools.product(
        [1, 10], ["decaying", "flat"], ["float32", "float64"], ["clipped", "orthonormal"]
    )
    switched = pd.DataFrame(keys, columns=["scale", "spectrum", "precision", "basis"])
    switched["value"] = switched["scale"].astype(float)
    switched.loc[switched["spectrum"] == "flat", "value"] += 0.1
    switched.loc[switched["precision"] == "float64", "value"] += 0.2
    switched.loc[switched["basis"] == "orthonormal", "value"] += 0.4
    facts = pd.DataFrame({"setting": ["float64, orthonormal, shuffled pairs"], "value": [9.0]})
    found = findings.causes(switched, facts)
    assert found.path == pytest.approx((10.0, 10.2, 10.6, 10.7))
    assert found[1:] == pytest.approx((1.0, 1.2, 1.6, 9.0, 1.7, 1.1, 1.4))


@pytest.mark.parametrize(
    ("reported", "inside"),
    [({"a": 0.1, "b": 0.9}, ("a", "b")), ({"a": 0.05, "b": 1.0}, ()), ({"a": 0.5, "b": 1.0}, ("a",))],
)
def test_reported_values_inside_the_curve_are_named(reported, inside):
    facts = pd.DataFrame(
        {
            "formula": ["published_phase8"] * 3 + ["published_phase35"],
            "setting": ["scale 1", "scale 10", "shuffled", "scale 1"],
            "value": [0.8, 0.2, 0.0, 0.0],
            "low": [0.7, 0.1, 0.0, 0.0],
            "high": [0.9, 0.3, 1.0, 1.0],
        }
    )
    assert findings.scales(facts, reported) == ({"scale 1": 0.8, "scale 10": 0.2}, inside)


def test_a_change_of_unit_is_the_largest_of_all_scores_in_either_direction():
    best = pd.DataFrame(
        {"score": ["r2", "overlap"], "value": [0.5, 0.4], "null": [0.0, 0.3], "p": [0.5, 0.04]}
    )
    rescaled = {0.01: best.assign(value=[0.5, 0.4]), 100.0: best.assign(value=[0.45, 0.42])}
    assert findings.sound(best, best, rescaled) == pytest.approx((0.4, 0.3, 0.04, 0.1))
    assert findings.sound(best, best, {2.0: best}).moved == 0.0


@pytest.mark.parametrize(
    ("low", "high", "compatible", "above"),
    [
        ([0.04, 0.05], [0.06, 0.07], 2, 0),
        ([0.06, 0.07], [0.08, 0.09], 0, 2),
        ([0.01, 0.04], [0.04, 0.06], 1, 0),
    ],
)
def test_rates_are_compatible_with_the_level_above_it_or_below(low, high, compatible, above):
    rows = {"null": "independent", "score": "a", "rate": [0.05, 0.06], "low": low, "high": high}
    torn = {"null": "torn", "score": ["a", "b"], "rate": [0.3, 0.2], "low": 0.1, "high": 0.4}
    found = findings.false_positives(pd.concat([pd.DataFrame(rows), pd.DataFrame(torn)], ignore_index=True))
    assert found[:7] == (2, compatible, above, 0.05, 0.06, 0.2, 0.3)
    assert found.worst["score"] == "a"


@pytest.mark.parametrize(("low", "undecided"), [([0.5, 0.4], 2), ([0.51, 0.6], 0), ([0.6, 0.3], 1)])
def test_a_formula_is_undecided_where_its_bounds_hold_one_half(low, undecided):
    believed = pd.DataFrame(
        {"believed": ["10 x chance", "0.5", "10 x chance"], "scale": [1, 1, 10], "rate": 0.7}
    )
    apart = pd.DataFrame({"AUROC": [0.4, 0.8], "low": low, "high": [0.9, 0.9]})
    found = findings.unrelated(believed, apart)
    assert [row.Index for row in found.reached] == [0]
    assert found[1:] == pytest.approx((0.4, 0.8, 0.6, undecided, 2))


def test_power_is_looked_up_by_share_and_rows():
    shares, rows = (0.2, 0.3, 0.5), (70, 225)
    table = pd.DataFrame(itertools.product(shares, rows, METHODS), columns=["strength", "rows", "score"])
    table["rate"] = table["strength"] + table["rows"] / 1000
    table.loc[table["score"] == "overlap", "rate"] /= 2
    found = findings.power(table, *shares)
    assert found.found["r2"] == pytest.approx((0.37, 0.525, 0.57, 0.725))
    assert found.weakest == "overlap"
    assert found.at_best == pytest.approx(0.27)


@pytest.mark.parametrize(
    ("overlap", "logits", "holds"), [(1.0, 1e-6, True), (0.99, 1e-6, False), (1.0, 1e-3, False)]
)
def test_a_twin_is_the_same_function_when_both_overlap_and_logits_say_so(overlap, logits, holds):
    exact = pd.DataFrame(
        {"small penalty": [1.0, overlap], "default penalty": 0.9, "logits differ by": [0.0, logits]}
    )
    noise = pd.DataFrame(
        {"noise": [0.3, 0.3, 10.0], "rows": [70, 225, 225], "rate": [0.1, 0.95, 0.2], "low": 0.05, "n": 40}
    )
    found = findings.twin(exact, noise, 0.3)
    assert found == (holds, overlap, logits, 0.9, 225, 40, 0.95, 0.05, 10.0, 0.2, 0.2)


def test_recovery_is_judged_with_many_pairs_and_little_noise():
    methods = ["difference of means", "centred class means", "logistic"]
    keys = itertools.product(methods, [70, 225], [0.1, 0.3, 1.0])
    cosines = pd.DataFrame(keys, columns=["method", "pairs", "noise"])
    cosines["cosine"] = 1 - cosines["noise"] / 10 - (cosines["pairs"] == 70) * 0.05
    cosines["expected"], cosines["planted"], cosines["draws"] = 0.98, 0.8, 7
    cosines["low"] = cosines["cosine"] - 0.1
    models = pd.DataFrame({"model": ["a", "a", "a", "b"], "strength": [1.0, 2.0, 9.0, 4.0], "noise": 0.5})
    found = planted_findings.recovery(cosines, models)
    assert found.off_at == (70, 1.0)
    assert found[:5] == pytest.approx((0.97, 0.87, 7, 0.01, 0.13))
    assert found[6:10] == pytest.approx((0.8, 0.99, 0.85, 0.85))
    assert [tuple(row) for row in found.models] == [("a", 2.0, 0.5), ("b", 4.0, 0.5)]


@pytest.mark.parametrize(("low", "above"), [(0.06, 3), (0.01, 0)])
def test_false_positives_of_the_direction_tests_leave_out_unequal_spread(low, above):
    tests = ["AUROC", "no emotion", "one emotion"]
    nulls = [
        ("alike", "AUROC"),
        ("alike", "no emotion"),
        ("one direction", "one emotion"),
        ("unlike", "no emotion"),
    ]
    false = pd.DataFrame(nulls, columns=["null", "score"]).assign(
        rate=[0.04, 0.05, 0.01, 0.9], low=[low, low, low, 0.8], high=1.0, n=100
    )
    power = pd.DataFrame(
        itertools.product(tests, [3.0, 8.0], [70, 225]), columns=["score", "strength", "rows"]
    )
    power["rate"] = power["rows"] / 1000 + power["strength"] / 100
    found = planted_findings.direction_tests(false, power)
    assert (found.auroc, found.no_emotion, found.one_emotion, found.unequal["rate"]) == (
        0.04,
        0.05,
        0.01,
        0.9,
    )
    assert (found.draws, found.rates, found.above) == (100, 3, above)
    assert found.power["no emotion"] == pytest.approx((0.1, 0.255))
    assert found.strongest == pytest.approx(0.305)


def test_a_dictionary_is_read_at_the_least_noise_and_its_share_at_the_largest():
    learner = planted_findings.LEARNER
    methods = [learner, f"{learner}, no atoms", "principal components", "random directions"]
    atoms = pd.DataFrame(itertools.product([0.1, 1.0], methods), columns=["noise", "method"])
    atoms["share"], atoms["mean"] = atoms.index / 10, atoms.index / 100
    found = planted_findings.dictionary(atoms)
    assert (found.learned["share"], found.nothing["share"]) == pytest.approx((0.0, 0.1))
    assert found[2:] == pytest.approx((0.02, 0.03, 0.4))


@pytest.mark.parametrize(("rates", "sure"), [([0.95, 1.0], 2), ([0.94, 0.5], 0), ([0.94, 0.96], 1)])
def test_methods_that_find_the_planted_head_are_counted_without_attention(rates, sure):
    first = pd.DataFrame(
        {"score": ["patching", "ablation", planted_findings.ATTENTION], "rate": [*rates, 1.0], "decoy": 0.25}
    )
    noise = pd.DataFrame(
        {"score": ["patching", "ablation"] * 2, "noise": [0, 0, 2, 2], "rate": [1, 1, 0.2, 0.6]}
    )
    false = pd.DataFrame(
        {"null": ["whole", "whole", "torn"], "rate": [0.04, 0.06, 0.5], "low": [0.01, 0.055, 0.4], "n": 50}
    )
    found = planted_findings.heads(first, noise, false, pd.DataFrame({"rate": [0.75]}))
    assert (found.causal, found.sure, found.least_rate) == (2, sure, min(rates))
    assert (found.attention, found.decoy, found.without_decoys) == (1.0, 0.25, 0.75)
    assert (found.robust, found.robust_rate, found.loudest) == ("ablation", 0.6, 2)
    assert found[10:] == (0.04, 0.06, 50, 1, 2, 0.5, 0.5)


@pytest.mark.parametrize(
    ("rates", "enough", "below", "above"),
    [([0.95, 0.95, 0.95], 8, 0, 0), ([0.9, 0.98, 0.95], 20, 1, 1), ([0.99, 0.95, 0.96], 12, 0, 1)],
)
def test_coverage_counts_rates_outside_the_promise(rates, enough, below, above):
    covered = pd.DataFrame({"interval": "mean", "effect": 0.0, "units": [8, 12, 20], "rate": rates})
    hard = pd.DataFrame({"interval": ["a", "b"], "units": 8, "rate": [0.8, 0.7]})
    found = planted_findings.coverage(covered, hard)
    assert (found.few_least, found.few_most) == (rates[0], rates[0])
    assert (found.enough, found.rates, found.below, found.above) == (enough, 3, below, above)
    assert (found.least["rate"], found.most["rate"]) == (min(rates), max(rates))
    assert found.hardest["interval"] == "b"


@pytest.mark.parametrize(
    ("p", "other", "holds"), [(0.0, 0.0, True), (0.05, 0.01, True), (0.051, 0.0, False), (0.0, -0.02, False)]
)
def test_a_section_holds_when_nothing_moved_by_more_than_a_step(p, other, holds):
    table = pd.DataFrame({"seed": [0, 0, 1], "difference": [0.0, -p, 0.0]})
    found = planted_findings.repeated(table, 19, pd.DataFrame({"difference": [other]}))
    assert found == pytest.approx((3, 2, p, 0.05, holds, 1, abs(other)))
    assert planted_findings.repeated(table, 19)[5:] == (0, 0.0)
