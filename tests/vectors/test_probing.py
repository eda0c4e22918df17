"""Probes: a planted direction is found, areas are scikit-learn's, and permuted labels find nothing."""

from __future__ import annotations

import numpy as np
import planted
import pytest
import torch
from sklearn.metrics import roc_auc_score

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.auc import areas
from emotion_utils.vectors.probing import (
    METHODS,
    best_layer,
    by_emotion,
    contrast,
    fit,
    null_areas,
    permutations,
    project,
    shuffled,
    swapped,
)


@pytest.fixture(scope="module")
def given():
    return planted.set_activations()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_recovers_the_planted_direction(given, method):
    truth = planted.directions()
    for i, emotion in enumerate(planted.EMOTIONS):
        both = contrast(given.prompts["keyword"], given.found["keyword"], emotion, METHODS[method])
        vector = fit(both, method, "planted")
        for layer in (1, 2):
            cosine = float(torch.cosine_similarity(vector.at(layer), truth[i, layer], dim=0))
            assert cosine > (0.98 if method.startswith("logistic") else 0.99), (emotion, layer)
        assert abs(float(vector.unit().at(0) @ truth[i, 0])) < 0.6  # nothing was planted there


def test_a_contrast_holds_the_emotion_and_its_own_partners(given):
    prompts = given.prompts["keyword"]
    both = contrast(prompts, given.found["keyword"], "anger", "end")
    own = prompts[prompts["pair_id"].str.contains("-anger-")]
    assert sorted(both.prompts["id"]) == sorted(own["id"])
    assert both.positive.sum() == len(own) / 2
    by_id = prompts.set_index("id")
    assert (by_id.loc[both.prompts["id"], "emotion"].to_numpy() == "anger").tolist() == both.positive.tolist()
    chosen = both.only("select", "test")
    assert set(chosen.prompts["split"]) == {"select", "test"}
    assert len(chosen.values) == len(chosen.positive) == len(chosen.prompts) == len(both.prompts) * 2 // 5


def test_an_emotion_word_is_compared_with_the_match_of_its_own_pair(given):
    both = contrast(given.prompts["keyword"], given.found["keyword"], "apology", "word")
    assert both.prompts["id"][both.positive].tolist() == both.prompts["id"][~both.positive].tolist()
    assert set(by_emotion(given.prompts["keyword"], given.found["keyword"])) == set(planted.EMOTIONS)


def test_areas_are_those_of_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=(60, 4, 3)), 1)
    positive = rng.random(60) < 0.4
    found = areas(scores, positive)
    for i in range(4):
        for j in range(3):
            assert found[i, j] == pytest.approx(roc_auc_score(positive, scores[:, i, j]), abs=1e-12)
    assert np.isnan(areas(scores, np.ones(60, dtype=bool))).all()


def test_areas_of_one_column_of_labels_each_and_of_columns_that_are_not_numbers():
    rng = np.random.default_rng(1)
    scores, positive = rng.normal(size=(40, 5)), rng.random((40, 5)) < 0.5
    scores[:, 1], scores[3, 2], positive[:, 4] = 7.0, np.nan, False
    scores[:20, 3] = scores[20:, 3]
    found = areas(scores, positive)
    assert np.isnan(found).tolist() == [False, False, True, False, True]
    for i in (0, 1, 3):
        assert found[i] == pytest.approx(roc_auc_score(positive[:, i], scores[:, i]), abs=1e-12)


def test_the_best_layer_has_the_largest_area_and_then_the_largest_gap():
    positive = np.array([True] * 4 + [False] * 4)
    apart, wider = np.r_[np.full(4, 1.0), np.zeros(4)], np.r_[np.full(4, 9.0), np.zeros(4)]
    noise = np.tile([0.0, 0.1], 4)
    mixed = np.r_[1.0, 1, 1, -1, 0, 0, 0, 0]
    assert best_layer(np.stack([mixed, apart + noise, wider + noise], axis=1), positive) == 2
    assert best_layer(np.stack([wider + noise, mixed], axis=1), positive) == 0


def test_a_projection_is_an_inner_product_by_layer(given):
    both = contrast(given.prompts["keyword"], given.found["keyword"], "gratitude", "end")
    direction = fit(both, "sentence end").values
    scores = project(both, torch.stack([direction, -direction]))
    assert scores.shape == (len(both.positive), 2, planted.LAYERS)
    assert np.allclose(scores[5, 0, 1], float(both.values[5, 1] @ direction[1]), atol=1e-5)
    assert np.allclose(scores[:, 0], -scores[:, 1], atol=1e-5)


@pytest.mark.parametrize("method", ["sentence end", "emotion word", "logistic, end"])
def test_permuted_labels_find_no_direction(given, method):
    both = contrast(given.prompts["keyword"], given.found["keyword"], "anger", METHODS[method])
    null = shuffled(both, method, 40, seed=0)
    cosines = torch.cosine_similarity(null[:, 1], planted.directions()[1, 1], dim=-1)
    assert len(null) >= 38
    assert abs(float(cosines.mean())) < 0.35
    assert torch.equal(null, shuffled(both, method, 40, seed=0))


def test_labels_are_permuted_by_whole_families(given):
    both = contrast(given.prompts["keyword"], given.found["keyword"], "anger", "end")
    for labels in permutations(both, 20, seed=0):
        for block in both.prompts["block"].unique():
            assert len(set(labels[both.prompts["block"] == block])) == 1
        assert labels.sum() == both.positive.sum()


def test_labels_are_exchanged_inside_whole_units_and_alike_in_all_contrasts():
    table = planted.shared()
    found = planted.activations(table, 1.0)
    flips = {}
    for emotion in planted.EMOTIONS:
        both = contrast(table, found, emotion, "end")
        universe = both.prompts["unit"].to_numpy()
        drawn = swapped(both, universe, 30, seed=3)
        changed = drawn != both.positive
        for unit in np.unique(universe):
            own = changed[:, universe == unit]
            assert (own == own[:, :1]).all()
        flips[emotion] = np.stack([changed[:, universe == unit][:, 0] for unit in np.unique(universe)])
    assert 0.4 < flips["anger"].mean() < 0.6
    assert (flips["anger"] == flips["apology"]).all()


def test_the_null_chooses_its_layer_again():
    """A layer that tells everything in the select split must not be taken for granted under exchanged labels."""
    table = planted.shared(families=40)
    both = contrast(table, planted.activations(table, 3.0), "anger", "end")
    vector, universe = fit(both.only("build"), "sentence end").values, both.prompts["unit"].unique()
    drawn = null_areas(vector, both.only("select"), both.only("test"), universe, 400, 0)
    fixed = areas(
        np.broadcast_to(project(both.only("test"), vector)[:, 1:2], (len(both.only("test").positive), 400)),
        swapped(both.only("test"), universe, 400, 2).T,
    )
    assert 0.4 < np.nanmean(drawn) < 0.6
    assert not np.array_equal(drawn, fixed)


def test_mistakes_are_named(given):
    with pytest.raises(UserError, match='no contrast for "joy"'):
        contrast(given.prompts["keyword"], given.found["keyword"], "joy")
    without = given.prompts["keyword"].query("emotion != 'anger'")
    with pytest.raises(UserError, match='no contrast for "anger": Known: gratitude and apology'):
        contrast(without, given.found["keyword"], "anger")
    both = contrast(given.prompts["keyword"], given.found["keyword"], "anger", "end")
    with pytest.raises(UserError, match='no method "mean"'):
        fit(both, "mean")
    with pytest.raises(UserError, match='needs reads at "word", and these are at "end"'):
        fit(both, "emotion word")
