"""Vectors of one model in another: planted maps, and two models of which one is the other in turned coordinates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from emotion_utils.alignment.mapped_vectors import (
    MAPPED,
    MAPPED_BY,
    OTHER,
    WRONG_PAIRS,
    kind_of,
    layer_at_same_depth,
    map_images,
    mapped_settings,
    neutral_rows,
)
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import random_basis
from emotion_utils.steering.trials import SteeringSetting

ORDER = np.arange(60)[None]


def rows(width=16, n=60, seed=0):
    """Rows whose first directions vary more than the last, as states do."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) * np.geomspace(3, 1, width)


@pytest.mark.parametrize(
    ("layer", "n", "source", "expected"), [(0, 4, 4, 0), (3, 4, 30, 29), (29, 30, 18, 17)]
)
def test_the_source_layer_lies_at_the_same_relative_depth(layer, n, source, expected):
    assert layer_at_same_depth(layer, n, source) == expected
    depths = [abs((k + 1) / source - (layer + 1) / n) for k in range(source)]
    assert depths[expected] == min(depths)


@pytest.mark.parametrize("kind", MAPPED_BY)
def test_a_planted_rotation_and_scale_is_found_and_wrong_pairs_lose_it(kind):
    given, turn = rows(), random_basis(16, np.random.default_rng(5))
    vector = np.random.default_rng(6).normal(size=(2, 16))
    goal = 100 * given @ turn + 7
    wrong = np.random.default_rng(7).permutation(60)[None]
    found = map_images(vector, given, goal, np.arange(60), kind, np.concatenate([ORDER, wrong]))
    truth = vector @ turn / np.linalg.norm(vector, axis=1, keepdims=True)
    assert np.linalg.norm(found, axis=-1) == pytest.approx(1)
    cosines = (found * truth).sum(axis=-1)
    assert (cosines[0] > 0.99).all()
    assert (np.abs(cosines[1]) < 0.8).all()


def test_a_direction_that_no_neutral_row_has_is_refused():
    given = rows()
    given[:, 3] = 2.0
    vector = np.eye(16)[3:4]
    with pytest.raises(
        UserError, match="makes nothing of a vector: its direction does not occur among the 60"
    ):
        map_images(vector, given, given, np.arange(60), "nested", ORDER)
    with pytest.raises(UserError, match=r"has no linear part.*take one of nested, procrustes"):
        map_images(vector, given, given, np.arange(60), "kernel", ORDER)


def test_maps_are_fitted_on_neutral_build_prompts_each_once(steered_model, implicit):
    found = neutral_rows(steered_model)
    assert len(set(found.ids)) == len(found.ids) == len(found.groups) == 126 + 42
    known = implicit.set_index("id").loc[[i for i in found.ids if i in set(implicit["id"])]]
    assert len(known) == 126
    assert set(known["emotion"]) == {"neutral"}
    assert set(known["split"]) == {"build"}
    ours = steered_model.states[torch.from_numpy(steered_model.labels == "neutral")].double().numpy()
    assert np.sort(found.values[:126], axis=0) == pytest.approx(np.sort(ours, axis=0))


def native(steered, emotion="anger", layer=1):
    vector = steered.direction(emotion, layer)
    return SteeringSetting(emotion, layer, 0.7, vector, "minus neutral", where="end of prompt")


def test_settings_keep_all_but_the_direction(steered_model):
    given = native(steered_model)
    made = mapped_settings(steered_model, steered_model, given, 3, 0)
    counts = {
        arm: sum(s.kind == kind_of("nested", arm) for s in made) for arm in (MAPPED, OTHER, WRONG_PAIRS)
    }
    assert counts == {MAPPED: 1, OTHER: 2, WRONG_PAIRS: 3}
    assert len({s.condition().name for s in made}) == len(made) == 12
    for s in made:
        assert (s.emotion, s.layer, s.alpha, s.where) == ("anger", 1, 0.7, "end of prompt")
        assert float(s.vector.norm()) == pytest.approx(float(given.vector.norm()), rel=1e-5)
    cosine = torch.cosine_similarity
    of = {s.kind: float(cosine(s.vector, given.vector, dim=0)) for s in made if s.number == 0}
    assert of[kind_of("nested", MAPPED)] > 0.95  # to itself
    assert abs(of[kind_of("nested", WRONG_PAIRS)]) < 0.8


def test_models_that_were_read_on_other_prompts_are_refused(steered_model):
    other = replace(steered_model, named={})
    with pytest.raises(UserError, match="were not read on the same neutral prompts"):
        mapped_settings(other, steered_model, native(steered_model), 1, 0)
    lacking = replace(steered_model, vectors={"centred": steered_model.vectors["centred"]})
    with pytest.raises(UserError, match='the target needs "minus neutral" for'):
        mapped_settings(lacking, steered_model, native(steered_model), 1, 0)
