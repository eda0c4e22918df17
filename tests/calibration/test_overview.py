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
    every = overview.all_methods(table, ledger.read("maps"), ledger.read("twins"), apart, SCORES)
    assert len(every) == 2 + 6 + 2
    assert every["AUROC"].notna().sum() == 1
    assert every.iloc[-1]["effect"] == "same model, noise 10 SD"
