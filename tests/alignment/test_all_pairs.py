"""All pairs: calibration is arithmetic, scale moves nothing, neutral prompts can take the place of emotional ones."""

from __future__ import annotations

import numpy as np
import pytest
import sided

from emotion_utils.alignment.all_pairs import align_pairs, no_emotion
from emotion_utils.core.profiles import PERMUTATIONS
from emotion_utils.subspaces.readings import ModelStates


@pytest.fixture(scope="module")
def pairs():
    one, other = sided.two_of_one_world()
    table = sided.prompts()
    noise = sided.model_states("noise", table, sided.world(table, 77, 0.0), 5)
    return align_pairs({"m0": one, "m1": other, "noise": noise}, ["m0", "m1"], sided.rows().halves(0), 3, 39)


def test_models_of_one_world_pass_and_noise_does_not(pairs):
    best = pairs.best().set_index(["source", "target", "score"])
    assert best.loc[("m0", "m1", "r2"), "p"] == 0.025
    assert best.loc[("m0", "m1", "probe"), "p"] <= 0.05
    assert best.loc[("noise", "m1", "r2"), "p"] > 0.05
    assert set(best.index.get_level_values("target")) == {"m0", "m1"}


def test_calibration_uses_the_target_with_itself(pairs):
    best = pairs.best().set_index(["source", "target", "score"])
    row, top = best.loc[("m0", "m1", "r2")], pairs.alignments["m1", "m1"].scores["r2"][0].max()
    assert row["ceiling"] == top
    assert row["calibrated"] == pytest.approx((row["value"] - row["null"]) / (top - row["null"]))


def test_the_main_table_has_at_least_999_other_pairings():
    assert all(n.pairs >= 999 for profile, n in PERMUTATIONS.items() if profile != "smoke")


def test_the_scale_of_a_model_moves_nothing(pairs):
    one = pairs.states_of["m0"]
    scaled = ModelStates("m0", one.layers, one.ids, 128 * one.values)
    again = align_pairs({**pairs.states_of, "m0": scaled}, ["m0", "m1"], pairs.halves, 3, 39)
    for column in ("value", "null", "calibrated"):
        assert again.best()[column].to_numpy() == pytest.approx(pairs.best()[column].to_numpy(), rel=1e-6)


def test_neutral_prompts_take_the_place_of_emotional_ones(pairs):
    table = no_emotion(pairs, sided.rows(), 19)
    assert len(table) == 2
    own = pairs.best().query("score == 'overlap' and source == 'm0'")["excess"].iloc[0]
    assert table.set_index("source").loc["m0", "emotion_excess"] == own
    assert np.allclose(table["excess"], table["value"] - table["null"])
