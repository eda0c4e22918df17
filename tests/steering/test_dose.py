"""Curves, shares of what is said, and paired differences, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.statistics.resampling import grouped_mean_interval
from emotion_utils.steering import dose


def test_a_curve_is_the_mean_with_the_interval_over_units():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"emotion": "anger", "alpha": np.tile([0.0, 1.0], 30), "unit": np.repeat(np.arange(10), 6),
         "target": rng.integers(2, size=60).astype(float)}
    )  # fmt: skip
    found = dose.curve(table, "target", (0.0, 1.0), 3).set_index("alpha")
    part = table[table["alpha"] == 1.0]
    low, high = grouped_mean_interval(
        part["target"].to_numpy(), part["unit"].to_numpy(), seed=3, bounds=(0.0, 1.0)
    )
    row = found.loc[1.0]
    assert (row["value"], row["low"], row["high"], row["n"]) == (part["target"].mean(), low, high, 30)


def test_a_missing_value_is_left_out_of_a_curve():
    table = pd.DataFrame({"emotion": "anger", "alpha": 1.0, "unit": [0, 1], "vader": [0.5, np.nan]})
    row = dose.curve(table, "vader").iloc[0]
    assert (row["value"], row["n"]) == (0.5, 1)
    assert np.isnan(row["low"])


def test_what_is_said_at_each_strength():
    table = pd.DataFrame(
        {"emotion": "anger", "alpha": [1.0, 1.0, 1.0, -1.0], "says": ["anger", "anger", None, "neutral"]}
    )
    found = dose.emotion_shares(table).set_index(["alpha", "says"])["share"]
    assert found[(1.0, "anger")] == pytest.approx(2 / 3)
    assert found[(1.0, "none of them")] == pytest.approx(1 / 3)
    assert found[(-1.0, "neutral")] == 1
    by_layer = dose.emotion_shares(table.assign(layer=[0, 1, 1, 0]), ("emotion", "layer")).set_index(
        ["layer", "says"]
    )
    assert by_layer["share"].to_dict() == {
        (0, "anger"): 0.5,
        (0, "neutral"): 0.5,
        (1, "anger"): 0.5,
        (1, "none of them"): 0.5,
    }


def test_a_difference_is_paired_by_context():
    one = pd.DataFrame({"emotion": "anger", "prompt": [0, 1, 2], "unit": [0, 1, 2], "x": [1.0, 2.0, np.nan]})
    other = pd.DataFrame(
        {"emotion": "anger", "prompt": [0, 0, 1, 2], "unit": [0, 0, 1, 2], "x": [0.0, 1.0, 5.0, 9.0]}
    )
    row = dose.difference(one, other, ["x"]).iloc[0]
    assert (row["one"], row["other"], row["difference"]) == (1.5, 2.75, -1.25)
    assert (row["n"], row["n_units"]) == (2, 2)
    assert np.isnan(row["low"])


def test_a_real_difference_has_an_interval_on_its_side_of_zero():
    rng = np.random.default_rng(0)
    base = pd.DataFrame(
        {"emotion": "anger", "prompt": range(20), "unit": range(20), "x": rng.normal(size=20)}
    )
    row = dose.difference(base.assign(x=base["x"] + 1 + 0.1 * rng.normal(size=20)), base, ["x"]).iloc[0]
    assert 0.9 < row["low"] < row["difference"] < row["high"] < 1.1


def test_scores_of_style_are_columns_of_their_own():
    table = pd.DataFrame({"text": ["I am so angry. I am so angry."], "emotion": "anger"})
    row = dose.styled(table).iloc[0]
    assert row["keywords"] == 2
    assert row["repetition"] == pytest.approx(2 / 6)
    assert set(dose.STYLE) <= set(row.index)


def test_only_models_of_the_small_world_are_read_by_its_grammar(steered_model, planted):
    assert [s.name for s in dose.world_scorers(steered_model)] == ["grammatical", "emotion_shift"]
    assert dose.world_scorers(planted) == []


def test_where_every_value_is_missing_there_is_no_number():
    table = pd.DataFrame(
        {"emotion": "anger", "alpha": 1.0, "prompt": [0, 1], "unit": [0, 1], "vader": np.nan}
    )
    row = dose.curve(table, "vader").iloc[0]
    assert row["n"] == 0
    assert row[["value", "low", "high"]].isna().all()
    row = dose.difference(table, table, ["vader"]).iloc[0]
    assert (row["n"], row["n_units"]) == (0, 0)
    assert row[["one", "other", "difference", "low", "high"]].isna().all()
