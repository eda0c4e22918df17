"""Pairs of prompts, where they are alike, and their log-odds, which no batch, padding or choice of rows changes."""

from __future__ import annotations

from dataclasses import replace

import heads_by_hand as plain
import numpy as np
import pytest
import torch
from by_hand import logits_by_hand, sweep
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from emotion_utils.core.errors import UserError
from emotion_utils.heads.pairs import emotional_pairs, shared_ending
from emotion_utils.models.model import load
from emotion_utils.models.registry import bundled_models
from emotion_utils.prompts.loading import load_profile
from emotion_utils.scoring.replies import drawn_replies, reply_emotion

BATCHES = 5e-5  # nats


@pytest.fixture(scope="module")
def implicit():
    """Six pairs: reading the grammar takes long while types are checked."""
    prompts = load_profile("implicit")
    return prompts[prompts["pair_id"].isin(prompts["pair_id"].drop_duplicates()[::38])]


@pytest.mark.parametrize(
    ("one", "other", "n"),
    [
        ([1, 2, 3], [4, 2, 3], 2),
        ([1, 2], [1, 3], 0),
        ([2, 3], [1, 2, 3], 2),
        ([1, 2], [1, 2], 2),
        ([], [1], 0),
    ],
)
def test_shared_endings_are_counted_from_the_end(one, other, n):
    assert shared_ending(one, other) == shared_ending(other, one) == n


def test_pairs_know_their_parts(pairs):
    assert pairs.shared.tolist() == [ending for *_, ending in plain.PREFIXES]
    assert pairs.ids == [*pairs.emotional, *pairs.neutral]
    assert pairs.emotions == ["anger", "gratitude"]
    assert pairs.heads == [(layer, head) for layer in range(4) for head in range(8)]


def test_some_of_the_pairs_are_those_asked_for(pairs):
    kept = pairs.where(pairs.table["emotion"] == "gratitude")
    assert kept.table["pair"].tolist() == ["p1", "p3"]
    assert kept.table.index.tolist() == [0, 1]
    assert kept.emotional == [pairs.emotional[1], pairs.emotional[3]]
    assert kept.neutral == [pairs.neutral[1], pairs.neutral[3]]
    assert kept.openings == [pairs.openings[1], pairs.openings[3]]
    assert kept.shared.tolist() == pairs.shared[[1, 3]].tolist()
    assert pairs.of("report").table["pair"].tolist() == ["p2", "p3"]
    assert len(pairs.of("build", "report")) == len(pairs) == 4
    with pytest.raises(UserError, match="None of the pairs of prompts is left"):
        pairs.of("test")


