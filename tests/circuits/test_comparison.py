"""Tests of the screening of a model by all methods, and of the table of several models."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.circuits import comparison, faithfulness, methods
from emotion_utils.circuits.ablation import ablated, means_of, pair_effects
from emotion_utils.core import profiles
from emotion_utils.core.store import Store
from emotion_utils.heads import openings
from emotion_utils.heads import pairs as heads_pairs
from emotion_utils.heads.pairs import emotional_pairs
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile

SIZE = profiles.HeadsSize(4, 99, 50, 6, 4, 2, 100_000)


@pytest.fixture(scope="module")
def implicit():
    table = load_profile("implicit")
    topics = ("garden", "health", "sport", "kitchen", "travel", "school")
    return table[table["topic"].isin(topics) & table["template"].str.endswith(".0")]


@pytest.fixture(scope="module")
def found(implicit):
    pairs = emotional_pairs(load("small-pythia"), implicit)
    return methods.screen(heads_pairs.few(pairs, SIZE.pairs))


def test_means_are_those_of_the_build_split_and_effects_those_of_each_method(found):
    assert set(found.effects) == set(methods.METHODS)
    assert means_of(found.build).equal(found.means)
    assert set(found.build.table["split"]) == {"build"}
    assert set(found.held.table["split"]) == {"select", "test"}
    exact = pair_effects(ablated(found.held, "mean", means=found.means))
    assert found.on_held(methods.EXACT) == pytest.approx(exact, abs=1e-4)


def test_the_same_heads_lead_by_every_method(found):
    leading = [int(np.abs(found.on_held(name).mean(axis=0)).argmax()) for name in found.effects]
    assert np.isnan(found.effects["attribution"][found.built]).all()
    assert len(set(leading)) == 1


def test_the_summary_tells_what_is_chosen_on_build_and_scored_elsewhere(found):
    screening, table = comparison.summary(found, SIZE), comparison.circuit_summary(found, SIZE)
    assert screening["emotion"].tolist() == table["emotion"].tolist() == found.pairs.emotions
    order = np.argsort(-found.effects[methods.EXACT][found.built].mean(axis=0), kind="stable")
    heads = [found.pairs.heads[i] for i in order][: int(table["size"].iloc[0])]
    own = found.held.where(found.held.table["emotion"] == table["emotion"].iloc[0])
    share = faithfulness.share_table(own, faithfulness.differences(own, [heads], found.means), n_resamples=10)
    assert table["kept"].iloc[0] == pytest.approx(share["share"].iloc[0], abs=1e-5)
    assert (table["kept"] > table["random"]).all()
    assert (screening["difference"] > 5).all()
    told = comparison.by_circuit(table.assign(model="small-pythia")).loc["small-pythia"]
    assert told["kept"] == table["kept"].min()
    few_heads, kept = 2 * table["size"].iloc[0] < 32, table["kept"].min() >= faithfulness.GOAL
    assert told["enough"] == (few_heads and kept)


def test_models_below_each_other_are_kept_and_the_blind_one_has_no_shares(implicit, tmp_path, monkeypatch):
    names = ["small-pythia", "small-gpt2-blind"]
    asked = (names, implicit, SIZE, Store(tmp_path))
    table, own = comparison.overview(*asked), comparison.circuits_of(*asked)
    blind, sets = (some[some["model"] == "small-gpt2-blind"] for some in (table, own))
    assert blind["difference"].abs().max() < openings.LEAST
    assert blind["largest_share"].isna().all()
    assert sets[["kept", "random"]].isna().all().all()
    assert (sets["size"] == 0).all()
    assert table["model"].tolist() == own["model"].tolist() == [names[0]] * 3 + [names[1]] * 3
    monkeypatch.setattr(comparison, "screen", None)
    assert comparison.overview(*asked).equals(table)
    assert comparison.circuits_of(*asked).equals(own)
