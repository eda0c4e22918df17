"""Other predictors are compared on the same windows, and a planted process says what a predictor should find."""

from __future__ import annotations

from dataclasses import replace

import pytest

import emotion_utils as eu
from emotion_utils.novelty.vector_parts import WHOLE
from emotion_utils.parts.predictor import DEFAULT
from emotion_utils.predictability import tables
from emotion_utils.predictability.emotions import emotions_in_parts
from emotion_utils.predictability.predictors import HERE, planted, sweep
from emotion_utils.predictability.sizes import BASELINE, Planted


def test_the_first_predictor_is_that_of_the_study_and_others_are_held_against_it(one):
    layer = one.layers[0]
    found = sweep(one, layer, {HERE: DEFAULT, "narrow": replace(DEFAULT, heads=1)}, seeds=1, progress=False)
    table = found.set_index("architecture")
    own = sum(weight.numel() for weight in one.trained.predictors[layer].parameters())
    assert table.loc[HERE, "parameters"] == own > table.loc["narrow", "parameters"]
    assert table.loc[HERE, ["gain", "gain_low", "gain_high"]].tolist() == [0, 0, 0]
    assert table.loc["narrow", "gain"] == pytest.approx(table.loc["narrow", "r2"] - table.loc[HERE, "r2"])
    assert table.loc["narrow", "gain_low"] <= table.loc["narrow", "gain"] <= table.loc["narrow", "gain_high"]
    again = table.loc[f"{HERE}, seed {one.seed + 1}"]
    assert again["parameters"] == own
    assert again["gain"] not in (0, table.loc["narrow", "gain"])
    assert again["gain_low"] <= again["gain"] <= again["gain_high"]
    pooled = tables.explained(one).query("measure == 'pooled' and layer == @layer").set_index("prediction")
    best = pooled.loc[one.best[layer], "r2"]
    assert table["above"].to_numpy() == pytest.approx(table["r2"] - best, abs=1e-6)
    assert (table["above_low"] <= table["above"]).all()


def test_a_short_training_on_the_planted_process_finds_some_of_it_and_nothing_in_shuffled_time():
    found = planted(replace(BASELINE, planted=Planted(1200, 150))).set_index("time")
    assert 0.1 < found.loc["as it is", "r2"] <= found.loc["as it is", "truth"] + 0.02
    assert found.loc["as it is", "low"] > 0
    assert found.loc["as it is", "other"] < 0
    assert found.loc["shuffled", "truth"] == 0
    assert found.loc["shuffled", "r2"] < 0.01


def test_vectors_are_taken_apart_and_steered_with(one):
    found = emotions_in_parts(one, one.layers[0], eu.prompts("implicit"))
    assert set(found) == {"geometry", "effects", "gaps"}
    assert found["geometry"]["emotion"].tolist() == ["gratitude", "anger", "apology"]
    effects = found["effects"]
    assert (effects["layer"] == one.layers[0]).all()
    assert (effects["scenes"] == one.sizes.scenes).all()
    assert (effects["vectors"] == one.sizes.vectors).all()
    assert (effects["part"] == WHOLE).sum() == 3
