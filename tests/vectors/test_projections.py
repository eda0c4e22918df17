"""Places along vectors: neutral at 0, the planted emotion at 1, and specific where the directions are."""

from __future__ import annotations

import planted
import pytest
import torch

from emotion_utils.vectors.held_out import Probes
from emotion_utils.vectors.projections import projections, specificity


@pytest.fixture(scope="module")
def placed():
    return projections(Probes(planted.set_activations(), "keyword"), ["keyword", "other"])


def test_neutral_prompts_lie_at_zero_and_emotional_ones_at_one(placed):
    plain = placed[placed["made"] == "minus neutral"]
    means = plain.groupby(["set", "vector", "emotion"])["value"].mean()
    for name in ("keyword", "other"):
        for emotion in planted.EMOTIONS:
            assert means[name, emotion, "neutral"] == pytest.approx(0, abs=1e-5)
            assert means[name, emotion, emotion] == pytest.approx(1, abs=0.2)


def test_only_prompts_that_chose_nothing_are_placed(placed):
    prompts = planted.prompts("keyword").set_index("id")
    assert set(prompts.loc[placed.loc[placed["set"] == "keyword", "id"], "split"]) == {"test"}
    other = planted.prompts("other", word="same").set_index("id")
    assert set(other.loc[placed.loc[placed["set"] == "other", "id"], "split"]) == {"build", "test"}


def test_a_planted_direction_is_of_its_own_emotion(placed):
    table = specificity(placed)
    assert len(table) == 2 * 2 * 3 * 2
    assert (table["value"] > 0.9).all()
    assert set(table.loc[table["set"] == "other", "holds"]) == {"yes"}
    assert set(table.loc[table["n_units"] < 8, "holds"]) <= {""}
    assert set(table["against"]) == {"neutral", "other emotions"}


def test_a_vector_of_any_emotion_loses_its_name_and_a_centred_one_does_not():
    """What the emotions share is much larger than what sets them apart."""
    activations = planted.set_activations(0.3)
    for name, found in activations.found.items():
        emotional = activations.prompts[name].query("emotion != 'neutral'")["id"]
        ends = (found.reads["position"] == "end") & found.reads["id"].isin(emotional)
        noise = torch.randn(len(found.reads), 1, generator=torch.Generator().manual_seed(3))
        for values in found.values.values():
            rows = torch.tensor(ends.to_numpy())
            values[rows] += (0.25 + 0.1 * noise[rows]) * torch.ones(planted.WIDTH)
    table = specificity(projections(Probes(activations, "keyword"), ["other"]))
    table = table[table["against"] == "other emotions"].groupby("made")["value"].mean()
    assert table["minus neutral"] < 0.75
    assert table["centred"] > table["minus neutral"] + 0.1
