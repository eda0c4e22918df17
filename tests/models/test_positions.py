"""Texts as a model reads them: what cannot be read is named."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.models import positions
from emotion_utils.models.cards import read_cards
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.positions import covered_runs, covering
from emotion_utils.models.ragged import Ragged

NAMES = [card["name"] for card in read_cards()]


@pytest.fixture(scope="module", params=NAMES)
def tokenizer(request):
    return load_tokenizer(request.param)


def test_bad_input_is_named(tokenizer):
    with pytest.raises(UserError, match="has no tokens"):
        positions.encode(tokenizer, ["fine", ""])
    with pytest.raises(UserError, match=r"has \d+ tokens, and the model has room for 3"):
        positions.encode(tokenizer, ["one two three four five six"], context=3)
    nothing = positions.encode(tokenizer, [])
    assert list(nothing.ids) == list(nothing.spans) == []


def test_many_words_are_found_where_each_alone_is():
    rng = np.random.default_rng(0)
    rows = [
        [tuple(sorted(rng.integers(0, 12, 2).tolist())) for _ in range(rng.integers(1, 6))] for _ in range(30)
    ]
    texts = rng.integers(0, 30, 200)
    start, end = rng.integers(-2, 14, 200).astype(float), rng.integers(-2, 14, 200).astype(float)
    start[::7], end[::11] = np.nan, np.nan
    first, last = covered_runs(Ragged.of(rows, width=2), texts, start, end)
    for text, a, b, *found in zip(texts, start, end, first, last, strict=True):
        tokens = covering(rows[text], a, b)
        assert found == ([tokens[0], tokens[-1] + 1] if tokens else [-1, 0])
    assert 20 < (first >= 0).sum() < 180


def test_texts_are_tokenized_in_chunks(tokenizer, monkeypatch):
    texts = ["Thank you.", "Bread.", "Rain and soup, then.", "No.", "Why?"]
    whole = positions.encode(tokenizer, texts)
    monkeypatch.setattr(positions, "CHUNK", 2)
    assert positions.encode(tokenizer, texts) == whole
