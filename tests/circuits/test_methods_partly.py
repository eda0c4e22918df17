"""Screening that a budget pays for in part: the planted head is found, and what the screen misses is estimated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emotion_utils.circuits import faithfulness, findings, methods
from emotion_utils.core.profiles import HEADS_SIZES
from emotion_utils.core.store import Store
from emotion_utils.heads.budget import Plan
from emotion_utils.planted import heads as planted

LABORATORY = planted.Laboratory()


def plan_of(heads, first, sample, checked=1):
    return Plan(HEADS_SIZES["smoke"], 1000, 3, heads, first, sample, checked, 1, 1)


@pytest.fixture(scope="module")
def made():
    model = planted.made(LABORATORY, 4)
    pairs = planted.pairs_of(model, LABORATORY, 4)
    split = np.where(pairs.table["unit"] % 2 == 0, "build", "test")
    return model, replace(pairs, table=pairs.table.assign(split=split))


def test_the_planted_head_is_confirmed_and_only_heads_that_are_paid_for_are_run(made):
    model, pairs = made
    heads = len(pairs.heads)
    found = methods.screen(pairs, (methods.EXACT, "zero ablation"), plan=plan_of(heads, 2, 3))
    whole = methods.screen(pairs, (methods.EXACT,))
    exact = found.exactly
    assert exact.sum() == 5
    assert found.on_held(methods.EXACT)[:, exact] == pytest.approx(
        whole.on_held(methods.EXACT)[:, exact], abs=1e-5
    )
    own = pairs.heads.index((model.layer, model.head))
    assert own not in found.sample
    size = np.abs(found.on_held(methods.EXACT)[:, exact].mean(axis=0))
    assert np.flatnonzero(exact)[size.argmax()] == own
    assert found.weights.sum() == pytest.approx(heads)
    assert set(np.flatnonzero(~np.isnan(found.effects["zero ablation"]).all(axis=0))) <= set(found.sample)


def test_where_not_all_heads_are_run_estimates_choose_and_exact_runs_are_on_the_other_pairs(made):
    _, pairs = made
    found = methods.screen(pairs, (methods.EXACT,), plan=plan_of(len(pairs.heads), 2, 3))
    whole = methods.screen(pairs, (methods.EXACT, "attribution"))
    assert np.array_equal(found.run, ~found.built)
    assert np.isnan(found.on_build(methods.EXACT)).all()
    assert np.array_equal(found.to_choose_by(), found.on_build("attribution"))
    assert not np.isnan(found.to_choose_by()).any()
    assert whole.run.all()
    assert np.array_equal(whole.to_choose_by(), whole.on_build(methods.EXACT))


@pytest.mark.parametrize("whole", [False, True])
def test_the_orders_of_heads_begin_with_the_planted_one_and_hold_all(made, whole):
    model, pairs = made
    heads = len(pairs.heads)
    plan = plan_of(heads, heads, 0) if whole else replace(plan_of(heads, 2, 3), points=3)
    steps = replace(plan.size, steps=20 if whole else 0)
    plan = replace(plan, size=steps)
    found = methods.screen(pairs, (methods.EXACT, "attribution"), plan=plan)
    made_orders = faithfulness.orders(found, plan, seed=1)
    names = ["attribution", "greedy", *(["mask", "ablation"] if whole else []), "one random order"]
    assert list(made_orders) == names
    for name, order in made_orders.items():
        assert sorted(order) == sorted(pairs.heads)
        assert name == "one random order" or order[0] == (model.layer, model.head)


def test_what_was_screened_is_read_from_the_store(made, tmp_path, monkeypatch):
    _, pairs = made
    plan = plan_of(len(pairs.heads), 2, 3)
    monkeypatch.setattr(type(pairs.model), "identity", {"model": "planted"})
    first = methods.screen(pairs, (methods.EXACT,), plan=plan, store=Store(tmp_path))
    monkeypatch.setattr(methods, "ablated", None)
    monkeypatch.setattr(methods, "attributions", None)
    again = methods.screen(pairs, (methods.EXACT,), plan=plan, store=Store(tmp_path))
    assert np.array_equal(first.effects[methods.EXACT], again.effects[methods.EXACT], equal_nan=True)


def test_heads_that_attribution_misses_are_estimated_without_bias():
    """Forty heads, six with a large effect; attribution sees nothing in two of them."""
    heads, effect = 40, np.full(40, 0.1)
    effect[:6] = 2.0
    guess = effect.copy()
    guess[[1, 4]] = 0.0
    plan, missed, recall = plan_of(heads, 8, 8), [], []
    for seed in range(400):
        first, sample = methods.to_confirm(guess[None] + np.linspace(0, 1e-6, heads), plan, seed)
        run = [*first, *sample]
        table = pd.DataFrame({"emotion": "anger", "name": [f"H{i}" for i in run], "effect": effect[run]})
        checked = findings.screen_checked(table, [f"H{i}" for i in sample], heads, top=4)
        assert set(first) >= {0, 2, 3, 5}
        assert checked.missed_most >= checked.missed
        missed.append(checked.missed)
        recall.append(checked.recall)
    error = np.std(missed) / np.sqrt(len(missed))
    assert np.mean(missed) == pytest.approx(2, abs=4 * error)
    assert min(recall) < 1.0


def test_a_screen_that_misses_nothing_is_said_to_with_what_the_sample_leaves_open():
    table = pd.DataFrame({"emotion": "anger", "name": ["A", "B", "C", "D"], "effect": [3.0, -2.0, 0.1, 0.2]})
    checked = findings.screen_checked(table, ["C", "D"], 10, top=2)
    assert (checked.first, checked.sample, checked.rest, checked.large, checked.drawn) == (2, 2, 6, 2, 0)
    assert (checked.missed, checked.recall) == (0.0, 1.0)
    upper = 1 - 0.025 ** (1 / 2)  # Clopper-Pearson for none of two
    assert checked.missed_most == pytest.approx(8 * upper)
    assert checked.recall_least == pytest.approx(2 / (2 + 8 * upper))
    assert checked.largest == pytest.approx(0.2 / 3)
