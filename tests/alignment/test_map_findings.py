"""The numbers of Chapter 4's sentences about kinds of maps, where all, none and one of the maps stand out."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.alignment import map_findings


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
