"""Axes and maps with emotions held out, on planted ones and on nothing; and a score that follows a model's unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scaling_sets import EMOTIONS, geometry, rotated, unrelated
from scipy.stats import kstest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from emotion_utils.alignment.align import PENALTY
from emotion_utils.core.errors import UserError
from emotion_utils.scaling.axes import (
    Axis,
    axes_of,
    coordinates,
    first_component,
    follows_length,
    held_out_axis,
    held_out_emotions,
    like_depths,
    projections,
)

VALENCE = Axis("valence", EMOTIONS[:5], EMOTIONS[5:])


def with_axis(seed, size, layers=3, scale=1.0):
    own = unrelated(seed, layers=layers)
    values = own.values.copy()
    values[1, :5] += size * np.random.default_rng(seed).normal(size=40)
    return replace(own, values=scale * values, name=f"axis {seed}")


def by_hand(vectors, high):
    """Each emotion on the axis of the others, one by one."""
    found = []
    for i in range(len(vectors)):
        kept = np.arange(len(vectors)) != i
        means = [vectors[kept & side].mean(axis=0) for side in (high, ~high)]
        way = (means[0] - means[1]) / np.linalg.norm(means[0] - means[1])
        found.append((vectors[i] - (means[0] + means[1]) / 2) @ way)
    return np.array(found)


def test_each_emotion_is_projected_on_the_axis_of_all_others():
    vectors, high = unrelated(1).values[0], np.arange(20) < 5
    labels = np.stack([high, np.roll(high, 7)])
    expected = np.stack([by_hand(vectors, own) for own in labels])
    assert np.allclose(projections(vectors, labels), expected)


def test_a_planted_axis_is_found_at_its_layer_whatever_the_scale():
    for scale in (1e-3, 1.0, 1e3):
        found = held_out_axis(with_axis(1, 1.0, scale=scale), VALENCE, n_permutations=199)
        assert (found["layer"], found["value"], found["p"], found["n"]) == (1, 1.0, 0.005, 20)
        assert found["null_high"] < 1
    with pytest.raises(UserError, match="The axis odd has 1 and 3 emotions: each side needs 2"):
        held_out_axis(unrelated(1), Axis("odd", ("a",), ("b", "c", "d")))


def test_where_there_is_no_axis_p_is_uniform_and_the_area_is_that_of_scikit_learn():
    found = [held_out_axis(unrelated(seed), VALENCE, n_permutations=59, seed=seed) for seed in range(60)]
    p = np.array([own["p"] for own in found])
    assert kstest(p, "uniform").pvalue > 0.005
    assert (p <= 0.05).mean() <= 0.15
    own = unrelated(3, layers=1)
    high = np.arange(20) < 5
    area = roc_auc_score(high, by_hand(own.values[0], high))
    assert held_out_axis(own, VALENCE, n_permutations=9)["value"] == pytest.approx(area)


def test_clusters_become_axes_as_far_as_they_are_there():
    clusters = {
        "Positive Anchors": ("joy", "pride"),
        "Fear & Overwhelm": ("fear", "panic"),
        "Hostile Anger": ("rage",),
        "Depleted Disengagement": ("weary", "resigned"),
        "Vigilant Suspicion": ("paranoid",),
    }
    valence, arousal = axes_of(clusters)
    assert valence.low == ("fear", "panic", "rage", "weary", "resigned", "paranoid")
    assert (arousal.high, arousal.low) == (("fear", "panic", "rage"), ("weary", "resigned"))
    assert axes_of({"Positive Anchors": ("joy",), "other": ("fear", "rage")}) == []


@pytest.mark.parametrize("kind", ["ridge", "procrustes"])
def test_an_emotion_left_out_of_the_map_finds_its_place(kind):
    one, other = rotated(1, noise=0.05, scale=100.0), rotated(2, width=60, noise=0.05)
    found = held_out_emotions(one, other, kind, n_permutations=19, pairs=[(0, 1)])
    assert found["value"] > 0.95
    assert found["first"] > 0.7
    assert (found["p"], found["n"]) == (0.05, 20)
    assert abs(found["null"] - 0.5) < 0.2
    nothing = []
    for seed in range(4):
        pair = {"pairs": [(0, 0)], "n_permutations": 19, "seed": seed}
        nothing.append(held_out_emotions(unrelated(seed), unrelated(seed + 50), kind, **pair)["p"])
    assert min(nothing) >= 0.05
    assert np.mean(nothing) > 0.2


def test_a_ridge_map_is_that_of_scikit_learn():
    """Every emotion left out once, its image compared with all vectors of the other set."""
    a, b = (coordinates(own.values[0]) for own in (rotated(1, noise=0.5), rotated(2, width=60, noise=0.5)))
    right = []
    for left in range(20):
        train = np.arange(20) != left
        centred = a[train] - a[train].mean(axis=0)
        penalty = PENALTY * (centred**2).sum() / train.sum()
        image = Ridge(alpha=penalty).fit(a[train], b[train]).predict(a[[left]])[0] - b[train].mean(axis=0)
        goal = b - b[train].mean(axis=0)
        cosines = goal @ image / np.linalg.norm(goal, axis=1)
        right.append((cosines[left] > cosines[train]).mean())
    pair = [(0, 0)]
    found = held_out_emotions(
        rotated(1, noise=0.5), rotated(2, width=60, noise=0.5), pairs=pair, n_permutations=3
    )
    assert found["value"] == pytest.approx(np.mean(right))
    assert found["value"] < 1
    with pytest.raises(UserError, match='no map "ridg": did you mean "ridge"'):
        held_out_emotions(rotated(1), rotated(2), "ridg")


def test_coordinates_keep_all_distances():
    vectors = unrelated(4).values[0]
    own = coordinates(vectors)
    assert own.shape == (20, 19)
    length = np.sqrt(((vectors - vectors.mean(axis=0)) ** 2).sum() / 20)
    assert np.linalg.norm(own[3] - own[8]) == pytest.approx(np.linalg.norm(vectors[3] - vectors[8]) / length)


def test_layers_of_like_depth_are_paired():
    few = replace(unrelated(1, layers=2), layers=(8, 16), blocks=32)
    many = replace(unrelated(2, layers=30), blocks=30)
    assert like_depths(few, many) == [(8, 7), (16, 15)]
    assert like_depths(many, few) == [(7, 8), (15, 16)]
    assert len(like_depths(many, many)) == 4


def test_the_separation_along_the_first_component_follows_a_models_unit_and_the_other_scores_do_not():
    points = geometry()
    points[:5, 0] += 8
    sets = [
        rotated(seed, scale=scale, points=points, noise=0.3) for seed, scale in enumerate((0.5, 4, 30, 1000))
    ]
    table = first_component(sets, EMOTIONS[:5])
    assert len(table) == 8
    assert table["auroc"].min() > 0.99
    told = follows_length(sets, EMOTIONS[:5]).set_index("score")
    assert told.loc["separation", "r"] > 0.99
    assert told.loc["separation", "tenfold"] == pytest.approx(10)
    assert told.loc["scale_free", "tenfold"] == pytest.approx(1)
    assert told.loc["auroc", "tenfold"] == pytest.approx(1)
    assert table["scale_free"].max() < 1.2 * table["scale_free"].min()
    row = table.iloc[0]
    own = sets[0].centred()[0]
    assert row["length"] == pytest.approx(np.linalg.norm(own, axis=1).mean())
    with pytest.raises(UserError, match="needs some positive emotions and some others"):
        first_component(sets, ["z"])
