"""The numbers of Chapter 4's sentences about kinds of maps, where all, none and one of the maps stand out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.alignment import map_findings
from emotion_utils.alignment.map_findings import chapter_findings, published_findings, published_gap
from emotion_utils.ledger import headlines
from emotion_utils.record.record_file import rows_of

VARIANTS = [
    "as published (float32)",
    "target x 128",
    "float64",
    "float64, orthonormal",
    "as published (float64)",
]
PUBLISHED = pd.DataFrame(
    {
        "formula": ["Phase 3.5"] * 4 + ["Phase 8"], "variant": VARIANTS, "k": 10, "n": 70, "before": 0.001,
        "chance": 0.002, "after": [0.993, 1, 0.658, 0.27, 0.25], "permuted": [0.998, 1, 0.667, 0.25, 0.35],
        "permuted_high": 1.0, "p": 0.9,
    }
)  # fmt: skip
BEST = pd.DataFrame(
    {
        "score": ["r2", "r2", "overlap", "overlap", "probe", "probe"],
        "value": [0.2, 0.3, 0.5, 0.52, 0.94, 0.96],
        "null": [-0.1, -0.2, 0.53, 0.53, 0.83, 0.85],
        "p": [0.001, 0.001, 0.75, 0.94, 0.002, 0.2],
    }
)
SIMILAR = pd.DataFrame({"value": [0.56], "low": [0.5], "high": [0.6], "null_high": [0.1], "words": [0.53]})


def test_the_map_furthest_above_its_own_wrong_pairs():
    columns = ["score", "map", "value", "null", "z", "corrected", "small", "pairs"]
    rows = [("r2", "ridge", 0.5, 0.4, 2.0, 0, 1, 3), ("r2", "CCA", 0.3, 0.1, 4.0, 2, 3, 3)]
    rows += [("probe", "ridge", 0.9, 0.5, 3.0, 0, 0, 3), ("probe", "CCA", 0.6, 0.5, 1.0, 0, 0, 3)]
    r2, probe = map_findings.best_maps(pd.DataFrame(rows, columns=columns))
    assert r2 == ("r2", ("ridge", 0.5, 0.4, 2.0), ("CCA", 0.3, 0.1, 4.0), 2, 4, 6)
    assert probe == ("probe", ("ridge", 0.9, 0.5, 3.0), ("ridge", 0.9, 0.5, 3.0), 0, 0, 6)
    table = pd.DataFrame(rows, columns=columns)
    assert map_findings.gain_over_ridge(table, "CCA") == pytest.approx(-0.2)
    assert map_findings.gain_over_ridge(table, "CCA", "probe") == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("ridge", "others", "counts"),
    [
        ((0.05, 0.01), (0.01, 0.05), (0, 0, 0, 4)),  # it finds everything, and so do the others
        ((0.01, 0.01), (0.06, 0.05), (0, 0, 2, 4)),
        ((0.2, 0.2), (0.2, 0.2), (0, 4, 0, 0)),  # nobody finds anything
        ((0.2, 0.2), (0.01, 0.033), (4, 4, 0, 0)),
        ((0.2, 0.2), (0.01, 0.04), (2, 4, 0, 0)),  # of three tests, two of 0.04 become 0.06
        ((0.2, 0.01), (0.01, 0.2), (2, 2, 2, 2)),
    ],
)
def test_others_are_counted_where_the_ridge_finds_nothing_and_where_it_does(ridge, others, counts):
    rows = [
        {"source": "a", "target": "b", "score": score, "map": name, "p": p}
        for name, ps in {"ridge": ridge, "CCA": others, "Procrustes": others}.items()
        for score, p in zip(("r2", "probe"), ps, strict=True)
    ]
    found = map_findings.beside_ridge(pd.DataFrame(rows))
    assert (found.gained, found.n_without, found.lost, found.n_with) == counts


def test_the_ends_of_what_the_calibration_found():
    columns = ["map", "score", "rate", "low", "high", "n"]
    false = [("ridge", "r2", 0.04, 0.02, 0.08, 300), ("CCA", "overlap", 0.06, 0.03, 0.09, 300)]
    power = [("ridge", "overlap", 0.5, 0.4, 0.6, 60), ("CCA", "overlap", 0.7, 0.6, 0.8, 60)]
    power.append(("ridge", "r2", 0.9, 0.8, 1.0, 60))  # another score
    tables = [pd.DataFrame(rows, columns=columns) for rows in (false, power)]
    found = map_findings.map_errors(*tables)
    assert found[:5] == (300, (0.04, 0.06), 0.02, 0.09, 60)
    assert found.weakest == ("ridge", 0.5, 0.4, 0.6)
    assert found.strongest == ("CCA", 0.7, 0.6, 0.8)
    one = map_findings.map_errors(tables[0].iloc[:1], tables[1].iloc[:1])
    assert one.false == (0.04, 0.04)
    assert one.weakest == one.strongest == ("ridge", 0.5, 0.4, 0.6)


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


def test_the_mean_gap_between_right_and_wrong_pairs():
    table = pd.DataFrame({"after": [0.9, 0.8, 1.0], "permuted": [0.9, 0.9, 0.6]})
    assert published_gap(table) == pytest.approx((0.9, 0.8, 0.1))
    assert published_gap(table.iloc[:1]) == pytest.approx((0.9, 0.9, 0.0))


def test_every_score_stands_beside_its_null():
    table = chapter_findings(PUBLISHED, BEST, SIMILAR)
    assert list(rows_of(table)[0]) == ["finding", "value", "low", "high", "null", "n"]
    by_name = table.set_index("finding")[["value", "null"]].round(6).apply(tuple, axis=1)
    assert by_name["published score of Phase 3.5; null: wrong pairs"] == (0.993, 0.998)
    assert by_name["the same in float64, orthonormal rows; null: wrong pairs"] == (0.27, 0.25)
    assert by_name["published score of Phase 8; null: wrong pairs"] == (0.25, 0.35)
    assert by_name["held-out R² of neutral rows; null: wrong pairs"] == (0.25, -0.15)
    assert by_name[headlines.PROBE] == (0.95, 0.84)
    assert by_name[headlines.PROBE_SMALL] == (0.5, 0.05)
    assert len(table) == 12


def test_an_interval_stands_where_there_is_one_pair():
    one = chapter_findings(PUBLISHED, BEST, SIMILAR).set_index("finding")
    assert one.loc[headlines.GEOMETRY, ["value", "low", "high", "null"]].tolist() == [0.56, 0.5, 0.6, 0.1]
    assert one.loc[headlines.WORDS_ALONE, "value"] == 0.53
    two = chapter_findings(PUBLISHED, BEST, pd.concat([SIMILAR, SIMILAR * 0.5])).set_index("finding")
    assert np.isclose(two.loc[headlines.GEOMETRY, "value"], 0.42)
    assert two.loc[headlines.GEOMETRY, ["low", "high"]].isna().all()
