"""The count of tokens against shapes that were given by hand."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel
from wide.meter import Meter, first_numbers

from emotion_utils.models.hooks import HookPoint, forward_until

VOCABULARY = 50


class Events:
    """Of a shell: what is called after each cell."""

    def register(self, _name, function):
        self.after = function

    def cell(self, source):
        self.after(SimpleNamespace(info=SimpleNamespace(raw_cell=source)))


def network(seed):
    torch.manual_seed(seed)
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2)).eval()


@pytest.fixture
def models(tmp_path):
    own, other = network(0), network(1)
    own.save_pretrained(tmp_path / "model")
    return own, other, tmp_path / "model"


@pytest.fixture
def meter(models, tmp_path):
    meter, events = Meter(models[2], VOCABULARY, tmp_path / "note.json"), Events()
    handle = meter.start(events)
    yield meter, events
    handle.remove()


def noted(meter, events, source="x"):
    events.cell(source)
    return json.loads(meter.note.read_text())


def test_every_position_of_a_batch_counts_each_time(models, meter):
    ids = torch.zeros(3, 7, dtype=torch.long)
    models[0](ids)
    models[0](ids)
    found = noted(*meter)
    assert (found["tokens"], found["beside"]) == (2 * 3 * 7, 0)


def test_a_model_with_other_weights_is_counted_apart(models, meter):
    models[1](torch.zeros(1, 5, dtype=torch.long))
    found = noted(*meter)
    assert (found["tokens"], found["beside"]) == (0, 5)


def test_what_stops_at_the_embedding_does_not_count(models, meter):
    ids = torch.zeros(1, 5, dtype=torch.long)
    with torch.no_grad():
        forward_until(models[0], {HookPoint(0, "resid_pre"): lambda _: None}, input_ids=ids)
        small = GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=1)
        GPT2LMHeadModel(small)(ids)  # which the embedding's pass must not be taken for
        assert noted(*meter)["tokens"] == 0
        forward_until(models[0], {HookPoint(1, "resid_pre"): lambda _: None}, input_ids=ids)
    assert noted(*meter)["tokens"] == 5


def test_a_cell_has_the_counts_so_far(models, meter):
    _, events = meter
    events.cell("  first")
    models[0](torch.zeros(1, 4, dtype=torch.long))
    cells = noted(*meter, "second")["cells"]
    assert [(cell[0], cell[1]) for cell in cells] == [("first", 0), ("second", 4)]
    assert cells[1][4] > 0


def test_a_model_is_known_by_its_files(models, tmp_path):
    own, _, folder = models
    assert first_numbers(folder) == pytest.approx(own.transformer.wte.weight[0, :8].tolist())
    with pytest.raises(ValueError, match="no embedding"):
        first_numbers(tmp_path)
