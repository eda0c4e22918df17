"""All pairs at once: one order for each model, exact where nothing is shared, strong where something is."""

from __future__ import annotations

import numpy as np
import pytest
import sided

from emotion_utils.alignment.align import Alignment, align
from emotion_utils.alignment.all_pairs import align_pairs
from emotion_utils.alignment.pooled import beyond, by_depth, model_orders, pooled, relative_orders
from emotion_utils.subspaces.readings import paired_states


def test_rows_are_paired_by_the_orders_of_both_models():
    source, target = np.array([[2, 0, 1]]), np.array([[1, 2, 0]])
    # place 0 has row 2 of the source and row 1 of the target, place 1 rows 0 and 2, place 2 rows 1 and 0
    assert relative_orders(source, target).tolist() == [[2, 0, 1]]
    assert relative_orders(target, source).tolist() == [[1, 2, 0]]  # the same pairs, seen from the other side


def test_orders_are_of_each_model_keep_families_and_start_with_the_true_one():
    groups = np.repeat(["a", "b", "c"], 2)
    orders = model_orders(groups, ["m0", "m1"], 50, 3)
    assert all(own[0].tolist() == list(range(6)) for own in orders.values())
    assert not np.array_equal(orders["m0"], orders["m1"])
    relative = relative_orders(orders["m0"], orders["m1"])
    assert (np.sort(relative, axis=1) == np.arange(6)).all()
    assert all((draw[::2] // 2 == draw[1::2] // 2).all() for draw in relative)


def alignment(source: str, target: str, scores: list[list[list[float]]]) -> Alignment:
    """One score of some draws, layer by layer."""
    values = np.array(scores)
    return Alignment(
        source, target, (tuple(range(values.shape[1])), tuple(range(values.shape[2]))), {"r2": values}
    )


def pairs(alignments: list[Alignment]) -> dict[tuple[str, str], Alignment]:
    return {(one.source, one.target): one for one in alignments}


def test_the_mean_of_the_best_is_taken_in_every_draw():
    one = alignment("a", "b", [[[0.5, 0.9]], [[0.4, 0.2]], [[0.6, 0.7]]])
    other = alignment("b", "a", [[[0.3], [0.1]], [[0.8], [0.2]], [[0.1], [0.3]]])
    itself = alignment("a", "a", [[[9.0]], [[9.0]]])
    (row,) = pooled(pairs([one, other, itself])).itertuples(index=False)
    assert row[:2] == ("r2", pytest.approx((0.9 + 0.3) / 2))
    assert row.null == pytest.approx(((0.4 + 0.8) / 2 + (0.7 + 0.3) / 2) / 2)
    assert (row.p, row.n) == (
        pytest.approx(2 / 3),
        2,
    )  # the first draw ties, and the true one is a draw itself


def test_the_mean_is_taken_at_the_nearest_depth():
    # depths 1/4, 2/4, 3/4 and 1: the first two are nearest to 1/2 (the third ties, the first of the grid is taken)
    deep = alignment("a", "b", [[[1.0, 9.0], [2.0, 9.0], [3.0, 9.0], [4.0, 9.0]], [[0.0, 0.0]] * 4])
    flat = alignment("b", "a", [[[0.0, 1.0], [2.0, 3.0]], [[0.5, 0.5], [0.5, 5.0]]])
    found = by_depth(pairs([deep, flat])).set_index(["source_layer", "target_layer"])
    expected = {(0, 0): 6 / 4, (0, 1): (1 + 27) / 4, (1, 0): (2 + 4) / 2, (1, 1): (3 + 9) / 2}
    assert found["value"].to_dict() == pytest.approx(expected)
    assert found.loc[(1, 1), "null"] == pytest.approx(2.5)
    assert found.loc[(1, 1), ["source_depth", "target_depth"]].tolist() == [1.0, 1.0]
    assert not beyond(found).any()  # two draws give no p below one half


def test_models_of_one_world_stand_out_together_and_strangers_do_not():
    rows = sided.rows().halves(0)
    found = [
        pooled(align_pairs({m.model: m for m in two}, ["m0", "m1"], rows, 3, 39).alignments).set_index(
            "score"
        )
        for two in (sided.two_of_one_world(), sided.two_worlds())
    ]
    assert found[0]["p"].max() == pytest.approx(1 / 40)
    assert found[1].loc["r2", "p"] > 0.05


def test_a_pair_is_scored_under_the_orders_of_its_models():
    one, other = sided.two_of_one_world()
    halves = sided.rows().halves(0)
    states = [paired_states(one, halves[0]), paired_states(other, halves[1])]
    orders = model_orders(states[0].groups, ["m0", "m1"], 4, 0)
    found = align_pairs({"m0": one, "m1": other}, ["m0", "m1"], halves, 3, 4, 0).alignments["m0", "m1"]
    again = align(*states, 3, orders=relative_orders(orders["m0"], orders["m1"]))
    assert np.array_equal(found.scores["r2"], again.scores["r2"])
    assert np.allclose(again.scores["r2"][0], align(*states, 3, 1).scores["r2"][0])