@torch.no_grad()
def test_log_odds_are_those_of_each_prompt_alone(pairs):
    conditions = sweep(pairs.model.network)[::7]
    found = pairs.log_odds(conditions)
    assert found.shape == (2, 4, len(conditions))
    for i, ids in enumerate(pairs.ids):
        own, emotion = pairs.openings[i % 4], pairs.table["emotion"][i % 4]
        for j, condition in enumerate(conditions):
            last = logits_by_hand(pairs.model.network, ids, condition, len(ids))[-1]
            theirs = float(plain.odds_of(last, own[emotion], own["neutral"]))
            assert found[i // 4, i % 4, j] == pytest.approx(theirs, abs=1e-4), condition.name
    # other batches add up in another order: the last bits of float32 logits, 1.3e-5 seen on one kind of processor
    assert pairs.log_odds(conditions, share=False) == pytest.approx(found, abs=BATCHES)
    rows = np.array([[6, 1], [0, 0], [6, 2], [3, 1]])
    picked = [found[i // 4, i % 4, j] for i, j in rows.tolist()]
    assert pairs.log_odds(conditions, rows) == pytest.approx(picked, abs=BATCHES)
    for i in range(4):
        alone = pairs.where(np.arange(4) == i).log_odds(conditions)
        assert alone == pytest.approx(found[:, i : i + 1], abs=BATCHES)


def test_log_odds_of_logits_are_the_same_and_have_a_gradient(pairs):
    with torch.no_grad():
        logits = torch.stack([plain.logits(pairs.model.network, ids)[-1] for ids in pairs.ids])
    logits.requires_grad_()
    rows = [5, 0, 3]
    found = pairs.log_odds_of(logits[rows], rows)
    assert found.tolist() == pytest.approx(pairs.log_odds()[:, :, 0].ravel()[rows], abs=1e-4)
    found[0].backward()
    touched = set(logits.grad[5].nonzero().flatten().tolist())
    assert not logits.grad[[0, 3]].any()
    assert set(pairs.openings[1]["gratitude"]) | set(pairs.openings[1]["neutral"]) <= touched


@pytest.mark.parametrize("wrong", [[], [-1], [10**6]])
def test_openings_that_are_no_tokens_are_refused(few, wrong):
    bad = few.where(np.array([True, False]))
    bad.openings[0] = few.openings[0] | {"anger": wrong}
    with pytest.raises(UserError, match="A set of next tokens holds some of the tokens 0 to"):
        bad.log_odds()


@pytest.mark.parametrize("name", bundled_models())
def test_bundled_prompts_end_where_a_reply_begins(implicit, name):
    model = load(name)
    pairs, tokenizer = emotional_pairs(model, implicit), model.tokenizer
    assert len(pairs) == 6
    assert (pairs.shared >= 1).all()
    texts, partners = (
        implicit.set_index("id")["text"],
        implicit[implicit["emotion"] == "neutral"].set_index("pair_id")["text"],
    )
    replies = drawn_replies(4000).drop_duplicates("template")
    assert len(replies) > 20
    for i, row in pairs.table.iterrows():
        told = tokenizer.decode(pairs.emotional[i], skip_special_tokens=True).strip()
        assert told == f'{texts[row["pair"]]} "'
        other = partners[implicit.set_index("id")["pair_id"][row["pair"]]]
        assert tokenizer.decode(pairs.neutral[i], skip_special_tokens=True).strip() == f'{other} "'
        if i:
            continue
        sides = {emotion: set(tokens) for emotion, tokens in pairs.openings[i].items()}
        assert sum(map(len, sides.values())) == len(set.union(*sides.values()))  # no token is of two emotions
        for reply in replies.itertuples():
            whole = tokenizer(f'{texts[row["pair"]]} "{reply.text}', add_special_tokens=False)["input_ids"]
            ids = pairs.emotional[i][1:]
            assert whole[: len(ids)] == ids, "the prompt and the reply share a token"


def test_tables_say_where_a_pair_comes_from(implicit):
    pairs = emotional_pairs(load("small-gpt2"), implicit)
    told = implicit[implicit["emotion"] != "neutral"].set_index("id")
    assert pairs.table["pair"].tolist() == told.index.tolist()
    assert pairs.table["emotion"].tolist() == told["emotion"].tolist()
    assert pairs.table["split"].tolist() == told["split"].tolist()
    assert set(pairs.emotions) == {"gratitude", "anger", "apology"}
    assert (
        not pairs.table.assign(group=told["group"].to_numpy())
        .duplicated(["emotion", "group", "version"])
        .any()
    )
    assert (pairs.table.groupby("unit")["split"].nunique() == 1).all()
    told = {reply_emotion(pairs.model.tokenizer.decode([t])) for t in pairs.openings[0]["anger"]}
    assert told <= {"anger", None}


def test_texts_need_no_common_ending(implicit):
    some = implicit[implicit["pair_id"] == implicit["pair_id"].iloc[0]]
    pairs = emotional_pairs(load("small-gpt2"), some, reply=False)
    text = some.set_index("id")["text"][pairs.table["pair"][0]]
    assert pairs.model.tokenizer.decode(pairs.emotional[0], skip_special_tokens=True) == text


def test_prompts_without_a_partner_or_a_common_ending_are_refused(implicit):
    model = load("small-gpt2")
    some = implicit[implicit["pair_id"] == implicit["pair_id"].iloc[0]]
    with pytest.raises(UserError, match="No emotional prompt has a neutral partner"):
        emotional_pairs(model, some[some["emotion"] != "neutral"])
    endings = some["emotion"].map(lambda emotion: "Zebras sat!" if emotion == "neutral" else "Zebras ran.")
    name = some.loc[some["emotion"] != "neutral", "id"].iloc[0]
    message = f'The prompt "{name}" and its neutral partner do not end in the same token'
    with pytest.raises(UserError, match=message):
        emotional_pairs(model, some.assign(text=endings))


def test_a_tokenizer_that_cannot_tell_emotions_apart_is_refused(implicit):
    words = Tokenizer(models.WordLevel({"?": 0}, "?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)
    model = replace(load("small-gpt2"), tokenizer=tokenizer)
    with pytest.raises(UserError, match="No token of this tokenizer begins the replies of neutral alone"):
        emotional_pairs(model, implicit)
