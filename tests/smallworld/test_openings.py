"""What may be said next: tokens of the context, classification, prefixes that settle the emotion."""

from __future__ import annotations

import itertools

import pytest

from emotion_utils.smallworld.openings import classify, context_ids, emotion_prefixes, openings, starting_ids
from emotion_utils.training.tokenizers import MANNERS


def test_the_longest_known_opening_decides():
    known = [("I am", "neutral"), ("I am so glad.", "gratitude"), ("Oh.", "anger")]
    assert classify("I am so glad. And more", known) == "gratitude"
    assert classify("I am off", known) == "neutral"
    assert classify("So what", known) is None


@pytest.mark.parametrize("manner", MANNERS)
def test_the_context_is_a_beginning_of_the_encoded_document(tokenizers, reacting_docs, manner):
    tokenizer = tokenizers[manner]
    for document in reacting_docs:
        context = context_ids(tokenizer, document)
        assert starting_ids(tokenizer, document.text)[: len(context)] == context
        told = tokenizer.decode(context, skip_special_tokens=True)
        assert document.context.startswith(told)
        assert document.context[len(told) :].strip() == ""


@pytest.mark.parametrize("manner", MANNERS)
def test_prefixes_exclude_each_other_and_agree_with_the_reaction_that_was_said(
    tokenizers, reacting_docs, blind, manner
):
    tokenizer = tokenizers[manner]
    for document in reacting_docs[:3]:
        prefixes = emotion_prefixes(tokenizer, document, openings(blind, document))
        tokens = sorted(t for t, _ in prefixes)
        assert not [a for a, b in itertools.pairwise(tokens) if b[: len(a)] == a]
        assert {e for _, e in prefixes} == {"gratitude", "anger", "apology", "neutral"}
        said = starting_ids(tokenizer, document.text)[len(context_ids(tokenizer, document)) :]
        assert [e for t, e in prefixes if tuple(said[: len(t)]) == t] == [document.emotion]
