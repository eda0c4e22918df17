"""Controls: states at half depth as one model, excess over each own null, units left out of both."""

from __future__ import annotations

import numpy as np
import pytest
import sided

from emotion_utils.alignment.align import align
from emotion_utils.alignment.controls import LEFT_OUT, aligned, alike, at_half_depth
from emotion_utils.alignment.map_scores import half_way
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.subspaces.readings import paired_states


@pytest.fixture(scope="module")
def world():
    table = sided.prompts()
    one, other = sided.two_of_one_world(widths=(20, 26))
    noise = {
        f"noise {i}": sided.model_states(f"noise {i}", table, sided.world(table, 70 + i, 0.0), i, layers=1)
        for i in range(2)
    }
    words = sided.model_states("words", table, sided.world(table, 50, 0.0), 4, layers=1)
    return {"m0": one, "m1": other}, {"noise": noise, "words": {"words": words}}, words


def single(one, other, halves, n, seed=0):
    parts = (paired_states(r, half, half_way(r)) for r, half in zip((one, other), halves, strict=True))
    return align(*parts, 3, n, seed).scores


def test_models_side_by_side_score_as_each_alone(world):
    """Narrower models are filled up with zeros, which moves nothing."""
    states_of, controls, _ = world
    halves, every = sided.rows().halves(0), states_of | controls["noise"]
    source, target = (
        at_half_depth(every, list(every), halves[0]),
        at_half_depth(every, ["m0", "m1"], halves[1]),
    )
    assert source.neutral.shape[0] == 4
    found = align(source, target, 3, 9, 0).scores
    for score, values in single(states_of["m0"], states_of["m1"], halves, 9).items():
        assert found[score][:, 0, 1] == pytest.approx(values[:, 0, 0], abs=1e-9)


def test_excess_is_over_each_own_null_and_units_are_left_out_of_both(world):
    states_of, controls, _ = world
    halves, n = sided.rows().halves(0), 19
    row = aligned(states_of, controls, halves, 3, n).set_index(["score", "control"]).loc[("r2", "noise")]
    every = states_of | controls["noise"]

    def gap(parts):
        excess = {}
        for source, target in ((s, t) for s in every for t in states_of if s != t):
            values = single(every[source], states_of[target], parts, n)["r2"][:, 0, 0]
            excess[source, target] = values[0] - values[1:].mean()
        trained = (excess["m0", "m1"] + excess["m1", "m0"]) / 2
        return trained - np.mean([excess[s, t] for s in controls["noise"] for t in states_of])

    units = np.unique(np.concatenate([half.units for half in halves]))
    left = np.array([gap([half.without(unit) for half in halves]) for unit in units])
    sizes = np.array([(halves[0].neutral["unit"] == unit).sum() for unit in units])
    low, high = jackknife_interval(gap(halves), left, sizes)
    assert row["difference"] == pytest.approx(gap(halves))
    assert row["difference"] == pytest.approx(
        row["trained"] - row["trained_null"] - row["value"] + row["null"]
    )
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["low"] > 0
    assert row["n_units"] == len(units)
    assert n <= LEFT_OUT


def test_similarity_without_a_map_is_compared_in_the_same_way(world):
    states_of, controls, words = world
    table = alike(states_of, controls, words, sided.rows(), 19).set_index(["score", "control"])
    assert set(table.index) == {(m, "noise") for m in ("RSA", "RSA, partial", "CKA", "CKA, partial")} | {
        ("RSA", "words"),
        ("CKA", "words"),
    }
    for measure in ("RSA", "CKA"):
        row = table.loc[(measure, "noise")]
        assert 0 < row["low"] < row["difference"] < row["high"]
        assert abs(row["null"]) < 0.2
    assert (table["low"] <= table["high"]).all()


def test_a_model_against_itself_has_no_advantage(world):
    states_of, _, _ = world
    same = {"same": {f"{name} again": r for name, r in states_of.items()}}
    table = aligned(states_of, same, sided.rows().halves(0), 3, 9)
    assert (table["difference"] < 0.05).all()


def test_few_units_give_no_interval(world):
    states_of, controls, words = world
    rows = sided.rows(sided.prompts(5, 3))
    table = aligned(states_of, controls, rows.halves(0), 2, 3)
    assert table[["low", "high"]].isna().all(axis=None)
    assert alike(states_of, controls, words, rows, 3)["low"].isna().all()
