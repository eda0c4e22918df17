"""Positions are found by characters; what is not found is listed and never moved."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.models import positions
from emotion_utils.models.cards import read_cards
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.offsets import covered_runs, covering
from emotion_utils.models.ragged import Ragged
from emotion_utils.prompts import loading

NAMES = [card["name"] for card in read_cards()]


@pytest.fixture(scope="module", params=NAMES)
def tokenizer(request):
    return load_tokenizer(request.param)


def pair(text: str, span: tuple[float, float], twin: str, match: tuple[float, float]) -> pd.DataFrame:
    columns = ["id", "text", "emotion", "pair_id", "emotion_start", "emotion_end", "match_start", "match_end"]
    nan = float("nan")
    rows = [("e", text, "gratitude", "p", *span, *match), ("n", twin, "neutral", "p", nan, nan, nan, nan)]
    return pd.DataFrame(rows, columns=columns)


def covered(table: pd.DataFrame, encoded: positions.Encoded, read: pd.Series) -> str:
    spans = encoded.spans[read["row"]]
    return table["text"].iloc[read["row"]][spans[read["first"]][0] : spans[read["last"] - 1][1]]


def test_reads_cover_what_they_are_named_for(tokenizer):
    table = pair("Thank you for the soup.", (0, 5), "Bread or the soup?", (0, 5))
    encoded = positions.encode(tokenizer, table["text"].tolist())
    reads = positions.find_reads(table, encoded, ["end", "emotion", "match", "mean", "all"])
    by = {
        (r["id"], r["position"]): covered(table, encoded, r)
        for _, r in reads.iterrows()
        if r["position"] != "all"
    }
    assert by["e", "emotion"] == "Thank"
    assert by["e", "match"] == "Bread"
    assert by["e", "end"].endswith(".")
    assert by["n", "end"].endswith("?")
    bos = encoded.spans[0][0] == (0, 0)
    assert by["e", "mean"] == ("Thank you for the soup." if bos else " you for the soup.")  # never position 0
    assert reads["sink"].any() != bos
    every = reads[(reads["position"] == "all") & (reads["id"] == "e")]
    assert "".join(covered(table, encoded, r) for _, r in every.iterrows()) == "Thank you for the soup."
    assert set(reads.loc[reads["position"] == "match", "row"]) == {1}


def test_a_special_token_is_never_read(tokenizer):
    table = pair("Thank you.", (0, 5), "Bread.", (0, 5))
    encoded = positions.encode(tokenizer, table["text"].tolist())
    reads = positions.find_reads(table, encoded, ["end", "emotion", "match", "mean", "all"])
    for _, read in reads.iterrows():
        assert all(a < b for a, b in encoded.spans[read["row"]][read["first"] : read["last"]])


@pytest.mark.parametrize("profile", loading.PROFILES)
def test_every_word_of_the_projects_prompts_is_found(tokenizer, profile):
    table = loading.load_profile(profile)
    encoded = positions.encode(tokenizer, table["text"].tolist())
    reads = positions.find_reads(table, encoded, ["end", "emotion", "match"])
    for position, column in (("emotion", "emotion_start"), ("match", "match_start")):
        rate = positions.match_rate(table, reads, position)
        named = table.loc[table["emotion"] != "neutral", column].notna().any()
        assert rate == 1 if named else np.isnan(rate)
    assert (reads["position"] == "end").sum() == len(table)


def test_a_prompt_without_its_word_is_listed_and_has_no_read(tokenizer):
    nan = float("nan")
    table = pair("You saved my week.", (nan, nan), "You saw my desk.", (nan, nan))
    encoded = positions.encode(tokenizer, table["text"].tolist())
    reads = positions.find_reads(table, encoded, ["end", "emotion", "match"])
    assert set(reads["position"]) == {"end"}
    assert positions.unmatched(table, reads, "emotion")["id"].tolist() == ["e"]
    assert np.isnan(positions.match_rate(table, reads, "emotion"))
    out_of_text = pair("Thank you.", (40, 45), "Bread.", (40, 45))
    encoded = positions.encode(tokenizer, out_of_text["text"].tolist())
    reads = positions.find_reads(out_of_text, encoded, ["emotion"])
    assert positions.match_rate(out_of_text, reads, "emotion") == 0
    assert positions.unmatched(out_of_text, reads, "emotion")["text"].tolist() == ["Thank you."]


def test_bad_input_is_named(tokenizer):
    with pytest.raises(UserError, match="has no tokens"):
        positions.encode(tokenizer, ["fine", ""])
    with pytest.raises(UserError, match=r"has \d+ tokens, and the model has room for 3"):
        positions.encode(tokenizer, ["one two three four five six"], context=3)
    table = pair("Thank you.", (0, 5), "Bread.", (0, 5))
    encoded = positions.encode(tokenizer, table["text"].tolist())
    with pytest.raises(UserError, match='did you mean "end"'):
        positions.find_reads(table, encoded, ["ende"])
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
