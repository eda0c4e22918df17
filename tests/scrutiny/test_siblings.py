"""Counts of posts, sums over labels, shares of parts of models that were trained once."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest


def test_flipped_signs_give_the_p_values_of_the_siblings(said, rows):
    assert "p = 0.81" in said["C.knockout.L22.mean"].note
    assert "p = 0.28" in said["C.knockout.mean"].note
    # of 2^7 patterns of signs, which differ by whole tenths, those as far from 0 as the observed one
    labels = [
        c
        for c in rows
        if c.startswith("C.knockout.") and not c.endswith(("mean", "random")) and "L22" not in c
    ]
    tenths = [round((rows[c]["lo"] - rows[c]["hi"]) * 10) for c in labels]
    sums = [abs(np.dot(signs, tenths)) for signs in product((-1, 1), repeat=len(tenths))]
    assert f"p = {np.mean([s >= abs(sum(tenths)) for s in sums]):.2g}" in said["C.knockout.mean"].note


@pytest.mark.parametrize(
    ("claim", "printed", "word"),
    [
        ("C.knockout.food", ("-62.5 vs -95.0", -62.5, -95.0), "arithmetic holds"),
        ("C.knockout.food", ("-99.9 vs -0.1", -99.9, -0.1), "arithmetic fails"),
        ("C.knockout.L22.mean", ("-60.0 vs -74.2", -60.0, -74.2), "arithmetic fails"),
        ("C.f1.tfidf", ("67.6", 67.6), "above chance"),
        ("C.f1.tfidf", ("83.5", 83.5), "at chance"),
        ("C.f1.jpn", ("84.2", 84.2), "undecided"),
        ("C.f1.jpn", ("95.0", 95.0), "above chance"),
        ("C.sae.highd", ("1490 vs 904", 1490.0, 904.0), "undecided"),
        ("C.sae.highd", ("910 vs 904", 910.0, 904.0), "at chance"),
        ("C.sae.specific", ("54.3 vs 53.8", 54.3, 53.8), "at chance"),
        ("C.circuit.jpn", ("28", 28.0), "undecided"),
        ("C.circuit.jpn", ("15", 15.0), "at chance"),
        ("C.circuit.late", ("0.96", 0.96), "undecided"),
        ("C.circuit.late", ("0.60", 0.60), "at chance"),
        ("C.circuit.sum", ("2.3", 2.3), "undecided"),
        ("C.circuit.sum", ("2.1", 2.1), "at chance"),
        ("C.sparsity.top20", ("14.3 vs 16.6", 14.3, 16.6), "at chance"),
        ("C.sparsity.top20", ("10.0 vs 16.6", 10.0, 16.6), "undecided"),
        ("C.sae.variety", ("0.76 vs 0.77", 0.76, 0.77), "arithmetic fails"),
        ("C.sae.variety", ("0.10 vs 0.10", 0.10, 0.10), "arithmetic holds"),
        ("C.sae.variety", ("1.60 vs 1.60", 1.60, 1.60), "arithmetic holds"),
        ("C.variants.k20", ("0.579 vs 0.501", 0.579, 0.501), "undecided"),
        ("C.variants.k20", ("0.502 vs 0.501", 0.502, 0.501), "at chance"),
        ("C.variants.k20", ("0.901 vs 0.501", 0.901, 0.501), "above chance"),
        ("C.cue.hobby", ("0.54 vs 0.55", 0.54, 0.55), "at chance"),
    ],
)
def test_both_answers(word_of, claim, printed, word):
    assert word_of(claim, printed={claim: printed}).word == word


def test_fewer_active_features_alone_give_a_larger_share(said):
    # 16.6 x 460 / 568 = 13.4, less than the printed 14.3
    assert 16.6 * 460 / 568 < 14.3
    assert "1.16 times" in said["C.sparsity.top20"].note
    assert "1.23 times" in said["C.sparsity.top20"].note


def test_recall_is_a_whole_number_of_posts(word_of):
    assert "101 and 76 of 114" in word_of("C.knockout.manufacturer").note


def test_variety_is_bounded_by_the_printed_counts(said):
    # 869 features of one label and 621 of 107 at most, over 26 layers of 4 x 2304
    most = (1490 * 0.583 + 1490 * 0.417 * 107) / 239_616
    assert f"{most:.3g} at most over all 239,616 features" in said["C.sae.variety"].note
