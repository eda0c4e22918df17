"""The planted head is where it was said to be, its decoys are decoys, and without it nothing may be found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest

from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import EMOTIONS
from emotion_utils.planted.handmade import HEAD_DIM, handmade
from emotion_utils.planted.heads import (
    ALONE,
    ATTENTION,
    BOTH,
    CAUSAL,
    TESTED,
    Laboratory,
    delta_attention,
    effects,
    false_positives,
    found,
    made,
    null_pairs,
    null_trials,
    pairs_of,
    rankings,
)
from emotion_utils.planted.heads import tested_effects as effects_of_tests

SMALL = Laboratory(units=8)


@pytest.fixture(scope="module")
def model():
    return made(SMALL, 0)


@pytest.fixture(scope="module")
def pairs(model):
    return pairs_of(model, SMALL, 0)


@pytest.fixture(scope="module")
def ranked():
    return rankings(SMALL, range(2))


def test_a_pair_differs_by_one_word_before_a_common_ending(model, pairs):
    assert len(pairs) == 8 * len(EMOTIONS)
    for one, other, shared, emotion in zip(
        pairs.emotional, pairs.neutral, pairs.shared, pairs.table["emotion"], strict=True
    ):
        at = len(one) - 1 - shared
        assert len(one) == len(other)
        assert SMALL.shortest <= len(one) <= SMALL.longest
        assert at >= 1
        assert shared >= SMALL.ending
        assert [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b] == [at]
        assert one[at] == model.words[emotion]
        assert other[at] in model.fillers
    assert len({tuple(text[-SMALL.ending :]) for text in pairs.ids}) == 1
    assert len({int(shared) for shared in pairs.shared}) > 1


def test_prompts_of_a_unit_tell_the_same(pairs):
    for _, rows in pairs.table.groupby("unit").groups.items():
        assert len({tuple(pairs.neutral[row]) for row in rows}) == 1
        assert len({int(pairs.shared[row]) for row in rows}) == 1


def test_exchangeable_words_come_from_one_pool_and_change_from_unit_to_unit(model):
    found = null_pairs(model, replace(SMALL, units=60), 0)
    words = [
        (one[len(one) - 1 - shared], other[len(one) - 1 - shared])
        for one, other, shared in zip(found.emotional, found.neutral, found.shared, strict=True)
    ]
    pool = {*model.words.values(), *model.fillers}
    sides = [set(side) for side in zip(*words, strict=True)]
    assert len(sides[0] & sides[1]) > len(pool) / 2
    assert sides[0] | sides[1] <= pool
    for _, rows in found.table.groupby("unit").groups.items():
        assert len({words[row] for row in rows}) == 1


def test_exchanging_the_prompts_of_a_pair_changes_signs_and_nothing_else():
    model = made(replace(SMALL, noise=1.0), 1, planted=False)
    pairs = null_pairs(model, SMALL, 1)
    swapped = replace(pairs, emotional=pairs.neutral, neutral=pairs.emotional)
    one, other = effects_of_tests(pairs, 0), effects_of_tests(swapped, 0)
    for method in ("mean ablation", "attribution", BOTH, ATTENTION):
        assert other[method] == pytest.approx(-one[method], abs=1e-4)
    # one direction alone depends on which prompt is changed
    assert np.abs(np.abs(other[ALONE]) - np.abs(one[ALONE])).max() > 1e-3


@torch.no_grad()
def test_noise_reaches_all_directions_only_where_it_is_asked_to():
    for everywhere in (False, True):
        model = handmade(0, 0, 0, everywhere=everywhere)
        weight = model.model.model.layers[1].self_attn.o_proj.weight.double().numpy()
        span = np.stack([model.directions[emotion] for emotion in EMOTIONS])
        assert (np.abs(span @ weight).max() > 1e-4) == everywhere


@torch.no_grad()
def test_decoys_attend_harder_and_write_nothing_that_matters(model, pairs):
    attention = delta_attention(pairs).mean(axis=0)
    at = {head: i for i, head in enumerate(pairs.heads)}
    own = (model.layer, model.head)
    assert len(model.decoys) == 2
    assert own not in model.decoys
    assert max(attention[at[head]] for head in model.decoys) > attention[at[own]] > 0.4
    span = np.stack([model.directions[emotion] for emotion in EMOTIONS])
    for layer, head in model.decoys:
        columns = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
        written = model.model.model.layers[layer].self_attn.o_proj.weight[:, columns].double().numpy()
        assert np.abs(span @ written).max() < 1e-6
        assert np.abs(written).max() > 0


def test_attention_is_that_of_the_model_itself(model, pairs):
    row = 5
    with torch.no_grad():
        model.model.set_attn_implementation("eager")
        sides = [
            model.model(torch.tensor([text[row]]), output_attentions=True).attentions
            for text in (pairs.emotional, pairs.neutral)
        ]
        model.model.set_attn_implementation("sdpa")
    at = len(pairs.emotional[row]) - 1 - int(pairs.shared[row])
    mine = np.array(
        [float(a[0, h, -1, at] - b[0, h, -1, at]) for a, b in zip(*sides, strict=True) for h in range(4)]
    )
    assert delta_attention(pairs)[row] == pytest.approx(mine, abs=1e-5)


@pytest.mark.slow
def test_every_causal_method_ranks_it_first_and_attention_does_not(ranked):
    causal = ranked[ranked["method"] != ATTENTION]
    assert set(causal["method"]) == set(CAUSAL)
    assert len(CAUSAL) == 3 + 2 + 3 * 2
    assert (causal["rank"] == 1).all()
    assert (causal["first"] == "planted").all()
    assert (causal["lead"] > 1).all()
    assert "decoy" in set(ranked.loc[ranked["method"] == ATTENTION, "first"])
    assert ranked.groupby("seed")[["layer", "head"]].first().drop_duplicates().shape[0] > 1


def test_without_decoys_attention_finds_it_and_without_the_head_nobody_can():
    plain = rankings(replace(SMALL, decoys=0), range(3), [ATTENTION])
    assert (plain["rank"] == 1).all()
    model = made(SMALL, 0, planted=False)
    size = np.abs(effects(pairs_of(model, SMALL, 0), "mean ablation").mean(axis=0))
    planted = np.abs(effects(pairs_of(made(SMALL, 0), SMALL, 0), "mean ablation").mean(axis=0))
    assert not model.planted
    assert planted.max() > 10 * size.max()


def test_rates_count_seeds_and_have_exact_bounds():
    table = pd.DataFrame(
        {
            "method": ["a"] * 4,
            "rank": [1, 2, 1, 1],
            "first": ["planted", "decoy", "planted", "planted"],
            "lead": [2.0, 0.5, 3.0, 4.0],
        }
    )
    row = found(table, noise=0.1).iloc[0]
    bounds = binomtest(3, 4).proportion_ci(method="exact")
    assert (row["noise"], row["hits"], row["n"], row["rate"]) == (0.1, 3, 4, 0.75)
    assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    assert (row["decoy"], row["lead"]) == (0.25, 2.5)


def test_p_where_nothing_is_planted_are_those_of_exchangeable_pairs():
    trials = null_trials(replace(SMALL, noise=0.3), range(8), 39)
    whole = trials[trials["units"] == "whole"]
    rate = false_positives(trials).set_index(["null", "score"])
    for method in TESTED:
        assert ((trials[method] * 40).round(6) % 1 == 0).all()
        hits = rate.loc[("whole", method), "hits"]
        assert hits == (whole[method] <= 0.05).sum()
        assert binomtest(int(hits), 8, 0.05, alternative="greater").pvalue > 1e-3
    # single pairs are not independent: three copies of one attention look like three findings
    assert rate.loc[("torn", ATTENTION), "rate"] > 0.5


def test_everything_follows_from_the_seed(ranked):
    again = rankings(SMALL, [1], ["attribution", "resample ablation"])
    own = ranked[(ranked["seed"] == 1) & ranked["method"].isin(again["method"])]
    both = [table.set_index("method")["lead"].to_dict() for table in (again, own)]
    assert both[0] == pytest.approx(both[1])
    assert null_trials(SMALL, [3], 19).equals(null_trials(SMALL, [3], 19))


def test_what_cannot_be_is_refused(pairs):
    with pytest.raises(UserError, match='no method "magic": choose one of mean ablation'):
        effects(pairs, "magic")
    for wrong in ({"units": 7}, {"ending": 0}, {"shortest": 5}, {"longest": 7}):
        with pytest.raises(UserError, match="8 units, an ending"):
            Laboratory(**wrong)
    with pytest.raises(UserError, match="11 heads for decoys"):
        handmade(decoys=12)
