"""The fast versions of the published formulas give the published numbers, and wrong pairs give as much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sided

from emotion_utils.alignment.map_findings import published_findings
from emotion_utils.reports.published_alignment import (
    Case,
    all_pairs,
    case_of,
    phase8,
    phase35,
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


def test_the_variants_of_the_published_table_are_found_by_name(case):
    table = published_table(case, case, 3, 3)
    found, after = published_findings(table), table.set_index(["formula", "variant"])["after"]
    assert found.phase8.after == after["Phase 8", "as published (float64)"]
    assert found.float64.after == after["Phase 3.5", "float64"]
    assert [one.formula for one in found.scaled] == ["Phase 3.5", "Phase 8"]


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
