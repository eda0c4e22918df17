"""The fast versions of the published formulas give the published numbers, and wrong pairs give as much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sided

from emotion_utils.reports.published_alignment import (
    Case,
    all_pairs,
    case_of,
    phase8,
    phase35,
    published_findings,
    published_gap,
    published_table,
    word_case,
)
from emotion_utils.subspaces.measures import published_phase8, published_phase35


@pytest.fixture(scope="module")
def case():
    return case_of(*sided.two_of_one_world(), sided.rows())


@pytest.mark.parametrize("options", [{}, {"dtype": np.float64}, {"dtype": np.float64, "renormalised": True}])
def test_phase_35_is_the_published_formula_for_any_pairing(case, options):
    orders = case.orders(2, 0)
    _, found = phase35(case, 4, orders, **options)
    for value, order in zip(found, orders, strict=True):
        neutral = case.source_neutral, case.target_neutral[order]
        direct = [
            published_phase35(*neutral, case.source[e], case.target[e], 4, **options) for e in case.source
        ]
        assert value == pytest.approx(np.mean(direct), rel=1e-5)


def test_phase_8_is_the_published_formula_for_any_pairing(case):
    orders = case.orders(2, 0)
    before, found = phase8(case, 4, orders)
    for value, order in zip(found, orders, strict=True):
        neutral = case.source_neutral[order], case.target_neutral
        direct = [published_phase8(*neutral, case.source[e], case.target[e], 4) for e in case.source]
        assert value == pytest.approx(np.mean([after for _, after in direct]), rel=1e-9)
        assert before == pytest.approx(np.mean([first for first, _ in direct]))


def test_unrelated_models_reach_the_published_score_with_any_pairs():
    groups = np.repeat(np.arange(20), 3)

    def model(seed):
        own = np.random.default_rng(seed)
        basis = np.linalg.qr(own.normal(size=(96, 96)))[0] * np.arange(1, 97) ** -1.0
        return own.normal(size=(60, 96)) @ basis.T, {"anger": own.normal(size=(40, 96)) @ basis.T}

    (x, a), (y, b) = model(1), model(2)
    found = Case(x, 10 * y, a, {e: 10 * v for e, v in b.items()}, groups)
    _, after = phase35(found, 8, found.orders(19, 0))
    assert after[0] > 0.5
    assert abs(after[0] - after[1:].mean()) < 0.2


def test_the_table_has_each_variant_beside_wrong_pairs(case):
    table = published_table(case, case, k=4, n_permutations=9)
    assert len(table) == 8
    assert (table["chance"] == 1 / 20).all()
    assert table["p"].between(0.1, 1).all()
    eight = table[table["formula"] == "Phase 8"]["after"]
    assert eight.iloc[1] > eight.iloc[0] > eight.iloc[2]


def test_all_ordered_pairs_are_there():
    one, other = sided.two_of_one_world()
    table = all_pairs({"m0": one, "m1": other}, sided.rows(), k=4, n_permutations=3)
    assert list(zip(table["source"], table["target"], strict=True)) == [("m0", "m1"), ("m1", "m0")]


@pytest.mark.parametrize(
    ("double", "eight", "rounding", "below"),
    [(0.4, 0.2, True, True), (0.45, 0.3, False, False), (0.4, 0.3, True, False), (0.9, 0.1, False, True)],
)
def test_what_the_published_formulas_say(double, eight, rounding, below):
    """Twice the float64 value, and the wrong pairs of Phase 8 at 0.3, are where the words change."""
    after = {
        "Phase 3.5": {"as published (float32)": 0.9, "target x 0.0078": 0.1, "target x 128": 0.95}
        | {"float64": double, "float64, orthonormal": 0.5},
        "Phase 8": {"as published (float64)": eight, "target x 0.0078": 0.2, "target x 128": 0.25},
    }
    about = {
        "k": 10,
        "n": 60,
        "before": 0.01,
        "chance": 0.02,
        "permuted": 0.3,
        "permuted_high": 0.4,
        "p": 0.05,
    }
    rows = [
        {"formula": formula, "variant": variant, "after": value, **about}
        for formula, variants in after.items()
        for variant, value in variants.items()
    ]
    found = published_findings(pd.DataFrame(rows))
    assert found.phase35 == (10, 0.01, 0.02, 0.9, 0.3, 0.05)
    assert (found.float64.after, found.orthonormal.after, found.phase8.after) == (double, 0.5, eight)
    assert found.scaled == (("Phase 3.5", 0.1, 0.95), ("Phase 8", 0.2, 0.25))
    assert (found.rounding, found.phase8_below) == (rounding, below)


def test_the_variants_of_the_published_table_are_found_by_name(case):
    table = published_table(case, case, 3, 3)
    found, after = published_findings(table), table.set_index(["formula", "variant"])["after"]
    assert found.phase8.after == after["Phase 8", "as published (float64)"]
    assert found.float64.after == after["Phase 3.5", "float64"]
    assert [one.formula for one in found.scaled] == ["Phase 3.5", "Phase 8"]


def test_the_mean_gap_between_right_and_wrong_pairs():
    table = pd.DataFrame({"after": [0.9, 0.8, 1.0], "permuted": [0.9, 0.9, 0.6]})
    assert published_gap(table) == pytest.approx((0.9, 0.8, 0.1))
    assert published_gap(table.iloc[:1]) == pytest.approx((0.9, 0.9, 0.0))


def test_without_emotion_words_the_formula_of_phase_8_is_left_out(case):
    """Everything of Phase 3.5 is as it is with words."""
    whole, part = (published_table(case, word, 3, 5) for word in (case, None))
    pd.testing.assert_frame_equal(whole[whole["formula"] == "Phase 3.5"], part)
    found = published_findings(part)
    assert found.phase8 is None
    assert not found.phase8_below
    assert [one.formula for one in found.scaled] == ["Phase 3.5"]
    one, other = sided.two_of_one_world()
    table = sided.prompts().assign(match_start=pd.NA)
    assert word_case(one, other, table, sided.rows()) is None
