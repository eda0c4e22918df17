"""The published formulas taken apart: verdicts by rule, and each cause alone."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.calibration.published import STATED, beside_stated, causes, draws, unrelated


def test_unrelated_models_have_the_stated_shape_and_share_no_seed():
    one, other = unrelated(0, d=30, rows=12)
    assert one.neutral.shape == other.emotional.shape == (12, 30)
    assert abs((one.neutral * other.neutral).mean()) < 0.3
    assert (one.neutral != one.emotional).all()


def test_every_statement_is_measured():
    found = draws([0], d=60, rows=20)
    assert set(zip(found["formula"], found["setting"], strict=True)) == set(STATED)
    before = found.set_index("setting")["value"]["before alignment"]
    assert before == pytest.approx(1 / 60, rel=0.8)


def test_verdicts_follow_the_rule():
    key = "published_phase35"
    values = {
        "as published, scale 1": (0.78, 0.82),
        "float64, scale 1": (0.12, 0.20),
        "float64, scale 10": (0.9, 0.95),
    }
    rows = [(key, setting, value) for setting, pair in values.items() for value in pair]
    table = beside_stated(pd.DataFrame(rows, columns=["formula", "setting", "value"]))
    assert table["verdict"].tolist() == ["mean in range", "ranges meet", "missed"]
    assert table["stated"].tolist() == ["0.77 to 0.84", "0.1 to 0.13", "0.64 to 0.69"]


def test_with_all_causes_switched_off_chance_is_left():
    table = causes([0, 1, 2], d=200, rows=40, k=4).set_index(["spectrum", "precision", "basis"])["value"]
    assert table["flat", "float64", "orthonormal"] == pytest.approx(4 / 200, abs=0.01)
    assert table["decaying", "float64", "orthonormal"] > 0.3
    assert table["decaying", "float32", "clipped"] > 0.4
    assert table["decaying", "float64", "clipped"] < table["decaying", "float32", "clipped"]
