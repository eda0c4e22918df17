"""The page of all methods has its lines from the sections that measured them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.calibration import ledger, overview

SCORES = {"r2": "held-out R²", "overlap": "subspaces"}


def test_six_maps_have_false_positives_and_power():
    section = ledger.read("maps")
    table = overview.map_lines(section).set_index("method")
    assert len(table) == 6
    false = section.tables["false"].set_index(["map", "score"])
    row = table.loc["map: Procrustes, emotion subspaces"]
    assert row["false"] == false.loc[("Procrustes", "overlap"), "rate"]
    assert row["low"] <= row["false"] <= row["high"]
    assert table["power"].between(0, 1).all()
    assert row["rows"] == str(section.settings["recipe"]["rows"])


def test_the_twins_have_the_least_power_of_the_models_and_no_null():
    section = ledger.read("twins")
    table = overview.twin_lines(section, SCORES, 10.0)
    power = section.tables["power"].set_index(["noise", "score", "rows"])["rate"]
    assert table["method"].tolist() == ["rotated twin, held-out R²", "rotated twin, subspaces"]
    for score, row in zip(SCORES, table.itertuples(), strict=True):
        least = [power.loc[10.0, score, int(rows)].min() for rows in row.rows.split(", ")]
        assert [row.power, row[6]] == pytest.approx(least)
    assert "false" not in table


def test_published_formulas_get_their_auroc_and_tests_do_not():
    table = pd.DataFrame({"method": ["f, float32", "a test"], "power": [np.nan, 0.5]})
    apart = pd.DataFrame(
        {"formula": "f", "precision": "float32", "scale": [1.0, 10.0], "AUROC": [0.61, 0.52]}
    )
    assert overview.with_aurocs(table, apart)["AUROC"].tolist() == pytest.approx([0.61, np.nan], nan_ok=True)
    every = overview.all_methods(table, *map(ledger.read, ("maps", "twins", "similarity")), apart, SCORES)
    assert len(every) == 2 + 6 + 2 + 9
    assert every["AUROC"].notna().sum() == 1
    assert "same model, noise 10 SD" in set(every["effect"])


def test_tests_that_find_too_much_are_counted_against_what_chance_gives():
    table = pd.DataFrame(
        {
            "method": ["a", "b", "c", "formula", "twin"],
            "finding": ["p ≤ 0.05", "interval without 0", "p ≤ 0.05", "≥ 0.5", "p ≤ 0.05"],
            "false": [0.05, 0.2, 0.06, 0.9, np.nan],
            "low": [0.03, 0.15, 0.04, 0.8, np.nan],
        }
    )
    kept = overview.promise(table)
    assert kept == (3, (("b", 0.2, 0.15),), 3 / 40)
    assert overview.promise(table.assign(low=0.05)).exceeding == ()


@pytest.mark.parametrize(
    ("low", "says"), [(0.2, "**1 of 2** keep their level. *b* finds"), (0.01, "**2 of 2**")]
)
def test_similarity_is_summed_up(low, says):
    lines = pd.DataFrame(
        {
            "method": ["a", "b"], "false": [0.05, 0.3], "low": [0.03, low], "high": [0.07, 0.4],
            "effect": ["half", "all"], "power": [0.4, 0.9],
        }
    )  # fmt: skip
    said = overview.summarise_similarity(lines)
    assert says in said
    assert "The weakest is *a*, which finds half in 40% of draws; the median is 65%." in said
