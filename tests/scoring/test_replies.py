"""Replies: the emotion as the grammar and the cards have it, genuine ones, and where they stand in a context."""

from __future__ import annotations

from collections import Counter, defaultdict

import pandas as pd
import pytest

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.scoring import (
    emotion_shift,
    first_reply,
    genuine_replies,
    grammatical,
    reply_emotion,
    sample_replies,
    splice,
    target_reply,
)
from emotion_utils.scoring.replies import beginning, drawn_replies, joint, own_openings, own_replies
from emotion_utils.smallworld.corpus import documents
from emotion_utils.smallworld.openings import classify, openings


@pytest.fixture(scope="module")
def reacting(grammar):
    drawn = documents(grammar, 400, seed=8, split="all")
    return [d for d in drawn if d.reaction_start is not None]


def test_the_emotion_of_every_reply_is_the_one_that_wrote_it(reacting):
    assert len(reacting) > 350
    wrong = [
        d.text[d.reaction_start :] for d in reacting if reply_emotion(d.text[d.reaction_start :]) != d.emotion
    ]
    assert wrong == []


def test_the_reading_is_that_of_the_cards_also_for_replies_of_other_causes(reacting, blind):
    others = [d.text[d.reaction_start : d.reaction_end] for d in reacting[:150]]
    for document in [d for d in reacting if d.cause and len(d.context) < 200][:4]:
        known = openings(blind, document)
        for reply in others:
            card = classify(reply, known)
            # where the card knows the opening both agree; a name or thing of another text is unknown in this context
            assert card in (None, reply_emotion(reply))


@pytest.mark.parametrize("text", ["", "   ", "?!", "Zebras eat grass.", "ありがとう", "thank", "x" * 10_000])
def test_other_texts_have_no_emotion(text):
    assert reply_emotion(text) is None


def test_the_first_reply_ends_at_the_quotation_mark_or_the_line():
    assert first_reply(' "Thank you, Tom." Then he left.') == "Thank you, Tom."
    assert first_reply("Thank you, Tom.\n\nYours, Ann") == "Thank you, Tom."
    assert first_reply("Don't.") == "Don't."
    assert first_reply('"') == first_reply("") == ""


def test_genuine_replies_are_of_the_emotion_and_fit_anywhere():
    for emotion in ("gratitude", "anger", "apology", "neutral"):
        replies = genuine_replies(emotion, n=12, seed=3)
        assert len(set(replies)) == 12
        assert {reply_emotion(reply) for reply in replies} == {emotion}
        assert replies == genuine_replies(emotion, n=12, seed=3)
    with pytest.raises(UserError, match='"joy" is not known'):
        genuine_replies("joy")


def test_sampled_replies_know_their_template(grammar):
    drawn = sample_replies(600, seed=1)
    emotions = drawn["template"].str.split(".").str[0]
    assert (emotions == drawn["emotion"]).all()
    assert drawn["text"].is_unique
    assert not drawn.loc[drawn["anywhere"], "text"].str.contains("Tom|Anna").any()


def test_a_spliced_reply_stands_where_the_grammar_lets_it(reacting, blind):
    checked = 0
    for document in [d for d in reacting if len(d.context) < 200][:8]:
        for context in (document.context, document.context.rstrip()):
            whole = context + splice(context, "Thank you very much.")
            checked += 1
            assert blind.is_prefix(whole), (context, whole)
    assert checked == 16


def test_a_reply_in_another_context_is_quoted_after_a_colon():
    assert splice("Zebras said:", "Hello.") == ' "Hello."'
    assert splice('Zebras said: "', "Hello.") == 'Hello."'
    assert splice("Zebras ran.", "Hello.") == " Hello."
    assert splice("Zebras ran. ", "Hello.") == splice("", "Hello.") == "Hello."


