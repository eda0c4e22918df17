"""Features of emotions: planted ones are found where they were planted, and none where there is none."""

from __future__ import annotations

import numpy as np
import planted
import pytest
import torch
from sklearn.metrics import roc_auc_score
from small_dictionaries import orthogonal

from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.features.emotion_features import (
    COLUMNS,
    METHOD,
    OTHERS,
    all_features,
    areas_by_ranks,
    best_feature,
    choose_features,
    emotion_features,
    specificity,
)
from emotion_utils.statistics.auc import areas
from emotion_utils.vectors.held_out import Probes

SHIFT = 3.0


def dictionary(layer: int, directions: int = 3, noise: int = 37) -> Dictionary:
    """The planted directions of a layer, the first features, and random ones."""
    drawn = torch.randn(noise, planted.WIDTH, generator=torch.Generator().manual_seed(layer))
    rows = torch.cat([planted.directions()[:directions, layer], drawn / drawn.norm(dim=1, keepdim=True)])
    made = orthogonal(rows.numpy())  # directions of length 1; what is read is their product with the state
    bias = torch.full((planted.WIDTH,), SHIFT)
    return Dictionary(made.encoder, made.encoder_bias, made.decoder, bias, made.threshold)


@pytest.fixture(scope="module")
def probes():
    return Probes(planted.set_activations(size="baseline"), "keyword")


@pytest.fixture(scope="module")
def dictionaries():
    return {0: dictionary(0), 2: dictionary(2)}


@pytest.fixture(scope="module")
def chosen(probes, dictionaries):
    return choose_features(probes, dictionaries, n_permutations=49)


@pytest.fixture(scope="module")
def found(probes, dictionaries, chosen):
    return emotion_features(probes, dictionaries, chosen, ["other"], n_resamples=200)


def test_areas_are_those_of_scikit_learn_and_ties_go_to_the_larger_difference():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 4, (40, 5)).astype(float), rng.random((6, 40)) < 0.4
    got = areas_by_ranks(scores, labels)
    for draw, own in enumerate(labels):
        assert got[draw] == pytest.approx([roc_auc_score(own, one) for one in scores.T])
        assert got[draw] == pytest.approx(areas(scores, own))
    assert np.isnan(areas_by_ranks(scores, np.ones((1, 40), dtype=bool))).all()
    own = np.arange(40) < 20
    tied = np.stack([own * 1.0 + rng.random(40) * 0.9, own * 9.0 + rng.random(40)], axis=1)
    at, area = best_feature(tied, own[None])
    assert (at[0], area[0]) == (1, 1)


def test_planted_features_are_chosen_where_they_were_planted(chosen):
    # nothing was planted at layer 0
    assert [(one.emotion, one.layer, one.feature) for one in chosen] == [
        (emotion, 2, at) for at, emotion in enumerate(planted.EMOTIONS)
    ]
    assert all(one.built == 1 and one.built_null_high < 0.95 for one in chosen)


def test_they_hold_on_other_prompts_without_words(found):
    assert found.columns.tolist() == COLUMNS
    assert len(found) == 6
    assert (found["value"] > 0.95).all()
    rows = found[found["set"] == "other"]
    assert (rows["p"] <= 0.02).all()
    assert (rows["words"] == 0.5).all()
    assert rows["null"].between(0.35, 0.65).all()
    assert (rows["fires"] > rows["fires_else"]).all()
    assert (rows["gain_low"] <= 0).all()  # a vector does as well
    assert (rows["n_units"] == 8).all()


def test_each_is_specific_and_one_that_all_emotions_share_is_not(probes, dictionaries, chosen):
    table = specificity(probes, dictionaries, chosen, "other").set_index(["feature_of", "emotion"])
    assert len(table) == 3 * 4
    for own in planted.EMOTIONS:
        assert table.loc[(own, own), "value"] > 0.95
        assert table.loc[(own, OTHERS), "value"] > 0.9
    part = probes.parts("other", METHOD, "anger")[1]
    one = all_features(part, dictionaries)[:, 40]  # the feature of gratitude at layer 2
    assert table.loc[("gratitude", "anger"), "value"] == pytest.approx(roc_auc_score(part.positive, one))
    # a direction that all of them have equally much of
    d = (torch.linalg.pinv(planted.directions()[:, 2]) @ torch.ones(3))[None]
    made = orthogonal((d / d.norm()).numpy())
    bias = torch.full((planted.WIDTH,), SHIFT)
    alone = {2: Dictionary(made.encoder, made.encoder_bias, made.decoder, bias, made.threshold)}
    shared = specificity(probes, alone, choose_features(probes, alone, n_permutations=9), "other")
    rows = shared.set_index(["feature_of", "emotion"])["value"]
    assert rows[("gratitude", "anger")] > 0.9
    assert rows[("gratitude", OTHERS)] < 0.85


def test_where_nothing_was_planted_the_choice_shines_only_where_it_was_made(dictionaries):
    p, built, value, above = [], [], [], []
    for seed in range(6):
        table = planted.prompts("keyword")
        states = planted.activations(table, 0.0, seed=seed)
        own = Probes(
            PromptSetActivations("null", "smoke", {"keyword": table}, {"keyword": states}), "keyword", seed
        )
        chosen = choose_features(own, dictionaries, n_permutations=29, seed=seed)
        rows = emotion_features(own, dictionaries, chosen, [], n_resamples=10, seed=seed)
        p += rows["p"].tolist()
        built += rows["built"].tolist()
        value += rows["value"].tolist()
        above += (rows["built"] > rows["built_null_high"]).tolist()
    assert min(built) > 0.6  # the best of 80
    assert np.mean(value) == pytest.approx(0.5, abs=0.1)
    assert np.mean(np.array(p) <= 0.1) < 0.25
    assert np.mean(above) < 0.2


def test_a_layer_that_was_not_read_is_refused(probes):
    with pytest.raises(UserError, match=r"Layer 7 has a dictionary and was not read.*0, 1 and 2"):
        choose_features(probes, {7: dictionary(1)})
