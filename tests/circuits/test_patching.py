"""Patched heads are those of the plain model: by mode, both ways, alone and together."""

from __future__ import annotations

import heads_by_hand as plain
import numpy as np
import pytest
import torch

from emotion_utils.activations import forward
from emotion_utils.circuits.patching import (
    DIRECTIONS,
    MODES,
    Patched,
    aligned,
    moved_outputs,
    patch,
    patching_conditions,
)
from emotion_utils.core.errors import UserError
from emotion_utils.heads.pairs import emotional_pairs
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile

SETS = [[(1, 6)], [(3, 3)], [(0, 2), (1, 0), (1, 1), (2, 5), (3, 7)]]
ROTARY = ("small-pythia", "small-llama3", "small-qwen3", "small-gemma3")


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_heads_are_patched_as_in_the_plain_model(uneven, mode, direction):
    into = ("noising", "denoising").index(direction)
    found = patch(uneven, SETS, mode, direction)
    with torch.no_grad():
        for pair in range(len(uneven)):
            expected = plain.patched(uneven, pair, SETS, mode, into)
            assert found.patched[pair] == pytest.approx(expected, abs=1e-4)
            both = [float(plain.odds(uneven, side * len(uneven) + pair)) for side in (into, 1 - into)]
            assert (found.target[pair], found.source[pair]) == pytest.approx(both, abs=1e-4)
    assert np.abs(found.patched - found.target[:, None]).max(axis=0).min() > 1e-3  # every set does something


def test_attention_over_values_of_the_source_is_what_heads_give(few):
    for direction in DIRECTIONS:
        own, product = (patch(few, SETS, mode, direction).patched for mode in ("z", "pattern_v"))
        assert product == pytest.approx(own, abs=1e-5, rel=1e-5)


def test_writing_attention_over_values_changes_every_family(few):
    """Also GPT-Neo, whose attention is a module within a module."""
    found = patch(few, None, "pattern_v")
    assert found.patched.shape == (len(few), 32)
    assert (np.abs(found.patched - found.target[:, None]).max(axis=0) > 1e-4).all()


def test_a_head_that_shares_its_values_moves_alone(few):
    """Heads 4 and 5 have the same values in the models with grouped queries."""
    one, other, both = patch(few, [[(1, 4)], [(1, 5)], [(1, 4), (1, 5)]], "v_only").patched.T
    assert np.abs(both - one).max() > 1e-4
    assert np.abs(both - other).max() > 1e-4
    conditions, _ = patching_conditions(few, [0], [[(1, 4)]], "v_only")
    (edit,) = conditions[1].edits
    assert (edit.heads, str(edit.point)) == ((4,), "z.1")
    grouped = few.model.network.config.model_type not in ("gpt2", "gpt_neo", "gpt_neox")
    v = plain.values_and_patterns(few.model.network, few.ids[0])[0][1]
    assert torch.equal(v[:, 4], v[:, 5]) == grouped


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_all_heads_at_the_shared_ending_are_all_that_matters(pairs, direction):
    """What follows reads the prompt through heads alone; learned positions also tell how long it is."""
    learned = pairs.model.network.config.model_type in ("gpt2", "gpt_neo")
    kept = pairs.where(pairs.table["pair"] == "p2") if learned else pairs
    found = patch(kept, [kept.heads, kept.heads[:-8]], "z", direction)
    assert found.patched[:, 0] == pytest.approx(found.source, abs=1e-4)
    assert found.share[0] == pytest.approx(1, abs=1e-4)
    assert found.share[1] != pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ROTARY)
def test_on_the_bundled_prompts_all_heads_carry_the_whole_difference(name):
    prompts = load_profile("implicit")
    some = prompts[prompts["pair_id"].isin(prompts["pair_id"].drop_duplicates()[::50])]
    pairs = emotional_pairs(load(name), some)
    assert len(pairs) >= 3
    for direction in DIRECTIONS:
        for mode in ("z", "pattern_v"):
            found = patch(pairs, [pairs.heads], mode, direction)
            assert found.share == pytest.approx([1], abs=1e-4)
            assert found.patched[:, 0] == pytest.approx(found.source, abs=1e-3)
    assert (found.source - found.target).mean() < -1  # noising: down to the neutral odds


@pytest.mark.parametrize("mode", MODES)
def test_what_is_computed_once_and_runs_of_pairs_make_no_difference(few, mode, monkeypatch):
    whole = patch(few, SETS[1:], mode).patched
    assert patch(few, SETS[1:], mode, share=False).patched == pytest.approx(whole, abs=5e-5)
    monkeypatch.setattr(forward, "CHUNK_BYTES", 1)  # one pair at a time
    assert patch(few, SETS[1:], mode).patched == pytest.approx(whole, abs=5e-5)


def test_heads_are_patched_at_other_places_on_demand(pairs):
    lengths = zip(map(len, pairs.emotional), map(len, pairs.neutral), strict=True)
    assert aligned(pairs).tolist() == [min(both) - 1 for both in lengths]
    conditions, plan = patching_conditions(
        pairs, [1, 3], SETS[1:], direction="noising", matched=aligned(pairs)
    )
    assert plan.tolist() == [[1, 1], [1, 2], [3, 3], [3, 4]]
    found = pairs.log_odds(conditions, plan)
    expected = [plain.patched(pairs, pair, SETS[1:], "z", 0, places) for pair, places in ((1, 8), (3, 16))]
    assert found.reshape(2, 2) == pytest.approx(np.array(expected), abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_moved_depends_on_no_other_prompt(pairs, mode):
    together = moved_outputs(pairs, pairs.emotional, pairs.neutral, mode)
    for i in range(len(pairs)):
        alone = moved_outputs(pairs, pairs.emotional[i : i + 1], pairs.neutral[i : i + 1], mode)
        n = int(alone.real[0].sum())
        assert n == int(together.real[i].sum())
        assert n == len((pairs.neutral if mode == "v_only" else pairs.emotional)[i])
        torch.testing.assert_close(together.tail(i, n), alone.tail(0, n), atol=1e-4, rtol=1e-4)


def test_what_is_moved_is_what_the_emotional_heads_add_or_what_is_lost_without_them():
    up = Patched(np.array([3.0, 5.0]), np.array([1.0, 1.0]), np.array([[2.0, 1.0], [3.0, 0.0]]))
    assert up.moved.tolist() == [[1, 0], [2, -1]]
    assert up.share == pytest.approx([0.5, -1 / 6])
    down = Patched(up.target, up.source, up.patched, "noising")
    assert down.moved.tolist() == [[1, 2], [2, 5]]
    assert down.share == pytest.approx([0.5, 7 / 6])
    # an emotion whose prompts are less emotional than neutral ones keeps its sign
    odd = Patched(np.array([1.0]), np.array([3.0]), np.array([[2.0]]))
    assert odd.moved.tolist() == [[-1]]
    assert odd.share == pytest.approx([0.5])


def test_modes_and_directions_that_are_not_there_are_named(few):
    with pytest.raises(UserError, match='no mode "v": '):
        patch(few, mode="v")
    with pytest.raises(UserError, match='no direction "denoise": did you mean "denoising"'):
        patch(few, direction="denoise")
