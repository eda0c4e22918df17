"""Steering transfer where the truth is known: the same model in turned coordinates, and one that learnt nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.alignment.mapped_vectors import BLIND, ITSELF, MAPPED, OTHER, WRONG_PAIRS
from emotion_utils.baselines.remainder import TEXTS
from emotion_utils.core.errors import UserError
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.core.store import Store
from emotion_utils.models.loading import build_model
from emotion_utils.models.model import Model, load
from emotion_utils.planted.rotated_twins import rotated_twin
from emotion_utils.scaling import transfer as module
from emotion_utils.scaling.transfer import NATIVE, UNTOUCHED, TransferSize, planned, transfer, transfers
from emotion_utils.scaling.transfer_findings import GAIN, beside_rivals, shares
from emotion_utils.statistics.nulls import MEAN
from emotion_utils.steering.controls import KINDS
from emotion_utils.steering.subject import prepare
from emotion_utils.vectors.comparison import Comparison

RIDGE = "ridge, nested penalty"
TINY = TransferSize(9, 6, 6, 10_000)
CHOSEN = {
    emotion: pd.Series(
        {"made": "minus neutral", "where": "end of prompt and first new token", "layer": 2, "alpha": 1.0}
    )
    for emotion in ("gratitude", "anger")
}


@pytest.fixture(scope="module")
def target(implicit):
    return prepare(load("small-llama3"), implicit)


@pytest.fixture(scope="module")
def twin(target, implicit):
    network, _ = rotated_twin(target.model.network)
    return prepare(Model(network, target.model.tokenizer, "small-llama3"), implicit)


@pytest.fixture(scope="module")
def untrained(target, implicit):
    """The same architecture, with weights that were drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(target.model.network.config).eval()
    return prepare(Model(network, target.model.tokenizer, "small-llama3"), implicit)


@pytest.fixture(scope="module")
def of_twin(twin, target, untrained):
    return transfer(twin, target, CHOSEN, TINY, blind=untrained)


def pooled(table, arm, outcome=GAIN, name=RIDGE):
    found = shares(table)
    kept = (
        (found["emotion"] == MEAN)
        & (found["outcome"] == outcome)
        & (found["arm"] == arm)
        & (found["map"] == name)
    )
    return found[kept].iloc[0]


def test_the_vector_of_a_turned_model_does_what_the_own_one_does(of_twin):
    row = pooled(of_twin, MAPPED)
    assert row["own"] > 3
    assert row["share"] == pytest.approx(1, abs=0.15)
    assert row["low"] > 0.5
    # the twin's map is the model's map to itself, turned
    assert pooled(of_twin, ITSELF)["share"] == pytest.approx(row["share"], abs=0.02)
    assert pooled(of_twin, MAPPED, TEXTS)["share"] > 0.7


def test_wrong_pairs_and_a_source_that_learnt_nothing_give_little_of_it(of_twin):
    own = pooled(of_twin, MAPPED)["share"]
    assert pooled(of_twin, WRONG_PAIRS)["share"] < own / 2
    assert pooled(of_twin, BLIND)["share"] < own / 2
    found = beside_rivals(of_twin)
    kept = found[(found["emotion"] == MEAN) & (found["outcome"] == GAIN) & (found["map"] == RIDGE)]
    told = kept.set_index("against")
    assert told.loc[BLIND, "beats"] is True
    assert set(told.index) == {WRONG_PAIRS, "all random", OTHER, BLIND}
    assert told.loc[WRONG_PAIRS, "low"] > 0
    assert told.loc[WRONG_PAIRS, "p"] == pytest.approx(1 / 7)  # the first of seven


def test_every_arm_is_there_in_as_many_contexts_as_was_planned(of_twin):
    counts = of_twin.groupby(["map", "arm"])["number"].nunique()
    assert counts["", NATIVE] == counts["", UNTOUCHED] == 1
    assert [counts["", kind] for kind in KINDS] == [2, 2, 2]
    for name in (RIDGE, "Procrustes"):
        assert [counts[name, arm] for arm in (MAPPED, WRONG_PAIRS, OTHER, BLIND, ITSELF)] == [1, 6, 2, 1, 1]
    everywhere = of_twin[of_twin["arm"].isin([NATIVE, MAPPED, OTHER, BLIND])]
    assert (everywhere.groupby(["map", "arm", "number", "emotion"])["prompt"].nunique() == 9).all()
    assert everywhere.loc[everywhere["arm"] == NATIVE, "nats"].notna().all()
    drawn = of_twin[of_twin["arm"] == WRONG_PAIRS]
    assert drawn["nats"].isna().all()
    assert (drawn["prompt"] % 6 == drawn["number"] % 6).all()
    assert (of_twin.loc[of_twin["arm"] == UNTOUCHED, "gain"] == 0).all()
    assert of_twin["unit"].nunique() == 9
    assert (of_twin["tokens"] > 1000).all()
    assert (of_twin["map_bytes"] == 8 * (128 * 128 + 256)).all()


def test_the_budget_shrinks_what_is_drawn_but_not_below_the_least(target):
    size = module.TRANSFER_SIZES["baseline"]
    assert planned(target, size).sizes == {"contexts": 12, "wrong_pairs": 119, "random": 120}
    assert planned(target, replace(size, tokens=1)).sizes == {"contexts": 9, "wrong_pairs": 19, "random": 12}


def test_pairs_are_kept_and_made_anew_for_another_size(implicit, steered_model, tmp_path, monkeypatch):
    made = []
    row = {"made": "centred", "where": "end of prompt", "layer": 1, "alpha": 0.5, "model": "small-gpt2"}
    monkeypatch.setattr(module, "overview", lambda *a, **k: pd.DataFrame([row | {"emotion": "anger"}]))
    monkeypatch.setattr(Comparison, "load", lambda asked, name: replace(steered_model.model, name=name))
    monkeypatch.setattr(module, "prepare", lambda model, *a, **k: replace(steered_model, model=model))

    def fake(source, target, chosen, size, *, blind, store, seed):
        made.append((source.name, target.name, blind.name, chosen["anger"]["layer"], size.contexts))
        return pd.DataFrame({"source": [source.name], "target": [target.name], "shift": [0.5]})

    monkeypatch.setattr(module, "transfer", fake)
    choice = STEERING_SIZES["smoke"]
    for size in (TINY, TINY, replace(TINY, contexts=8)):
        asked = Comparison(["small-gpt2"], implicit, size, Store(tmp_path))
        found = transfers([("small-pythia", "small-gpt2")], asked, choice)
        assert found["source"].tolist() == ["small-pythia"]
    assert made == [("small-pythia", "small-gpt2", "small-gpt2-blind", 1, n) for n in (9, 8)]
    with pytest.raises(UserError, match="The size of a transfer is a TransferSize, not 3"):
        transfers([("small-pythia", "small-gpt2")], replace(asked, size=3), choice)


def test_the_draws_are_others_for_another_seed(target, twin):
    settings = [
        module.mapped_settings(twin, target, one, 2, seed) for seed in (0, 1) for one in _native(target)
    ]
    first, second = ([s.vector for s in part if s.kind.startswith(WRONG_PAIRS)] for part in settings)
    assert not any(torch.allclose(a, b) for a, b in zip(first, second, strict=True))
    same = [s.vector for part in settings for s in part if s.kind.startswith(MAPPED)]
    assert np.allclose(same[0], same[2])


def _native(target):
    return module.chosen_settings(target, {"anger": CHOSEN["anger"]})
