"""Tests of texts under heads that are moved or missing, and of the reports' two experiments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.circuits import texts
from emotion_utils.circuits.patching import aligned
from emotion_utils.heads import pairs as heads_pairs
from emotion_utils.heads.pairs import emotional_pairs
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import load_profile
from emotion_utils.reports import heads as reports_heads
from emotion_utils.reports.claims import read_claims


@pytest.fixture(scope="module")
def told():
    implicit = load_profile("implicit")
    named = implicit["pair_id"].str.extract(r"(\d+)$")[0].astype(int)
    implicit = implicit[named % 18 == 1]
    return emotional_pairs(load("small-gpt2"), implicit)


def begun(beginning) -> set[str]:
    return {claim for claim in read_claims()["id"] if claim.startswith(beginning)}


@pytest.fixture(scope="module")
def sentences():
    model = load("small-gpt2")
    pairs = emotional_pairs(model, load_profile("baseline"), reply=False)
    return heads_pairs.few(pairs.where(pairs.table["emotion"] == "gratitude"), 3)


def test_few_takes_the_first_of_each_emotion_split_and_unit():
    model = load("small-gpt2")
    pairs = emotional_pairs(model, load_profile("implicit"), reply=False)
    kept = heads_pairs.few(pairs, 3)
    assert (kept.table.groupby(["emotion", "split"]).size() == 3).all()
    assert (kept.table.groupby(["emotion", "split"])["unit"].nunique() == 3).all()
    assert heads_pairs.few(pairs, 10_000).table.equals(pairs.table)


def test_all_heads_of_the_emotional_prompt_give_its_reply_and_no_head_gives_the_neutral_one(told):
    table = texts.patched_texts(told, {"all": told.heads, "none": []}, new_tokens=4)
    by = table.set_index(["set", "pair"])["text"]
    assert (by["none"] == by["target"].reindex(by["none"].index)).all()
    # the ending stands at another position, so that later tokens may differ: the first one decides
    first = [text.split(" ")[0] for text in by["all"]]
    assert np.mean([a == b.split(" ")[0] for a, b in zip(first, by["source"], strict=True)]) >= 0.5
    assert set(table[table["set"] == "target"]["side"]) == {"neutral"}
    assert set(table[table["set"] == "source"]["side"]) == {"emotional"}


def test_texts_are_scored_by_what_the_small_world_says(told):
    said = ['That was really nice of you."', 'I am very grateful, thank you so much."']
    table = pd.DataFrame(
        {"pair": ["a", "b"], "emotion": ["gratitude", "anger"], "unit": [0, 1], "text": said}
    )
    found = texts.scored(table.assign(set="own"), small_world=True)
    assert found["says"].iloc[0] == "gratitude"
    assert found["target"].tolist() == [1.0, 0.0]
    assert found["keywords"].tolist() == [0.0, 0.0]
    assert (
        texts.scored(table.assign(set="own", emotion="gratitude"), small_world=True)["keywords"].iloc[1] > 0
    )
    assert (found["vader"] > 0).all()


def test_shares_and_pairs_of_texts_by_hand():
    table = pd.DataFrame(
        {"pair": [*range(10)] * 2, "unit": [*range(10)] * 2, "set": ["one"] * 10 + ["other"] * 10,
         "target": [1.0] * 6 + [0.0] * 14, "keywords": [2.0] * 10 + [1.0] * 10, "vader": [0.5] * 10 + [0.1] * 10}
    )  # fmt: skip
    shares = texts.share_of_texts(table).set_index("set")
    assert shares["share"].tolist() == [0.6, 0.0]
    assert 0.2 < shares["low"]["one"] < 0.6 < shares["high"]["one"] < 0.95
    moved = texts.paired(table, "one", "other").set_index("score")
    assert moved.loc["keywords", ["one", "other", "difference"]].tolist() == [20.0, 10.0, 1.0]
    assert moved.loc["vader", "difference"] == pytest.approx(0.4)
    table.loc[0, "vader"] = np.nan
    assert texts.paired(table, "one", "other").set_index("score").loc[
        "vader", ["n", "n_groups"]
    ].tolist() == [9, 9]


def test_a_head_at_zero_is_what_the_plain_model_gives_with_its_columns_cut(sentences):
    head = (1, 3)
    found = texts.ablated_texts(sentences, {"L1H3": [head]}, new_tokens=3)
    model = load("small-gpt2")
    width = model.network.config.n_embd // model.network.config.n_head
    with torch.no_grad():
        model.network.transformer.h[1].attn.c_proj.weight[3 * width : 4 * width] = 0
        for row, ids in enumerate(sentences.emotional):
            text = list(ids)
            while len(text) < len(ids) + 3 and text[len(ids) :][-1:] != [
                sentences.model.tokenizer.eos_token_id
            ]:
                text.append(int(model.network(torch.tensor([text])).logits[0, -1].argmax()))
            own = found[(found["set"] == "L1H3") & (found["pair"] == sentences.table["pair"][row])][
                "text"
            ].iloc[0]
            assert own == sentences.model.tokenizer.decode(text[len(ids) :], skip_special_tokens=True)


def test_the_whole_sentence_is_matched_but_its_first_token(sentences):
    lengths = [min(len(a), len(b)) - 1 for a, b in zip(sentences.emotional, sentences.neutral, strict=True)]
    assert aligned(sentences).tolist() == lengths


def test_sets_of_heads_get_the_names_that_readers_know():
    names = ["target", "source", "the circuit", "L1H3 alone", "equal size 0", "equal size 12", "equal norm 3"]
    found = texts.sets_named(pd.DataFrame({"set": names, "text": "a"}))["set"].tolist()
    assert found == ["neutral prompt", "emotional prompt", "the circuit", "L1H3 alone", *["random sets"] * 2,
                     "equal norm sets"]  # fmt: skip


@pytest.fixture(scope="module")
def delta():
    rows = [
        (emotion, layer, head, f"L{layer}H{head}", 0.4 - 0.05 * layer - 0.01 * head, 0.3, 0.5, 0.02, 24, 12)
        for emotion in ("gratitude", "anger", "apology")
        for layer in range(12)
        for head in range(12)
    ]
    columns = ["emotion", "layer", "head", "name", "delta", "low", "high", "even", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)


def moved(keywords, vader, low=0.01, high=0.03):
    rows = [("keywords", *keywords, 0.1, 0.05, 0.2, 24, 12), ("vader", 0.5, 0.5, vader, low, high, 24, 12)]
    return pd.DataFrame(rows, columns=["score", "one", "other", "difference", "low", "high", "n", "n_groups"])


def test_the_claims_of_screening_follow_their_rules(delta):
    found = reports_heads.AsPublished(
        (0, 0), moved((76, 78), -0.02, -0.03, -0.01), *[moved((8, 4), 0.02)] * 3
    )
    other = reports_heads.AsPublished(
        (0, 0), moved((76, 78), -0.05, -0.08, -0.01), *[moved((8, 4), 0.02)] * 3
    )
    rows = {
        row.claim: row for row in reports_heads.screening_measurements("small-gpt2", delta, found, other, 12)
    }
    assert set(rows) == begun("P6.")
    assert rows["P6.top.gratitude"].value == pytest.approx(0.4)
    assert rows["P6.top.gratitude"].null == pytest.approx(0.02)
    assert "L0H0" in rows["P6.top.gratitude"].note
    assert rows["P6.second"].holds is False
    assert rows["P6.top.layers"].value == 1.0
    assert rows["P6.top.layer0"].value == 4.0
    assert rows["P6.top.layer0"].holds is False
    assert rows["P6.scores"].value == 432
    assert rows["P6.ablate.kw"].holds is False  # fewer in all, but the interval lies above zero
    assert rows["P6.ablate.sent.none"].value == pytest.approx(-0.02)
    assert rows["P6.ablate.sent"].value == pytest.approx(-0.05)
    assert reports_heads.leading_head(delta) == (0, 0)
    assert (
        reports_heads.leading_head(delta, "gpt2")
        == reports_heads.leading_head(delta, "openai-community/gpt2")
        == (1, 10)
    )


def test_in_gpt2_the_head_of_the_reports_is_measured_whether_it_leads_or_not(delta):
    found = reports_heads.AsPublished((1, 10), *[moved((76, 78), -0.02)] * 4)
    row = reports_heads.screening_measurements("gpt2", delta, found, found, 12)[0]
    assert row.value == pytest.approx(0.4 - 0.05 - 0.1)
    assert "L1H10; the largest is L0H0" in row.note


def test_the_claims_of_patching_follow_their_rules():
    apart = moved((7, 8), 0.0, -0.009, 0.009)  # within half of 0.02
    found = reports_heads.AsPublished((1, 2), pd.DataFrame(), moved((8, 4), 0.02), moved((7, 4), 0.02), apart)
    other = reports_heads.AsPublished((0, 0), pd.DataFrame(), *[moved((4, 4), 0.1)] * 3)
    rows = {row.claim: row for row in reports_heads.patching_measurements("gpt2", found, other)}
    assert set(rows) == begun("P7.")
    assert rows["P7.patch.kw"].holds is True
    assert rows["P7.patch.vonly"].holds is True
    assert rows["P7.patch.l0h0"].value == pytest.approx(0.1)
    still = reports_heads.AsPublished(
        (1, 2), pd.DataFrame(), moved((8, 4), 0.0, -0.01, 0.01), *[moved((4, 4), 0.0)] * 2
    )
    rows = reports_heads.patching_measurements("gpt2", still, other)
    (row,) = (row for row in rows if row.claim == "P7.patch.vonly")
    assert row.holds is None  # where the first does nothing, the second cannot do the same


def test_too_few_units_leave_the_claims_pending(delta):
    found = reports_heads.AsPublished((0, 0), *[moved((8, 4), 0.02).assign(n_groups=3)] * 4)
    rows = reports_heads.screening_measurements("gpt2", delta.assign(n_groups=3), found, found, 12)
    rows += reports_heads.patching_measurements("gpt2", found, found)
    assert sorted(row.claim for row in rows) == sorted(begun(("P6.", "P7.")))
    assert all(row.value is None and "3 units" in row.note for row in rows)


def test_both_experiments_are_run_on_the_sentences(sentences):
    found = reports_heads.as_published(sentences, (0, 0), "small-gpt2")
    for table in (found.ablated, found.patched, found.values_only, found.gap):
        assert table["score"].tolist() == ["keywords", "vader"]
        assert table["n"].iloc[0] == len(sentences) >= table["n"].iloc[1] > 0
    words = [
        table.set_index("score").loc["keywords"] for table in (found.values_only, found.patched, found.gap)
    ]
    assert words[2]["one"] - words[2]["other"] == words[0]["one"] - words[1]["one"]
