"""The published formulas taken apart: verdicts by rule, and each cause alone."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.calibration.published import (
    PRINTED,
    STATED,
    angle_gains,
    beside_stated,
    bounds,
    causes,
    draws,
    unrelated,
)


def test_unrelated_models_have_the_stated_shape_and_share_no_seed():
    one, other = unrelated(0, d=30, rows=12)
    assert one.neutral.shape == other.emotional.shape == (12, 30)
    assert abs((one.neutral * other.neutral).mean()) < 0.3
    assert (one.neutral != one.emotional).all()


def test_every_statement_is_measured():
    found = draws([0], d=60, rows=20)
    assert set(zip(found["formula"], found["setting"], strict=True)) == set(STATED)
    value = found.set_index(["formula", "setting"])["value"]
    assert value["published_phase8", "before alignment"] == pytest.approx(1 / 60, rel=0.8)
    assert value["published_phase8", "before alignment, target of width 4096"] == pytest.approx(
        1 / 4096, rel=0.1
    )
    assert value["published_phase35", "before alignment, k = 2"] == pytest.approx(1 / 60, rel=0.3)
    assert value["overlap", "before alignment, k = 2"] == pytest.approx(2 / 60, rel=0.3)


@pytest.mark.parametrize(
    ("printed", "low", "high"),
    [
        ("0.77 to 0.84", 0.77, 0.84),
        ("0.96", 0.955, 0.965),
        ("0.0013", 0.00125, 0.00135),
        ("0.0000", -5e-5, 5e-5),
    ],
)
def test_a_single_number_allows_what_rounds_to_it(printed, low, high):
    assert bounds(printed) == pytest.approx((low, high))


def test_verdicts_follow_the_rule():
    key = "published_phase35"
    values = {
        "as published, scale 1": (0.78, 0.82),
        "float64, scale 1": (0.12, 0.20),
        "float64, scale 10": (0.9, 0.95),
    }
    rows = [(key, setting, value) for setting, pair in values.items() for value in pair]
    rows += [("published_phase8", "scale 0.01", 0.9639), ("published_phase8", "scale 0.1", 0.68)]
    table = beside_stated(pd.DataFrame(rows, columns=["formula", "setting", "value"]))
    assert table["verdict"].tolist() == ["in range", "missed", "missed", "in range", "missed"]
    assert table["stated"].tolist() == ["0.77 to 0.84", "0.10 to 0.13", "0.64 to 0.69", "0.96", "0.62"]
    assert (table["low"] <= table["q_low"]).all()
    assert (table["q_high"] <= table["high"]).all()
    assert set(PRINTED) == set(STATED)


def test_with_all_causes_switched_off_chance_is_left():
    table = causes([0, 1, 2], d=200, rows=40, k=4)
    table = table.set_index(["scale", "spectrum", "precision", "basis"])["value"]
    for scale in (1.0, 10.0):
        assert table[scale, "flat", "float64", "orthonormal"] == pytest.approx(4 / 200, abs=0.01)
        assert table[scale, "decaying", "float64", "orthonormal"] > 0.3
        assert table[scale, "decaying", "float64", "clipped"] < table[scale, "decaying", "float32", "clipped"]
    assert table[1.0, "decaying", "float32", "clipped"] > 0.4
    assert table[10.0, "decaying", "float32", "clipped"] > 0.8
    pair = (table[scale, "decaying", "float64", "orthonormal"] for scale in (1.0, 10.0))
    assert next(pair) == pytest.approx(next(pair), rel=1e-6)


def test_gains_in_angles_do_not_depend_on_the_scale_once_rows_are_orthonormal():
    table = angle_gains([0, 1], d=100, rows=30, k=6).set_index(["precision", "basis", "scale"]).sort_index()
    sound = table.loc[("float64", "orthonormal")]
    assert sound.loc[1.0, "value"] == pytest.approx(sound.loc[10.0, "value"], rel=1e-6)
    assert sound["value"].between(0.1, 1).all()
    clipped = table.loc[("float64", "clipped")]
    assert clipped.loc[10.0, "value"] > clipped.loc[1.0, "value"]
    assert (table["n"] == 2).all()
