"""A vector as a condition: its length is counted in residual norms, its direction is the vector's."""

from __future__ import annotations

from dataclasses import replace

import own_labels
import pytest
import torch

from emotion_utils.activations.prompt_sets import read_activations
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.prompts.loading import load_profile
from emotion_utils.steering.conditions import steer
from emotion_utils.vectors.vector import EmotionVector

SMOKE = load_profile("smoke")


@pytest.fixture(scope="module")
def vector(small):
    values = torch.randn(small.n_layers, small.d_model, generator=torch.Generator().manual_seed(0))
    return EmotionVector("anger", "drawn", small.name, tuple(range(small.n_layers)), values)


def test_alpha_counts_median_residual_norms_of_neutral_tokens(small, vector):
    condition = steer(small, vector, 2, -1.5, prompts=SMOKE)
    (edit,) = condition.edits
    neutral = SMOKE[(SMOKE["emotion"] == "neutral") & (SMOKE["split"] == "build")]
    norms = [
        read_activations(small, neutral.iloc[[i]], ["all"]).at("all")[1][1:, 2].norm(dim=-1)
        for i in range(len(neutral))
    ]
    added = edit.scale * edit.value
    assert float(added.norm()) == pytest.approx(1.5 * float(torch.cat(norms).median()), rel=1e-4)
    torch.testing.assert_close(added / added.norm(), -vector.at(2) / vector.at(2).norm())
    assert condition.name == "anger -1.5 at layer 2"
    assert str(edit.point) == "resid_post.2"


@pytest.mark.parametrize(
    ("layer", "alpha", "sentence"),
    [
        (4, 1.0, r"has the layers \(0, 1, 2, 3\), not 4"),
        (-1, 1.0, r"has the layers \(0, 1, 2, 3\), not -1"),
        (1, float("nan"), "a finite number, not nan"),
        (1, float("inf"), "a finite number, not inf"),
    ],
)
def test_layers_and_strengths_that_are_none_are_refused(small, vector, layer, alpha, sentence):
    with pytest.raises(UserError, match=sentence):
        steer(small, vector, layer, alpha, prompts=SMOKE)


def test_a_vector_of_another_model_is_refused(small, vector):
    with pytest.raises(UserError, match='of the model "small-neo", and this is "small-gpt2"'):
        steer(small, replace(vector, model="small-neo"), 1, prompts=SMOKE)


def test_no_strength_is_the_untouched_model_and_an_unknown_place_is_refused(small, vector):
    assert steer(small, vector, 1, 0, prompts=SMOKE) is UNTOUCHED
    with pytest.raises(UserError, match='did you mean "everywhere"'):
        steer(small, vector, 1, where="everywher", prompts=SMOKE)


def test_a_vector_of_an_own_label_steers_and_the_unit_needs_no_neutral_prompt(small, vector, tmp_path):
    own = own_labels.texts_of(small.tokenizer, tmp_path, ("joy", "worry"))
    made = replace(vector, emotion="joy")
    assert steer(small, made, 2, prompts=SMOKE).name == "joy +1 at layer 2"
    (edit,) = steer(small, made, 2, prompts=own).edits
    build = own[own["split"] == "build"]
    norms = [
        read_activations(small, build.iloc[[i]], ["all"]).at("all")[1][1:, 2].norm(dim=-1)
        for i in range(len(build))
    ]
    assert float((edit.scale * edit.value).norm()) == pytest.approx(
        float(torch.cat(norms).median()), rel=1e-4
    )
