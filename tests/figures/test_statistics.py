"""Figures of the chapter on statistics say in words what they show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.figures import statistics as figures

RNG = np.random.default_rng(0)


@pytest.fixture
def tested():
    d = np.array([0.5, 0.1, -0.4, 0.0])
    return pd.DataFrame(
        {"name": [f"effect <{i}>" for i in range(4)], "chapter": ["05", "05", "06", "06"], "d_z": d, "d_low": d - 0.2,
         "d_high": d + 0.2, "is_control": [False, True, False, False], "p": [0.001, 0.4, 0.01, 0.9]}
    )  # fmt: skip


def test_a_forest_counts_the_intervals_that_exclude_zero(tested):
    shown = figures.forest(tested, 0.2, "Effects")
    assert "05: 1 of 1 exclude 0" in shown.alt
    assert "05, controls: 0 of 1" in shown.alt
    assert "06: 1 of 2" in shown.alt
    assert "<script" not in shown.alt


def test_p_values_are_counted_per_chapter_and_controls_apart(tested):
    shown = figures.p_values(tested)
    assert "05 effects 100% of 1" in shown.alt
    assert "05 controls 0% of 1" in shown.alt
    assert "06 effects 50% of 2" in shown.alt


def test_ranked_p_values_say_what_passes(tested):
    shown = figures.ranked(tested, 0.05, "One family")
    assert "2 of 4 p values at 0.05 or less; 2 pass Benjamini-Hochberg" in shown.alt


def test_power_is_told_at_the_reports_number_of_pairs():
    table = pd.DataFrame({"d": 0.2, "n": [10, 70, 200], "power": [0.1, 0.4, 0.8]})
    assert "d = 0.2 40%" in figures.power_curves(table, 0.8, 70).alt


def test_overlaps_by_k_stand_beside_chance_and_the_reports():
    table = pd.DataFrame(
        {"emotion": "anger", "k": [2, 5], "ratio": [1.2, 1.1], "low": [0.9, 1.0], "high": [1.5, 1.3],
         "chance_low": [0.2, 0.5], "chance_high": [2.0, 1.5]}
    )  # fmt: skip
    reports = pd.DataFrame({"emotion": "anger", "k": [2, 5], "ratio": [1.8, 1.0]})
    shown = figures.k_overlap(table, reports, "Overlap")
    assert "anger 1.20, 1.10" in shown.alt
    assert any("reports" in trace.get("name", "") for trace in shown.figure["data"])
