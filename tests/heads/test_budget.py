"""What a budget pays for: everything on a small model, and by the same rule less on one that costs more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils.core.profiles import HEADS_SIZES
from emotion_utils.heads import budget
from emotion_utils.heads.pairs import emotional_pairs
from emotion_utils.models.model import load
from emotion_utils.models.registry import BUNDLED
from emotion_utils.prompts.loading import load_profile
from emotion_utils.statistics.resampling import FEWEST_UNITS


@pytest.fixture(scope="module")
def every():
    return emotional_pairs(load("small-gpt2"), load_profile("implicit"))


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("profile", ["smoke", "baseline"])
def test_every_head_of_the_bundled_models_is_paid_for(name, profile):
    pairs = emotional_pairs(load(name), load_profile("implicit"))
    plan = budget.planned(HEADS_SIZES[profile], pairs)
    assert plan.whole
    assert plan.size == HEADS_SIZES[profile]
    assert (plan.first, plan.sample, plan.kept) == (32, 0, plan.every)


def test_a_model_pays_in_proportion_to_its_weights_below_a_hundred_millions(every):
    block = 12 * 128**2 + 13 * 128  # GPT-2: weights, biases and norms of a block of width 128
    assert budget.block_weights(every.model) == every.model.n_layers * block
    plan = budget.planned(HEADS_SIZES["baseline"], every)
    assert plan.tokens == round(HEADS_SIZES["baseline"].tokens * 1e8 / (4 * block))


def test_what_does_not_fit_gives_way_and_the_exact_runs_keep_to_their_share(every):
    whole = HEADS_SIZES["baseline"]
    plan = budget.planned(replace(whole, tokens=200), every)
    kept = plan.pairs(every)
    scored = kept.table[kept.table["split"] != "build"]
    assert not plan.whole
    assert scored.groupby("emotion")["unit"].nunique().min() >= FEWEST_UNITS
    assert len(kept) == plan.kept < plan.every == len(every)
    # a head at layer l costs the layers from l on: of 4 layers 4, 3, 2 and 1, on average 5/8 of a pass
    one = sum(map(len, kept.where(kept.table["split"] != "build").ids)) * 5 / 8
    exact = plan.first + plan.sample
    assert exact * one <= 0.4 * plan.tokens < (exact + 1) * one
    told = budget.told(plan, whole).set_index("what")
    assert told.loc["heads, taken out exactly, on pairs that nothing is chosen on"].tolist() == [
        exact,
        32 - exact,
    ]
    assert (told[["run", "left out"]] >= 0).all().all()


@pytest.mark.parametrize("tokens", [200, 20_000, 51_000, 90_000, 150_000])
def test_a_plan_is_whole_or_estimates_choose_at_its_price(every, tokens):
    plan = budget.planned(
        replace(HEADS_SIZES["baseline"], tokens=tokens * 4 * (12 * 128**2 + 13 * 128) // 10**8 + 1), every
    )
    kept = plan.pairs(every)
    run = kept if plan.whole else kept.where(kept.table["split"] != "build")
    exact = plan.first + plan.sample
    assert plan.whole == (plan.kept == plan.every)
    assert plan.whole == (exact == len(every.heads))
    assert (
        exact == budget.FEWEST_HEADS
        or exact * budget.ablation_tokens(run) <= budget.EXACT_SHARE * plan.tokens
    )