def test_grammaticality_accepts_what_the_grammar_wrote_and_refuses_the_rest(reacting):
    few = [d for d in reacting if len(d.context) < 200][:5]
    contexts, texts = [d.context for d in few], [d.text[d.reaction_start :] for d in few]
    assert grammatical()(texts, contexts).tolist() == [1] * 5
    assert grammatical()([t[: len(t) // 2] for t in texts], contexts).tolist() == [1] * 5
    assert grammatical()([f"Zebra {t}" for t in texts], contexts).tolist() == [0] * 5
    foreign = [splice(c, "Thank you very much.").rstrip('"') for c in contexts]
    assert grammatical()(foreign, contexts).tolist() == [1] * 5
    assert str(grammatical()(["Thank you."], ["Zebras eat"])[0]) == "nan"


def test_the_shift_is_the_reply_minus_the_posterior_of_the_document(reacting):
    few = [d for d in reacting if d.cause and len(d.context) < 200][:8]
    contexts, texts = [d.context for d in few], [d.text[d.reaction_start :] for d in few]
    for emotion in ("gratitude", "neutral"):
        expected = [(d.emotion == emotion) - d.posterior[emotion] for d in few]
        assert emotion_shift()(texts, contexts, emotion).tolist() == pytest.approx(expected)
        assert target_reply()(texts, emotions=emotion).tolist() == [d.emotion == emotion for d in few]
    assert str(emotion_shift()(["Thank you."], ["Zebras eat"], "anger")[0]) == "nan"


@pytest.mark.parametrize(
    ("context", "between"),
    [
        ("Zebras said:", ' "'),
        ('Zebras said: "', ""),
        ("Zebras ran.", " "),
        ("Zebras ran. ", ""),
        ("", ""),
    ],
)
def test_what_stands_before_a_reply_in_another_context(context, between):
    assert joint(context) == between


def test_what_stands_before_a_reply_is_what_the_grammar_writes(reacting, blind):
    for document in [d for d in reacting if len(d.context) < 200][:2]:
        for context in (document.context, document.context.rstrip(' "\n')):
            assert blind.is_prefix(f"{context}{joint(context)}Thank you very much.")


@pytest.mark.parametrize(
    ("name", "between"),
    [("small-gpt2", ' "'), ("small-gpt2", " "), ("small-llama3", ' "'), ("small-gemma3", ' "')],
)
def test_openings_are_of_one_emotion_alone(name, between):
    tokenizer = load_tokenizer(name)
    found = own_openings(tokenizer, between)
    assert list(found) == list(EMOTIONS)
    assert all(found.values())
    count = defaultdict(Counter)
    for row in drawn_replies(4000).itertuples():
        encoded = tokenizer(between + row.text, add_special_tokens=False, return_offsets_mapping=True)
        at = next(i for i, (_, end) in enumerate(encoded["offset_mapping"]) if end > len(between))
        count[encoded["input_ids"][at]][row.emotion] += 1
    for token, by in count.items():
        (top, often), *_ = by.most_common(1)
        own = [emotion for emotion, tokens in found.items() if token in tokens]
        assert own == ([top] if often >= 0.9 * by.total() else [])
    assert {token for tokens in found.values() for token in tokens} <= set(count)


def own_table(reference):
    rows = [
        (f"{label} {i} one two three four", label, split, f"{label}{i}")
        for label in ("joy", "worry", reference)
        for i, split in enumerate(("build", "build", "build", "test"))
    ]
    table = pd.DataFrame(rows, columns=["text", "emotion", "split", "group"])
    return table.assign(pair_id=None, id=[str(i) for i in range(len(table))])


@pytest.mark.parametrize("reference", ["neutral", "calm"])
def test_own_texts_stand_for_replies_split_by_split_beside_what_they_stand_against(reference):
    tokenizer, table = load_tokenizer("small-gpt2"), own_table(reference)
    own = own_replies(table, tokenizer, tokens=4)
    assert own.labels == (("joy", "worry", "neutral") if reference == "neutral" else ("calm", "joy", "worry"))
    found = own.of("joy", 9)
    assert len(found) == 3
    for text in found:
        assert any(
            whole.startswith(text) for whole in table.query("emotion == 'joy' and split == 'build'")["text"]
        )
        assert len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= 4
    assert own.of("joy", 9, "test") == [beginning(tokenizer, "joy 3 one two three four", 4)]
    beside = {text.split()[0] for text in own.against("joy", 2)}
    assert beside == ({"neutral"} if reference == "neutral" else {"calm", "worry"})  # other labels take turns


def test_a_beginning_ends_with_a_whole_character():
    tokenizer = load_tokenizer("small-gpt2")
    assert beginning(tokenizer, " We met. ", 99) == "We met."
    for n in range(1, 12):
        assert "今日は雨です".startswith(beginning(tokenizer, "今日は雨です", n))
