"""Probabilities of words and replies against plain forward passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import steered
from scipy.special import logsumexp

from emotion_utils.core.errors import UserError
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.interventions import Window
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.scoring import genuine_replies, replies, splice
from emotion_utils.steering import readout
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.trials import SteeringSetting, run


@pytest.fixture(scope="module")
def settings(steered_model):
    vector = steered_model.direction("anger", 2)
    return [SteeringSetting("anger", 2, alpha, vector) for alpha in (0.0, 1.0)]


@pytest.fixture(scope="module")
def scenes(implicit):
    return neutral_contexts(implicit, "test", 3)


def test_log_odds_are_those_of_the_plain_model(steered_model, scenes, settings):
    found = readout.reply_log_odds(steered_model, scenes, settings, 2)
    assert len(found) == 6
    for row in found.itertuples():
        context = scenes["context"][row.prompt]
        ids, sums = steered_model.ids(context), {}
        start = len(ids) - 1
        for kind in ("anger", "neutral"):
            sums[kind] = []
            for reply in genuine_replies(kind, 2):
                new = steered_model.model.tokenizer(splice(context, reply), add_special_tokens=False)[
                    "input_ids"
                ]
                logs = steered.log_probs(
                    steered_model.model.network,
                    ids + new,
                    row.alpha * settings[1].vector,
                    2,
                    lambda at, s=start: s <= at < s + 2,
                )
                sums[kind].append(sum(float(logs[start + i, token]) for i, token in enumerate(new)))
        assert row.log_odds == pytest.approx(logsumexp(sums["anger"]) - logsumexp(sums["neutral"]), abs=1e-3)
        assert row.unit == scenes["unit"][row.prompt]
    assert (found[found["alpha"] == 0]["shift"] == 0).all()


def test_a_chat_is_another_beginning_of_the_same_contexts(steered_model, scenes, settings):
    """A template that only writes a line before the text, against the same line put there by hand."""
    tokenizer = load_tokenizer("small-gpt2")
    tokenizer.chat_template = "Anna spoke.\n{{ messages[0]['content'] }}"
    model = replace(steered_model.model, tokenizer=tokenizer)
    chatting = replace(steered_model, model=model)
    known = readout.reply_log_odds(chatting, scenes, settings)
    found = readout.in_a_chat(chatting, scenes, settings[1:], known)
    by_hand = {
        "as plain text": scenes,
        "in the chat template": scenes.assign(context="Anna spoke.\n" + scenes["context"].str.strip()),
    }
    plain = replace(steered_model.model, reading=replace(steered_model.model.reading, bos=False))
    read_by = {
        "as plain text": steered_model.model,
        "in the chat template": plain,
    }  # a template brings its own start
    for row in found.itertuples():
        reader = replace(steered_model, model=read_by[row.read])
        odds = readout.reply_log_odds(reader, by_hand[row.read], settings[1:])
        assert row.shift == pytest.approx(odds["shift"].mean(), abs=1e-4)
        assert row.untouched == pytest.approx((odds["log_odds"] - odds["shift"]).mean(), abs=1e-3)
        assert (row.emotion, row.n) == ("anger", 3)
    assert found["shift"].nunique() == 2
    with pytest.raises(UserError, match=r"lack anger at layer 2, strength 1: read them with these"):
        readout.in_a_chat(chatting, scenes, settings[1:], known[known["alpha"] == 0])
    assert readout.in_a_chat(steered_model, scenes, settings[1:], known) is None


def test_the_ceiling_is_what_genuine_replies_reach(steered_model, scenes):
    found = readout.ceiling(steered_model, scenes)
    assert list(found.index) == steered_model.emotions
    assert found.between(0.3, 1.0).all()
    owned = replies.own_openings(steered_model.model.tokenizer, ' "')["anger"]
    texts = replies.drawn_replies(replies.REPLIES_DRAWN).query("emotion == 'anger'")["text"]
    assert all(context.endswith(":") for context in scenes["context"])
    mark = len(steered_model.model.tokenizer(' "')["input_ids"])
    begins = [steered_model.model.tokenizer(f' "{text}')["input_ids"][mark] for text in texts]
    assert found["anger"] == pytest.approx(np.isin(begins, owned).mean())


def test_the_first_word_is_read_after_the_mark_at_the_positions_of_generation(
    steered_model, scenes, settings
):
    found = readout.first_word(steered_model, scenes, settings)
    owned = replies.own_openings(steered_model.model.tokenizer, ' "')["anger"]
    for row in found.itertuples():
        context = scenes["context"][row.prompt]
        ids, start = steered_model.ids(context + ' "'), len(steered_model.ids(context)) - 1
        vector = row.alpha * settings[1].vector
        last = steered.log_probs(
            steered_model.model.network, ids, vector, 2, lambda at, s=start: s <= at < s + 2
        )[-1]
        plain = steered.log_probs(steered_model.model.network, ids)[-1]
        assert row.mass == pytest.approx(float(last[owned].exp().sum()), abs=1e-4)
        assert row.own == float(int(last.argmax()) in owned)
        assert row.kl == pytest.approx(float((last.exp() * (last - plain)).sum()), abs=1e-3)


def test_own_openings_belong_to_one_emotion(steered_model):
    owned = replies.own_openings(steered_model.model.tokenizer, ' "')
    sets = [set(tokens) for tokens in owned.values()]
    assert all(sets)
    assert sum(map(len, sets)) == len(set().union(*sets))
    first = steered_model.model.tokenizer(' "Thank', add_special_tokens=False)["input_ids"][-1]
    assert first in owned["gratitude"]


def test_the_wrong_way_by_hand():
    odds = pd.DataFrame({"emotion": "anger", "alpha": [1.0, 1.0, -1.0, 0.0], "shift": [2.0, -1.0, 0.5, 0.0]})
    found = readout.wrong_way(odds).set_index("alpha")
    assert found.loc[1.0, ["shift", "wrong", "n"]].tolist() == [0.5, 0.5, 2]
    assert found.loc[-1.0, "wrong"] == 1
    assert 0.0 not in found.index


def test_a_strength_that_halves_is_not_read_after_a_mark():
    with pytest.raises(UserError, match="halves from the end of the prompt"):
        readout.earlier(Window(0, None, "end", half_life=2.0), 1)
    assert readout.earlier(Window(0, 2, "end"), 1) == Window(-1, 1, "end")
    assert readout.earlier(Window(3, 5), 1) == Window(3, 5)
    assert np.isfinite(Window(-1, 1, "end").bounds(4)).all()


def test_the_first_word_is_the_one_that_is_generated_also_after_a_blank(steered_model, fresh, settings):
    found = readout.first_word(steered_model, fresh, settings).set_index(["prompt", "alpha"])
    texts = run(steered_model, fresh, settings, how=Sampling(1))
    joints = [splice(context, "X").partition("X")[0] for context in fresh["context"]]
    assert {"", " "} == set(
        joints
    )  # no mark opens these replies: the first new token is the first of the reply
    for row in texts.itertuples():
        assert found.loc[(row.prompt, row.alpha), "token"] == steered_model.model.tokenizer.decode(row.ids)
        owned = replies.own_openings(steered_model.model.tokenizer, joints[row.prompt])["anger"]
        assert found.loc[(row.prompt, row.alpha), "own"] == float(row.ids[0] in owned)


@pytest.mark.parametrize("joint", ["", " ", ' "', "\n"])
@pytest.mark.parametrize(
    "name", ["small-gpt2", "small-pythia", "small-llama3", "small-qwen3", "small-gemma3"]
)
def test_own_openings_are_the_tokens_of_a_whole_text(planted, monkeypatch, name, joint):
    steered_model = replace(planted, model=replace(planted.model, tokenizer=load_tokenizer(name)))
    words = ["Thank you."] * 9 + ["Sorry."] * 8
    drawn = pd.DataFrame({"text": words, "emotion": ["gratitude"] * 9 + ["apology"] * 7 + ["anger"]})
    monkeypatch.setattr(replies, "drawn_replies", lambda n: drawn)
    before = steered_model.ids("Tom met Anna." + joint.rstrip(" "))
    token = steered_model.ids("Tom met Anna." + joint + "Thank you.")[len(before)]
    found = replies.own_openings(steered_model.model.tokenizer, joint)
    # seven of eight "Sorry" are of one emotion, less than nine of ten
    assert found == {"gratitude": [token], "anger": [], "apology": [], "neutral": []}


def test_a_part_of_the_contexts_is_numbered_from_nought(steered_model, fresh, settings):
    part = fresh.iloc[4:]
    for made in (readout.first_word, readout.reply_log_odds, run):
        found = made(steered_model, part, settings)
        assert sorted(set(found["prompt"])) == [0, 1]
        assert found.groupby("prompt")["unit"].first().tolist() == part["unit"].tolist()
    assert set(found["context"]) == set(part["context"])


def test_divergence_is_the_mean_over_the_tokens_of_a_text(steered_model, fresh):
    settings = [
        SteeringSetting("anger", 2, alpha, steered_model.direction("anger", 2, "centred"), "centred")
        for alpha in (0.0, 1.0)
    ]
    table = run(steered_model, fresh, settings)
    found = readout.text_divergence(steered_model, table, settings)
    for row, value in zip(table.itertuples(), found, strict=True):
        prompt = steered_model.ids(row.context)
        ids, vector = prompt + row.ids[:-1], settings[1].vector * row.alpha
        start = len(prompt) - 1
        steered_, plain = (
            steered.log_probs(steered_model.model.network, ids, v, 2, lambda at, s=start: s <= at < s + 2)[
                start:
            ]
            for v in (vector, None)
        )
        assert value == pytest.approx(float((steered_.exp() * (steered_ - plain)).sum(-1).mean()), abs=1e-4)
    assert (found[table["alpha"] == 0] < 1e-6).all()
    assert (found[table["alpha"] == 1] > 0.01).all()


def test_a_text_without_tokens_has_no_divergence(steered_model, fresh):
    setting = SteeringSetting("anger", 2, 1.0, steered_model.direction("anger", 2))
    table = run(steered_model, fresh.head(2), [setting])
    table.at[0, "ids"] = []
    found = readout.text_divergence(steered_model, table, [setting])
    assert np.isnan(found).tolist() == [True, False]
