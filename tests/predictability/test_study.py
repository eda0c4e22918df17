"""A study reads windows that do not overlap, and scores predictions on texts that nobody learnt from."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from emotion_utils import corpora
from emotion_utils.models.model import load
from emotion_utils.parts.baselines import NAMES
from emotion_utils.predictability.sizes import SMOKE
from emotion_utils.predictability.study import OTHER_TEXT, PREDICTOR, USES, chosen, predictions_of, windows_of


@pytest.fixture(scope="module")
def windows():
    texts = corpora.read("small world", groups={"train": 3, "validation": 1, "test": 2})
    return windows_of(load("small-llama3"), texts, SMOKE)


def test_uses_are_disjoint_windows_of_their_splits(windows):
    found = chosen(windows, SMOKE)
    assert {use: len(rows) for use, rows in found.items()} == {use: getattr(SMOKE, use) for use in USES}
    every = np.concatenate(list(found.values()))
    assert len(set(every)) == len(every)
    assert set(windows.split[found["training"]]) == set(windows.split[found["probing"]]) == {"train"}
    assert set(windows.split[found["validation"]]) == {"validation"}
    assert set(windows.split[found["test"]]) == {"test"}
    other = chosen(windows, SMOKE, seed=1)
    assert set(other["test"]) != set(found["test"])


def test_neighbours_are_of_different_documents(windows):
    documents = windows.document[chosen(windows, replace(SMOKE, test=64))["test"]]
    assert (documents[1:] != documents[:-1]).all()
    assert 55 < len(documents) <= 64


def test_no_window_is_alone_in_its_chunk_where_it_would_get_its_own_past(windows):
    sizes = [len(chosen(windows, replace(SMOKE, test=n))["test"]) for n in range(64, 72)]
    assert 64 in sizes
    assert 65 not in sizes


def test_probes_get_their_share_where_windows_are_few(windows):
    there = int((windows.split == "train").sum())
    found = chosen(windows, replace(SMOKE, training=10_000, probing=5_000))
    assert len(found["training"]) == there * 10_000 // 15_000
    assert len(found["training"]) + len(found["probing"]) == there


def test_windows_begin_as_the_model_reads_texts(windows):
    model = load("small-llama3")
    before = model.encode(["a"]).ids[0]
    expected = (
        before[0] if len(before) > len(model.tokenizer("a", add_special_tokens=False)["input_ids"]) else None
    )
    first = set(windows.ids[:, 0].tolist())
    assert first == {expected} if expected is not None else len(first) > 1


def test_the_null_gives_the_predictor_the_past_of_another_window(one):
    layer = one.layers[0]
    predictor = one.trained.predictors[layer]
    told = predictions_of(one.baselines[layer], predictor)
    assert set(told) == {PREDICTOR, OTHER_TEXT, *NAMES}
    h = one.states.at(np.arange(5))[layer]
    with torch.no_grad():
        whole = predictor.predict(h)
    torch.testing.assert_close(told[PREDICTOR](h, torch.empty(0)), whole)
    torch.testing.assert_close(told[OTHER_TEXT](h, torch.empty(0))[1], whole[0])
    torch.testing.assert_close(told[OTHER_TEXT](h, torch.empty(0))[0], whole[4])


def test_what_belongs_to_test_windows_is_in_their_order(one):
    assert (one.test.split == "test").all()
    rows = one.rows["test"]
    h = one.states.at(rows)[one.layers[1]]
    torch.testing.assert_close(one.parts[one.layers[1]].h, h[:, 1:])
    r = h[:, 1:] - one.parts[one.layers[1]].predicted
    assert one.norms[one.layers[1]] == pytest.approx(r.norm(dim=-1).numpy(), rel=1e-4)
    surprisal = one.states.surprisal[torch.from_numpy(rows)][:, 1:]
    assert one.surprisal == pytest.approx(surprisal.numpy())
    assert np.isfinite(one.surprisal).all()


def test_another_process_draws_the_same_windows(windows, tmp_path):
    """Whatever the order of its sets of texts, which Python chooses anew for each process."""
    np.savez(tmp_path / "windows.npz", split=windows.split, document=windows.document)
    program = (
        "import sys, numpy as np; from types import SimpleNamespace\n"
        "from emotion_utils.predictability.sizes import SMOKE\n"
        "from emotion_utils.predictability.study import USES, chosen\n"
        "class Those(SimpleNamespace):\n"
        "    def __len__(self): return len(self.split)\n"
        "there = Those(**np.load(sys.argv[1]))\n"
        "print(*(row for use in USES for row in chosen(there, SMOKE)[use]))\n"
    )
    ours = " ".join(str(row) for use in USES for row in chosen(windows, SMOKE)[use])
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "windows.npz")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == ours
