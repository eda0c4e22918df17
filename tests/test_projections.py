"""Places along vectors: neutral at 0, the planted emotion at 1, and specific where the directions are."""

from __future__ import annotations

import planted
import pytest

from emotion_utils.held_out import Probes
from emotion_utils.projections import projections, specificity


@pytest.fixture(scope="module")
def placed():
    return projections(Probes(planted.readings(), "keyword"), ["keyword", "other"])


def test_neutral_prompts_lie_at_zero_and_emotional_ones_at_one(placed):
    means = placed.groupby(["set", "vector", "emotion"])["value"].mean()
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
    assert len(table) == 2 * 3 * 2
    assert (table["value"] > 0.9).all()
    assert set(table["against"]) == {"neutral", "other emotions"}
