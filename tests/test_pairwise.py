"""All pairs: single scores are those of the alignment, calibration is arithmetic, controls are paired by unit."""

from __future__ import annotations

import numpy as np
import pytest
import sided

from emotion_utils.jackknife import jackknife_interval
from emotion_utils.pairwise import SCORES, against, align_pairs, layer_score, no_emotion
from emotion_utils.sides import Reading, side


@pytest.fixture(scope="module")
def pairs():
    one, other = sided.two_of_one_world()
    table = sided.prompts()
    noise = sided.reading("noise", table, sided.world(table, 77, 0.0), 5)
    return align_pairs({"m0": one, "m1": other, "noise": noise}, ["m0", "m1"], sided.rows().halves(0), 3, 39)


def test_a_single_score_is_that_of_the_alignment(pairs):
    one, other = (side(pairs.readings[m], half) for m, half in zip(("m0", "m1"), pairs.halves, strict=True))
    for score, values in pairs.found["m0", "m1"].scores.items():
        assert layer_score(one, other, (0, 1), score, 3) == pytest.approx(values[0, 0, 1], abs=1e-9)


def test_models_of_one_world_pass_and_noise_does_not(pairs):
    best = pairs.best().set_index(["source", "target", "score"])
    assert best.loc[("m0", "m1", "r2"), "p"] == 0.025
    assert best.loc[("m0", "m1", "probe"), "p"] <= 0.05
    assert best.loc[("noise", "m1", "r2"), "p"] > 0.05
    assert set(best.index.get_level_values("target")) == {"m0", "m1"}


def test_calibration_uses_the_target_with_itself(pairs):
    best = pairs.best().set_index(["source", "target", "score"])
    row, top = best.loc[("m0", "m1", "r2")], pairs.found["m1", "m1"].scores["r2"][0].max()
    assert row["ceiling"] == top
    assert row["calibrated"] == pytest.approx((row["value"] - row["null"]) / (top - row["null"]))


def test_controls_are_compared_with_each_unit_left_out_of_both(pairs):
    table = against(pairs, ["noise"]).set_index("score")
    assert list(table.index) == list(SCORES)
    assert table.loc["r2", "low"] > 0
    best = pairs.best().set_index(["source", "target"]).query("score == 'r2'")
    left, sizes = [], []
    units = np.unique(np.concatenate([half.units for half in pairs.halves]))
    for unit in units:
        halves = [half.without(unit) for half in pairs.halves]
        values = {}
        for source, target in (("m0", "m1"), ("m1", "m0"), ("noise", "m0"), ("noise", "m1")):
            row = best.loc[(source, target)]
            sides = (side(pairs.readings[m], half) for m, half in zip((source, target), halves, strict=True))
            values[source, target] = layer_score(
                *sides, (int(row["source_layer"]), int(row["target_layer"])), "r2", 3
            )
        trained = (values["m0", "m1"] + values["m1", "m0"]) / 2
        left.append(trained - (values["noise", "m0"] + values["noise", "m1"]) / 2)
        sizes.append((pairs.halves[0].neutral["unit"] == unit).sum())
    low, high = jackknife_interval(table.loc["r2", "difference"], np.array(left), np.array(sizes))
    assert table.loc["r2", "low"] == pytest.approx(low)
    assert table.loc["r2", "high"] == pytest.approx(high)


def test_the_scale_of_a_model_moves_nothing(pairs):
    one = pairs.readings["m0"]
    scaled = Reading("m0", one.layers, one.ids, 128 * one.values)
    again = align_pairs({**pairs.readings, "m0": scaled}, ["m0", "m1"], pairs.halves, 3, 39)
    for column in ("value", "null", "calibrated"):
        assert again.best()[column].to_numpy() == pytest.approx(pairs.best()[column].to_numpy(), rel=1e-6)


def test_neutral_prompts_take_the_place_of_emotional_ones(pairs):
    table = no_emotion(pairs, sided.rows(), 19)
    assert len(table) == 2
    own = pairs.best().query("score == 'overlap' and source == 'm0'")["excess"].iloc[0]
    assert table.set_index("source").loc["m0", "emotion_excess"] == own
    assert np.allclose(table["excess"], table["value"] - table["null"])
