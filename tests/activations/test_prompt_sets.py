"""Reads of several sets, once per store; of texts, beside the plain forward of transformers."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from emotion_utils.activations.prompt_sets import (
    affordable_part,
    read_activations,
    read_attention,
    read_sets,
    summarise_part,
)
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.models.hooks import eager
from emotion_utils.prompts.loading import load_profile
from emotion_utils.prompts.schema import complete


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


TEXTS = ["Anna was grateful to Tom.", "The grateful man met Anna in the town."]


def plain(model, text, **options):
    ids = model.tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        return ids, model.network(**ids, output_hidden_states=True, **options)


def test_a_word_is_read_where_it_first_stands(small):
    found = read_activations(small, TEXTS, word="grateful", kinds=["resid_pre"], layers=[2])
    ids, values = found.at("emotion", "resid_pre")
    assert ids.tolist() == ["text 0", "text 1"]
    for text, own in zip(TEXTS, values, strict=True):
        _, out = plain(small, text)
        start = text.index("grateful")
        inside = [i for i, (a, b) in enumerate(offsets(small, text)) if a < start + 8 and b > start]
        expected = out.hidden_states[2][0, inside].mean(dim=0)
        torch.testing.assert_close(own[0], expected, rtol=1e-4, atol=1e-4)


def test_a_word_may_be_the_name_of_a_class(small):
    found = read_activations(small, ["The room was neutral."], word="neutral", layers=[0])
    assert found.reads[["first", "last"]].to_numpy().tolist() == [[3, 7]]  # ne, ut, r, al


@pytest.mark.parametrize("position", ["emotion", "match"])
def test_texts_alone_mark_no_words(small, position):
    with pytest.raises(UserError, match=f'The position "{position}" needs prompts whose words are marked'):
        read_activations(small, TEXTS, [position])


def offsets(model, text):
    return model.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]


def test_a_set_a_table_and_texts_give_the_same(small):
    table = pd.DataFrame({"id": ["a", "b"], "text": TEXTS})
    one, other = (read_activations(small, prompts).at("end")[1] for prompts in (table, TEXTS))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert one.shape == (2, small.n_layers, small.d_model)


def test_a_text_without_the_word_is_refused(small):
    with pytest.raises(UserError, match=r"The text 'We met\.' has no \"grateful\""):
        read_activations(small, [TEXTS[0], "We met."], word="grateful")


def test_attention_is_that_of_the_plain_model(small):
    tokens, values = read_attention(small, TEXTS[0])
    assert "".join(tokens) == TEXTS[0]
    with eager(small.network):
        _, out = plain(small, TEXTS[0], output_attentions=True)
    torch.testing.assert_close(values, torch.cat(out.attentions), rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="has no tokens"):
        read_attention(small, "")


def test_of_long_texts_a_large_model_looks_at_a_balanced_part(small, monkeypatch):
    rows = [("one two three four", label) for label in ("joy",) * 40 + ("worry",) * 20 + ("calm",) * 20]
    table = pd.DataFrame(rows, columns=["text", "emotion"]).assign(id=range(80))
    assert affordable_part(small, table) is table
    assert summarise_part(table, table) == ""
    each = len(small.encode(["one two three four"]).ids[0])
    monkeypatch.setattr("emotion_utils.activations.prompt_sets.allowance", lambda tokens, parameters: tokens)
    part = affordable_part(small, table, 30 * each + 1, seed=1)
    assert part["emotion"].value_counts().to_dict() == {"joy": 10, "worry": 10, "calm": 10}
    assert part["id"].is_monotonic_increasing
    assert part.index.tolist() == list(range(30))
    assert part.equals(affordable_part(small, table, 30 * each + 1, seed=1))
    assert not part.equals(affordable_part(small, table, 30 * each + 1, seed=2))
    assert len(affordable_part(small, table, 1)) == 8
    assert "**30 of the 80** prompts" in summarise_part(part, table)


def test_labels_that_the_word_list_knows_need_no_partner(small):
    rows = [("I am angry with him.", "anger"), ("I hum a tune.", "joy"), ("You made me furious.", "anger")]
    table = complete(pd.DataFrame(rows, columns=["text", "emotion"]), range(3), "mine.csv")
    assert table["emotion_start"].notna().sum() == 2
    found = read_sets(small, {"mine": table}, "smoke").found["mine"]
    assert len(found.at("end")[0]) == 3
    assert len(found.at("emotion")[0]) == 2
