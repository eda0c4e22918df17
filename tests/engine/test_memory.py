"""Rows that fit into memory are counted from the shape of the model, by hand here."""

from __future__ import annotations

import pytest

from emotion_utils.engine import memory
from emotion_utils.models.model import load


@pytest.fixture(scope="module")
def llama():
    return load("small-llama3")


def test_a_row_takes_its_keys_values_and_logits(llama):
    config = llama.network.config
    width = config.head_dim * config.num_key_value_heads  # fewer heads than queries have
    assert config.num_key_value_heads < config.num_attention_heads
    cache = 2 * 4 * width * 50 * 4  # keys and values, layers, slots, bytes of float32
    assert memory.row_bytes(llama, 50, 0) == cache
    assert memory.row_bytes(llama, 50, 3) == cache + memory.COPIES * 3 * config.vocab_size * 4


def test_fewer_rows_fit_the_more_logits_are_wanted(llama, monkeypatch):
    assert memory.fitting_rows(llama, 50, 1, 288) == 288
    monkeypatch.setattr(memory, "CPU_BYTES", 10 * memory.row_bytes(llama, 50, 1) + 1)
    assert memory.fitting_rows(llama, 50, 1, 288) == 10
    assert memory.fitting_rows(llama, 5000, 1000, 288) == 1  # never none
