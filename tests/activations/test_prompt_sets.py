"""Reads of several sets: the end everywhere, the word where there is one, once per store."""

from __future__ import annotations

from emotion_utils.activations.prompt_sets import read_sets
from emotion_utils.core.store import Store
from emotion_utils.prompts.loading import load_profile


def test_sets_with_words_are_read_at_the_words(untrained, tmp_path):
    model = untrained
    sets = {"smoke": load_profile("smoke"), "implicit": load_profile("implicit").head(6)}
    store = Store(tmp_path)
    readings = read_sets(model, sets, "smoke", store)
    smoke, implicit = readings.found["smoke"].reads, readings.found["implicit"].reads
    assert set(smoke["position"]) == {"end", "emotion", "match"}
    assert set(implicit["position"]) == {"end"}
    assert readings.found["smoke"].layers() == list(range(model.n_layers))
    kept = store.keys()
    assert kept
    read_sets(model, sets, "smoke", store)
    assert store.keys() == kept
