"""The figures of the calibration laboratory say in words what they show."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.calibration.published import STATED
from emotion_utils.figures import calibration as figures

BOUNDS = {"low": 0.0, "high": 1.0}


@pytest.fixture
def facts():
    rows = [
        ("published_phase8", f"scale {s}", "x", v, v, v, 3, "missed")
        for s, v in (("0.1", 0.6), ("10", 0.002))
    ]
    return pd.DataFrame(
        rows, columns=["formula", "setting", "stated", "value", "low", "high", "n", "verdict"]
    )


def test_facts_and_scales(facts):
    assert "published_phase8: scale 0.1 0.60" in figures.stated(facts, STATED).alt
    shown = figures.scales(facts, {"Llama": 0.46})
    assert "scale 10: 0.0020" in shown.alt
    assert "Llama 0.46" in shown.alt
    assert list(shown.figure["data"][0]["x"]) == [0.1, 10.0]


def test_causes():
    row = {"spectrum": "flat", "precision": "float64", "basis": "clipped", "value": 0.01}
    shown = figures.causes(pd.DataFrame([row | {"low": 0.0, "high": 0.02}]), 0.0104)
    assert "flat spectrum, float64, clipped 0.010; k/d is 0.010" in shown.alt


def test_rates_power_and_coverage():
    false = pd.DataFrame([{"null": "torn", "score": "r2", "rate": 0.123, **BOUNDS}])
    assert "torn, r2: 12.3%; 5% was promised" in figures.false_positives(false, 0.05).alt
    power = pd.DataFrame(
        [{"strength": 0.5, "rows": n, "score": "r2", "rate": 0.25, **BOUNDS} for n in (70, 225)]
    )
    shown = figures.power(power, "strength", "Power", "share")
    assert "with 225 rows, mean of the scores by strength: 0.5: 25%" in shown.alt
    assert len(shown.figure["data"]) == 2
    covered = pd.DataFrame([{"interval": "mean", "units": n, "rate": 0.875, **BOUNDS} for n in (4, 8, 20)])
    assert "mean, 8 units: 87.5%; mean, 20 units: 87.5%" in figures.coverage(covered, 8).alt


def test_p_values_are_drawn_as_steps():
    repeated = pd.DataFrame({"score": "r2", "again": [0.1, 0.4, 0.6, 0.9]})
    shown = figures.null_p_values(repeated)
    assert "r2 50%" in shown.alt
    assert list(shown.figure["data"][0]["y"]) == [0, 0.25, 0.5, 0.75, 1.0, 1]
