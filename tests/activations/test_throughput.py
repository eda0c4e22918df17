"""Turns are counted, the store gives the same numbers back, and damage is refused."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest

from emotion_utils.activations.throughput import (
    ONE_AT_A_TIME,
    damage,
    from_store,
    summarise_speed,
    throughput,
)
from emotion_utils.core.store import DamagedArtefact, Store
from emotion_utils.prompts.schema import complete
from emotion_utils.runtime.benchmarking import turns


@pytest.fixture
def prompts(docs) -> pd.DataFrame:
    texts = [d.text.split("\n")[0][:60] for d in docs if len(d.text) > 20][:6]
    return complete(pd.DataFrame({"text": texts, "emotion": "neutral"}), range(6), "test.csv")


def test_rates_are_prompts_by_seconds(untrained, prompts, monkeypatch):
    seconds = iter(range(0, 1000, 2))
    by_hand = partial(turns, clock=lambda: float(next(seconds)))
    monkeypatch.setattr("emotion_utils.activations.throughput.turns", by_hand)
    table = throughput(untrained, prompts, n_prompts=4, repeats=2)
    assert table["per_second"].tolist() == [2.0, 2.0, 2.0]  # 4 prompts in 2 seconds
    assert table["times"].tolist() == [1.0, 1.0, 1.0]
    assert set(table["prompts"]) == {4}
    assert ONE_AT_A_TIME in set(table["method"])
    assert "1.0 times" in summarise_speed(table)


def test_the_store_gives_back_what_was_computed(untrained, prompts, tmp_path):
    model = untrained
    table = from_store(model, prompts, tmp_path).set_index("request")
    n = model.n_layers
    assert table["artefacts"].tolist() == [n, n, 2 * n]
    assert table["same"].tolist() == [True, True, False]


def test_one_changed_byte_is_refused(untrained, prompts, tmp_path):
    model = untrained
    from_store(model, prompts, tmp_path)
    for _ in range(2):  # changed and changed back
        path = damage(tmp_path)
    from_store(model, prompts, tmp_path)
    before = path.read_bytes()
    damage(tmp_path)
    assert sum(a != b for a, b in zip(before, path.read_bytes(), strict=True)) == 1
    key = path.name.split(".")[0]
    with pytest.raises(DamagedArtefact, match="SHA-256"):
        Store(tmp_path).get(key)
