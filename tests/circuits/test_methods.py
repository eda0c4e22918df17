"""Screening in one call: the effects that the exact way gives, on pairs that nothing was chosen on."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.circuits.ablation import ablated, means_of
from emotion_utils.circuits.methods import screen_heads
from emotion_utils.core.errors import UserError
from emotion_utils.heads.pairs import emotional_pairs, head_of, head_pairs


@pytest.fixture(scope="module")
def chosen(small):
    return head_pairs(small, "implicit", n=2)


def test_pairs_are_taken_in_turn_from_a_set_by_its_name(small, implicit, chosen):
    assert (chosen.table.groupby(["emotion", "split"]).size() == 2).all()
    whole = head_pairs(small, "implicit")
    assert whole.table.equals(emotional_pairs(small, implicit).table)
    assert set(chosen.table["pair"]) < set(whole.table["pair"])


def test_heads_are_scored_by_ablation_on_other_pairs_than_their_means_come_from(chosen):
    table = screen_heads(chosen, n_permutations=19, n_resamples=19)
    held = chosen.of("select", "test")
    effects = np.subtract(*ablated(held, "mean", means=means_of(chosen.of("build"))))  # (pair, head)
    for emotion, own in table.groupby("emotion", sort=False):
        expected = effects[(held.table["emotion"] == emotion).to_numpy()].mean(axis=0)
        assert own["effect"].tolist() == pytest.approx(expected.tolist(), abs=1e-4)
        assert [head_of(name) for name in own["name"]] == chosen.heads
        assert set(own["n"]) == {4}
    with pytest.raises(UserError, match='did you mean "mean ablation"'):
        screen_heads(chosen, "mean-ablation")
