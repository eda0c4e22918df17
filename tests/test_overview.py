"""Several models beside each other: in order, once per store, and anew when something that matters changes."""

from __future__ import annotations

import pytest

from emotion_utils import overview as module
from emotion_utils.models import BUNDLED
from emotion_utils.overview import CONTROL, companions, overview
from emotion_utils.prompts import load_profile
from emotion_utils.store import Store


def test_the_control_stands_last_and_a_smoke_run_takes_only_it():
    assert companions("small-neo", "baseline")[-1] == CONTROL
    assert set(companions("small-neo", "baseline")) == set(BUNDLED)
    assert companions("small-neo", "smoke") == ["small-neo", CONTROL]
    assert companions("gpt2", "baseline")[-2:] == ["gpt2", CONTROL]
    assert companions(CONTROL, "smoke") == [CONTROL]


@pytest.fixture
def sets():
    return {"smoke": load_profile("smoke"), "implicit": load_profile("implicit").groupby(["group", "emotion"]).head(2)}


def test_scores_are_kept_and_made_anew_for_other_prompts(sets, tmp_path, monkeypatch):
    store, loaded = Store(tmp_path), []
    real = module.load_model
    monkeypatch.setattr(module, "load_model", lambda *a: loaded.append(a) or real(*a))
    first = overview(["small-pythia", CONTROL], sets, "smoke", store)
    assert first["model"].drop_duplicates().tolist() == ["small-pythia", CONTROL]
    again = overview([CONTROL, "small-pythia"], sets, "smoke", store)
    assert len(loaded) == 2
    assert again["model"].drop_duplicates().tolist() == [CONTROL, "small-pythia"]
    overview([CONTROL], {**sets, "implicit": sets["implicit"].groupby("emotion").head(10)}, "smoke", store)
    overview([CONTROL], sets, "smoke", store, seed=1)
    assert len(loaded) == 4
