"""Heads taken out by the engine equal heads taken out of the plain model, and what is shared changes nothing."""

from __future__ import annotations

import heads_by_hand as plain
import numpy as np
import pytest
import torch

from emotion_utils.activations import forward
from emotion_utils.activations.forward import HeadOutputs
from emotion_utils.circuits import ablation
from emotion_utils.circuits.ablation import ablated, means_of, pair_effects, resampled, without
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import EVERYWHERE, FROM_END

HEADS = [(0, 0), (0, 5), (1, 3), (2, 7), (3, 2)]


@torch.no_grad()
def by_hand(pairs, heads, value):
    """Effect of each head; ``value`` gives what a head is set to in a prompt."""
    found = []
    for i in range(2 * len(pairs)):
        own = plain.odds(pairs, i)
        found.append([float(own - plain.odds(pairs, i, plain.setting(h, value(i, *h)))) for h in heads])
    return np.array(found).reshape(2, len(pairs), -1)


def test_the_mean_in_place_of_a_head(pairs, means):
    effects = ablated(pairs, "mean", heads=HEADS)
    expected = by_hand(pairs, HEADS, lambda _, layer, head: means[layer, head])
    assert effects == pytest.approx(expected, abs=1e-4)
    assert np.abs(expected).max(axis=(0, 1)).min() > 1e-2  # every head does something
    assert pair_effects(effects) == pytest.approx(expected[0] - expected[1], abs=2e-4)


def test_zero_in_place_of_a_head(few):
    expected = by_hand(few, HEADS, lambda *_: torch.zeros(()))
    assert ablated(few, "zero", heads=HEADS) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("foreign", [False, True])
def test_another_prompt_in_place_of_a_head(pairs, few, foreign, monkeypatch):
    donors, heads = (pairs, HEADS[1::2]) if foreign else (few, HEADS[1::2])
    drawn = np.random.default_rng(4).integers(2 * len(donors), size=2 * len(few))
    z = {i: plain.z_of(donors.model.network, donors.ids[i]) for i in set(drawn.tolist())}

    def value(prompt, layer, head):
        own, theirs = len(few.ids[prompt]), z[drawn[prompt]][layer, :, head]
        places = [max(0, len(theirs) - own + i) for i in range(own)]
        return theirs[places]

    how = {"heads": heads, "donors": donors if foreign else None, "seed": 4}
    effects = ablated(few, "resample", **how)
    assert effects == pytest.approx(by_hand(few, heads, value), abs=1e-4)
    monkeypatch.setattr(forward, "CHUNK_BYTES", 1)  # one prompt at a time
    assert ablated(few, "resample", **how, share=False) == pytest.approx(effects, abs=5e-5)


def test_resampled_values_are_counted_from_the_end():
    values = torch.tensor([0.0, 0, 5, 6, 7]).reshape(1, 1, 5, 1, 1)  # two of padding
    given = HeadOutputs(values, values[:, 0, :, 0, 0] > 0)
    assert resampled(given, 0, 2).flatten().tolist() == [6, 7]
    assert resampled(given, 0, 5).flatten().tolist() == [5, 5, 5, 6, 7]
    assert resampled(given, 0, 7).flatten().tolist() == [5, 5, 5, 5, 5, 6, 7]


def test_means_are_those_of_a_plain_loop_without_the_first_token(pairs, means):
    found = means_of(pairs)
    torch.testing.assert_close(found, means, atol=1e-5, rtol=1e-5)
    whole = torch.cat([plain.z_of(pairs.model.network, ids) for ids in pairs.ids], dim=1).mean(1)
    assert not torch.allclose(found, whole, atol=1e-4)


def test_means_of_other_prompts_are_taken_as_they_are(few, means):
    effects = ablated(few, "mean", means=means, heads=HEADS[:2])
    expected = by_hand(few, HEADS[:2], lambda _, layer, head: means[layer, head])
    assert effects == pytest.approx(expected, abs=1e-4)


def test_what_is_computed_once_and_where_a_head_is_changed_make_no_difference(few, means, monkeypatch):
    assert [ablation.window_of(few, layer) for layer in (2, 3)] == [EVERYWHERE, FROM_END]
    effects = ablated(few, means=means)
    assert effects.shape == (2, len(few), 32)
    assert ablated(few, means=means, share=False) == pytest.approx(effects, abs=5e-5)
    monkeypatch.setattr(ablation, "window_of", lambda *_: EVERYWHERE)
    assert ablated(few, means=means) == pytest.approx(effects, abs=5e-5)


@torch.no_grad()
def test_heads_of_several_layers_are_taken_out_together(few, means):
    heads = [(3, 1), (0, 2), (0, 6), (2, 4)]
    found = few.log_odds([without(few, heads, means, "four")])[:, :, 0]

    def change(layer, z):
        z = z.clone()
        for head in [h for at, h in heads if at == layer]:
            z[:, head] = means[layer, head]
        return z

    expected = [float(plain.odds(few, i, change)) for i in range(4)]
    assert found.ravel() == pytest.approx(expected, abs=1e-4)


def test_an_ablation_that_is_not_there_is_named(few):
    with pytest.raises(UserError, match='no ablation "median": choose one of mean, zero, resample'):
        ablated(few, "median")
