"""Scores of maps: those of `align` where both have them, null where there is nothing, high where there is all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sided
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import GroupKFold

from emotion_utils.alignment.align import align
from emotion_utils.alignment.map_scores import NAMES, compare_maps, half_way, score_maps, summary
from emotion_utils.alignment.maps import MAPS
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import Recipe, pair, rescaled, turned
from emotion_utils.subspaces.measures import emotion_subspace, overlap, principal_components
from emotion_utils.subspaces.readings import ModelStates

SMALL = Recipe(widths=(24, 20), layers=1, rows=32, prompts=10, strength=0.5)


def test_ridge_has_the_scores_of_align_under_every_pairing():
    one, other = pair(SMALL, 0)
    found = score_maps(one, other, 3, 5, 7, ["ridge"]).scores["ridge"]
    expected = align(one, other, 3, 5, 7).scores
    for i, name in enumerate(NAMES):
        assert found[:, i] == pytest.approx(expected[name][:, 0, 0], abs=1e-9)


@pytest.mark.parametrize("kind", list(MAPS))
def test_scores_are_those_of_plain_refits(kind):
    one, other = pair(SMALL, 1)
    found = score_maps(one, other, 3, 2, 5, [kind]).scores[kind]
    orders = [np.arange(32), *permute_pairing(one.groups, 2, 5)]
    for draw, order in enumerate(orders):
        x, y = one.neutral[0], other.neutral[0][order]
        predicted = np.empty_like(y)
        for train, test in GroupKFold(5).split(x, groups=one.groups):
            predicted[test] = MAPS[kind][1](x[train], one.groups[train])(y[train])(x[test])
        fitted, overlaps, probes = MAPS[kind][1](x, one.groups)(y), [], []
        for emotion, own in one.emotional.items():
            partners = one.partners[emotion][0]
            moved = fitted(own[0]) - fitted(partners)
            if kind == "kernel":
                image = principal_components(moved, 3, centred=False)
            else:
                image = fitted(emotion_subspace(own[0], partners, 3)) - fitted(np.zeros((1, 24)))
            goal = emotion_subspace(other.emotional[emotion][0], other.partners[emotion][0], 3)
            overlaps.append(overlap(image, goal))
            states = np.concatenate([other.emotional[emotion][0], other.partners[emotion][0]])
            probes.append(roc_auc_score(np.arange(20) < 10, states @ moved.mean(axis=0)))
        r2 = r2_score(y, predicted, multioutput="variance_weighted")
        assert found[draw] == pytest.approx([r2, np.mean(overlaps), np.mean(probes)], abs=1e-7)


def test_the_scale_of_a_model_changes_no_score():
    one, other = pair(SMALL, 2)
    base = score_maps(one, other, 3, 3).scores
    for factor in (1 / 128, 128):
        for sides in ((rescaled(one, factor), other), (one, rescaled(other, factor))):
            for kind, values in score_maps(*sides, 3, 3).scores.items():
                assert values == pytest.approx(base[kind], rel=1e-6), kind


def test_a_copy_in_other_coordinates_is_found_by_every_map():
    one, _ = pair(replace(SMALL, rows=60), 3)
    table = score_maps(one, turned(one, 1), 3, 49).table().set_index(["map", "score"])
    assert (table["p"].drop(index="probe", level="score") == 0.02).all()
    assert (table["value"].xs("overlap", level="score") > 0.85).all()
    assert (table["value"].xs("probe", level="score") > 0.95).all()


def test_unrelated_models_stand_out_no_more_often_than_they_should():
    """The rate of the committed table is finer; here at most 8 of 25 at a rate of 0.1 (more: below 0.1 %)."""
    small = []
    for seed in range(25):
        made = pair(replace(SMALL, strength=0.0), seed)
        small.append(score_maps(*made, 3, 9, seed).table().set_index(["map", "score"])["p"] <= 0.1)
    assert (np.sum(small, axis=0) <= 8).all()


def test_what_a_map_loses_counts_as_not_found():
    """Two of the target's neutral dimensions: a subspace of three has at most two in common with anything."""
    one, other = pair(SMALL, 4)
    flat = other.neutral[0] - other.neutral[0].mean(axis=0)
    _, _, basis = np.linalg.svd(flat, full_matrices=False)
    other = replace(other, neutral=(flat @ basis[:2].T @ basis[:2])[None])
    for kind, values in score_maps(one, other, 3, 2).scores.items():
        assert (values[:, 1] <= 2 / 3 + 1e-9).all(), kind
        assert np.isfinite(values).all(), kind


def test_sides_that_cannot_be_compared_are_refused():
    one, other = pair(SMALL, 5)
    with pytest.raises(UserError, match="not read on the same prompts"):
        score_maps(one, replace(other, groups=other.groups[::-1].copy()))
    with pytest.raises(UserError, match="comes with 2 layers"):
        score_maps(one, pair(replace(SMALL, layers=2), 5)[1])
    broken = other.neutral.copy()
    broken[0, 3, 0] = np.inf
    with pytest.raises(UserError, match="row 3 is not"):
        score_maps(one, replace(other, neutral=broken))
    with pytest.raises(UserError, match="are equal"):
        score_maps(one, replace(other, neutral=np.ones_like(other.neutral)))


def test_pairs_of_models_beside_their_ceiling():
    states_of = dict(zip(("m0", "m1"), sided.two_of_one_world(), strict=True))
    halves = sided.rows().halves(0)
    table = compare_maps(states_of, [("m0", "m1"), ("m1", "m0")], halves, 2, 19)
    assert len(table) == 2 * len(MAPS) * 3
    assert (table["source_layer"] == 0).all()
    gap = table["ceiling"] - table["null"]
    expected = ((table["value"] - table["null"]) / gap).where(gap > 0)
    assert table["calibrated"].to_numpy() == pytest.approx(expected.to_numpy(), nan_ok=True)
    assert (table[table["score"] == "r2"]["p"] == 0.05).all()
    short = summary(table).set_index(["score", "map"])
    ridge = table[(table["map"] == "ridge") & (table["score"] == "r2")]
    assert short.loc[("r2", "ridge"), "value"] == pytest.approx(ridge["value"].mean())
    assert short.loc[("r2", "ridge"), "small"] == 2
    assert (
        short.loc[("r2", "ridge"), "corrected"] == 2
    )  # all p of this score are 0.05, which the correction leaves
    assert list(dict.fromkeys(short.index.get_level_values("score"))) == list(NAMES)


def test_half_way_is_the_layer_nearest_to_half_the_depth():
    for layers, expected in (((0, 1, 2, 3), 1), ((0, 1, 2, 3, 4), 1), (tuple(range(12)), 5), ((3, 5, 11), 1)):
        states = ModelStates("m", layers, pd.Index([]), np.empty((0, len(layers), 4)))
        assert half_way(states) == expected
