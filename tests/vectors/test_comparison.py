"""Several models beside each other: in order, once per store, and anew when something that matters changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import planted
import pytest
from scipy.stats import t

from emotion_utils.core.store import Store
from emotion_utils.models.comparison import CONTROL, companions
from emotion_utils.models.model import load
from emotion_utils.models.registry import MINIATURES
from emotion_utils.prompts.lexical_baseline import folded_log_odds
from emotion_utils.prompts.loading import load_profile
from emotion_utils.vectors import comparison as module
from emotion_utils.vectors.comparison import Comparison, beside_control, beside_rival, load_once, overview
from emotion_utils.vectors.held_out import Probes, mean_draws


def test_the_control_stands_last_and_a_smoke_run_takes_only_it():
    assert companions("small-neo", "baseline")[-1] == CONTROL
    assert set(companions("small-neo", "baseline")) == set(MINIATURES)
    assert companions("small-neo", "smoke") == ["small-neo", CONTROL]
    assert companions("gpt2", "baseline") == ["gpt2", "small-gpt2", CONTROL]
    assert companions("./somewhere/else", "powered") == ["./somewhere/else", "small-gpt2", CONTROL]
    assert companions("gpt2", "smoke") == ["gpt2", CONTROL]
    assert companions(CONTROL, "smoke") == [CONTROL]


@pytest.fixture
def sets():
    return {
        "smoke": load_profile("smoke"),
        "implicit": load_profile("implicit").groupby(["group", "emotion"]).head(2),
    }


def test_scores_are_kept_and_made_anew_for_other_prompts(sets, tmp_path, monkeypatch):
    store, loaded = Store(tmp_path), []
    real = module.load
    monkeypatch.setattr(module, "load", lambda *a: loaded.append(a) or real(*a))
    first = overview(["small-pythia", CONTROL], sets, "smoke", store)
    assert first["model"].drop_duplicates().tolist() == ["small-pythia", CONTROL]
    again = overview([CONTROL, "small-pythia"], sets, "smoke", store)
    assert len(loaded) == 2
    assert again["model"].drop_duplicates().tolist() == [CONTROL, "small-pythia"]
    overview([CONTROL], {**sets, "implicit": sets["implicit"].groupby("emotion").head(10)}, "smoke", store)
    overview([CONTROL], sets, "smoke", store, seed=1)
    assert len(loaded) == 4
    labels = sets["implicit"]["emotion"].sample(frac=1, random_state=0).to_numpy()
    overview([CONTROL], {**sets, "implicit": sets["implicit"].assign(emotion=labels)}, "smoke", store)
    assert len(loaded) == 5


def test_a_model_at_hand_is_not_loaded_again_unless_something_else_is_asked_for(monkeypatch, sets, tmp_path):
    own, loaded = load("small-pythia", dtype="float32"), []
    monkeypatch.setattr(module, "load", lambda *a: loaded.append(a) or load(*a))
    asked = {
        "models": ["small-pythia", CONTROL],
        "prompts": sets["smoke"],
        "size": 1,
        "store": Store(tmp_path),
    }
    assert Comparison(**asked, own=own).load("small-pythia") is own
    assert loaded == []
    for options in ({"dtype": "bfloat16"}, {"own": replace(own, loaded=False)}, {"own": None}):
        other = Comparison(**{**asked, "own": own, **options}).load("small-pythia")
        assert other is not own
        assert str(other.dtype) == f"torch.{options.get('dtype', 'float32')}"
    assert Comparison(**asked, own=own).load(CONTROL).name == CONTROL
    loaded.clear()
    beside = overview(asked["models"], sets, "smoke", Store(tmp_path / "own"), own=own)
    assert [name for name, *_ in loaded] == [CONTROL]
    pd.testing.assert_frame_equal(beside, overview(asked["models"], sets, "smoke", Store(tmp_path / "new")))


def test_a_model_that_reads_otherwise_is_loaded_again():
    own = load("small-neo")
    assert load_once(own, "small-neo", "cpu", "float32", "off", "off") is own
    other = replace(own, reading=replace(own.reading, chat=not own.reading.chat))
    assert load_once(other, "small-neo", "cpu", "float32", "off", "off").reading == own.reading


def test_models_are_compared_with_the_control_draw_by_draw(sets, tmp_path):
    powered = {"baseline": load_profile("baseline"), "implicit": load_profile("implicit")}
    table = overview(["small-pythia", CONTROL], powered, "baseline", Store(tmp_path))
    row = beside_control(table, "implicit").iloc[0]
    means = table[(table["set"] == "implicit") & (table["emotion"] == "mean")].set_index("model")
    assert row["difference"] == pytest.approx(means["value"]["small-pythia"] - means["value"][CONTROL])
    difference = np.array(means["draws"]["small-pythia"]) - np.array(means["draws"][CONTROL])
    assert means["effective"]["small-pythia"] <= means["n_units"]["small-pythia"] + 1e-9
    units = means["n_units"]["small-pythia"]
    half = t.ppf(0.975, units - 1) * difference.std() * np.sqrt(units / (units - 1))
    assert half < row["difference"] - row["low"] < 1.5 * half  # near the end of the scale it is wider
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert beside_control(table[table["model"] != CONTROL], "implicit").empty


def test_models_are_compared_with_words_of_the_set_itself_draw_by_draw():
    probes = Probes(planted.set_activations(), "keyword")
    scored = {emotion: probes.score("other", "sentence end", emotion) for emotion in probes.emotions("other")}
    draws = mean_draws(list(scored.values()), 0)[0]
    row = {"set": "other", "emotion": "mean", "value": 1.0, "effective": 12.0, "draws": draws.tolist()}
    table = pd.DataFrame([{"model": "ours", **row}, {"model": "none", **row, "draws": None}])
    (found,) = beside_rival(table, probes, "other").itertuples()
    odds = folded_log_odds(probes.activations.prompts["other"])
    areas = []
    for emotion, one in scored.items():  # the area counts pairs of an emotional and a neutral prompt
        of = odds.loc[one.part.prompts["id"], emotion].to_numpy()
        apart = of[one.part.positive][:, None] - of[~one.part.positive][None]
        areas.append(((apart > 0) + 0.5 * (apart == 0)).mean())
    assert found.rival == pytest.approx(np.mean(areas))
    assert found.difference == pytest.approx(1 - found.rival)
    assert found.low < found.difference <= found.high
    assert beside_rival(table.assign(draws=None), probes, "other").empty
