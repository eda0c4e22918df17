"""Resample ablation of sets of heads is what the plain model gives with another prompt's heads put in by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from heads_by_hand import heads_in, odds, z_of

from emotion_utils.stability import kinds


def by_hand(pairs, pair, kept, donor):
    """Difference between partners where heads outside a set give what they give on the donor, counted from the end."""
    given, found = z_of(pairs.model.network, donor), []
    for prompt in (pair, len(pairs) + pair):

        def change(layer, z):
            new = z.clone()
            n = z.shape[-3]
            at = torch.clamp(torch.arange(n) + given.shape[1] - n, min=0)
            for head in range(heads_in(pairs.model.network)):
                if (layer, head) not in kept:
                    new[..., :, head, :] = given[layer, at, head]
            return new

        found.append(float(odds(pairs, prompt, change)))
    return found[0] - found[1]


@torch.no_grad()
def test_heads_outside_a_set_give_what_they_give_on_the_drawn_prompt(few):
    sets = [[], few.heads[:2], few.heads]
    found = kinds.resample_differences(few, sets, few, seed=3)
    drawn = np.random.default_rng([3, 7]).integers(2 * len(few), size=len(few))
    for pair in range(len(few)):
        donor = few.ids[drawn[pair]]
        assert found[pair] == pytest.approx([by_hand(few, pair, own, donor) for own in sets], abs=2e-3)
    assert found[:, 2] == pytest.approx(np.subtract(*few.untouched), abs=1e-4)


def test_the_effect_of_a_head_is_what_is_lost_without_it(few):
    effects = kinds.resample_effects(few, few, seed=1)
    others = [[h for h in few.heads if h != own] for own in few.heads]
    left = kinds.resample_differences(few, others, few, seed=1)
    assert effects == pytest.approx(np.subtract(*few.untouched)[:, None] - left, abs=1e-4)


def test_standard_errors_are_those_of_means_over_units(few):
    many = replace(few, table=pd.DataFrame({"unit": np.arange(40)}))
    rng = np.random.default_rng(0)
    wide = rng.normal(0, [1.0, 1.0, 1.0], (40, 3))
    found = kinds.standard_errors(many, {"one": wide, "ten": 10 * wide}, n=2000).set_index("kind")
    assert found.loc["one", "error"] == pytest.approx(np.median(wide.std(axis=0)) / np.sqrt(40), rel=0.08)
    assert found.loc["ten", "error"] == pytest.approx(10 * found.loc["one", "error"])
    assert found.loc["one", "effect"] == pytest.approx(np.median(np.abs(wide.mean(axis=0))))


def test_draws_of_other_prompts_that_agree_make_no_error():
    effects = np.ones((4, 2))
    assert kinds.error_of_draws([effects, effects, effects]) == 0
    assert kinds.error_of_draws([effects, effects + 2]) == pytest.approx(np.sqrt(2))
