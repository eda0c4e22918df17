"""Token spans are found by characters; what is not found is listed and never moved."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.activations import token_spans
from emotion_utils.core.errors import UserError
from emotion_utils.models.cards import read_cards
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.positions import Encoded, encode
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


def covered(table: pd.DataFrame, encoded: Encoded, read: pd.Series) -> str:
    tokens = encoded.spans[read["row"]]
    return table["text"].iloc[read["row"]][tokens[read["first"]][0] : tokens[read["last"] - 1][1]]


def test_spans_cover_what_they_are_named_for(tokenizer):
    table = pair("Thank you for the soup.", (0, 5), "Bread or the soup?", (0, 5))
    encoded = encode(tokenizer, table["text"].tolist())
    spans = token_spans.find_spans(table, encoded, ["end", "emotion", "match", "mean", "all"])
    by = {
        (r["id"], r["position"]): covered(table, encoded, r)
        for _, r in spans.iterrows()
        if r["position"] != "all"
    }
    assert by["e", "emotion"] == "Thank"
    assert by["e", "match"] == "Bread"
    assert by["e", "end"].endswith(".")
    assert by["n", "end"].endswith("?")
    bos = encoded.spans[0][0] == (0, 0)
    assert by["e", "mean"] == ("Thank you for the soup." if bos else " you for the soup.")  # never position 0
    assert spans["sink"].any() != bos
    every = spans[(spans["position"] == "all") & (spans["id"] == "e")]
    assert "".join(covered(table, encoded, r) for _, r in every.iterrows()) == "Thank you for the soup."
    assert set(spans.loc[spans["position"] == "match", "row"]) == {1}


def test_a_special_token_is_never_read(tokenizer):
    table = pair("Thank you.", (0, 5), "Bread.", (0, 5))
    encoded = encode(tokenizer, table["text"].tolist())
    spans = token_spans.find_spans(table, encoded, ["end", "emotion", "match", "mean", "all"])
    for _, read in spans.iterrows():
        assert all(a < b for a, b in encoded.spans[read["row"]][read["first"] : read["last"]])


@pytest.mark.parametrize("profile", loading.EVERY_SET)
def test_every_word_of_the_projects_prompts_is_found(tokenizer, profile):
    table = loading.load_profile(profile)
    encoded = encode(tokenizer, table["text"].tolist())
    spans = token_spans.find_spans(table, encoded, ["end", "emotion", "match"])
    for position, column in (("emotion", "emotion_start"), ("match", "match_start")):
        rate = token_spans.match_rate(table, spans, position)
        named = table.loc[table["emotion"] != "neutral", column].notna().any()
        assert rate == 1 if named else np.isnan(rate)
    assert (spans["position"] == "end").sum() == len(table)


def test_a_prompt_without_its_word_is_listed_and_has_no_read(tokenizer):
    nan = float("nan")
    table = pair("You saved my week.", (nan, nan), "You saw my desk.", (nan, nan))
    encoded = encode(tokenizer, table["text"].tolist())
    spans = token_spans.find_spans(table, encoded, ["end", "emotion", "match"])
    assert set(spans["position"]) == {"end"}
    assert token_spans.unmatched(table, spans, "emotion")["id"].tolist() == ["e"]
    assert np.isnan(token_spans.match_rate(table, spans, "emotion"))
    out_of_text = pair("Thank you.", (40, 45), "Bread.", (40, 45))
    encoded = encode(tokenizer, out_of_text["text"].tolist())
    spans = token_spans.find_spans(out_of_text, encoded, ["emotion"])
    assert token_spans.match_rate(out_of_text, spans, "emotion") == 0
    assert token_spans.unmatched(out_of_text, spans, "emotion")["text"].tolist() == ["Thank you."]


def test_an_unknown_position_is_named(tokenizer):
    table = pair("Thank you.", (0, 5), "Bread.", (0, 5))
    with pytest.raises(UserError, match='did you mean "end"'):
        token_spans.find_spans(table, encode(tokenizer, table["text"].tolist()), ["ende"])
