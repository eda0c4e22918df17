"""Measurements on untrained models of every family, against plain forward passes."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.smallworld.corpus import reacting
from emotion_utils.smallworld.openings import context_ids, emotion_prefixes, openings, starting_ids
from emotion_utils.training.evaluation import (
    continuations,
    document_nll,
    emotion_probabilities,
    loss_against_entropy,
)


def logp_after(model, ids):
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0], dim=-1)


def test_document_nll_is_that_of_single_unpadded_passes(untrained, docs):
    model, tokenizer = untrained, untrained.tokenizer
    texts = [d.text for d in docs[:4]]
    nll, tokens = document_nll(model, texts)
    for text, value, n in zip(texts, nll, tokens, strict=True):
        ids = [*starting_ids(tokenizer, text), tokenizer.eos_token_id]
        logp = logp_after(model.network, ids[:-1])
        assert n == len(ids) - 1
        assert value == pytest.approx(-float(logp[torch.arange(n), ids[1:]].sum()), rel=1e-4)


def test_emotion_probabilities_match_single_passes_without_a_cache(untrained, reacting_docs, blind):
    model, tokenizer = untrained, untrained.tokenizer
    document = min(reacting_docs, key=lambda d: len(d.text))
    found = emotion_probabilities(model, blind, document)
    prefixes = emotion_prefixes(tokenizer, document, openings(blind, document))
    context = context_ids(tokenizer, document)
    emotion = "neutral"
    expected = 0.0
    for tokens in [t for t, e in prefixes if e == emotion]:
        logp = logp_after(model.network, [*context, *tokens])
        at = range(len(context) - 1, len(context) - 1 + len(tokens))
        expected += float(sum(logp[i, t] for i, t in zip(at, tokens, strict=True)).exp())
    assert found[emotion] == pytest.approx(expected, rel=1e-3)
    assert 0 < sum(found.values()) <= 1 + 1e-4


def test_greedy_continuations_do_not_depend_on_padding_or_cache(untrained, reacting_docs):
    model, tokenizer = untrained, untrained.tokenizer
    contexts = [context_ids(tokenizer, d) for d in reacting_docs]
    together = continuations(model, contexts, new_tokens=6)
    for context, made in zip(contexts, together, strict=True):
        ids = list(context)
        for token in made:
            logp = logp_after(model.network, ids)[-1]
            assert logp[token] >= logp.max() - 1e-3
            ids.append(token)


def test_sampling_repeats_with_its_seed(untrained, reacting_docs):
    model, tokenizer = untrained, untrained.tokenizer
    contexts = [context_ids(tokenizer, d) for d in reacting_docs[:2]]
    runs = [continuations(model, contexts, 8, temperature=50.0, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_model_that_knows_nothing_loses_against_the_generator(untrained, grammar, docs):
    found = loss_against_entropy(untrained, grammar, docs[:5])
    assert found["loss_over_entropy"].value > 3
    expected = -sum(grammar.log_prob(d.text, "train") for d in docs[:5]) / 5
    assert found["entropy_per_document"].value == pytest.approx(expected)


def test_reacting_draws_what_was_asked_for(grammar):
    found = reacting(grammar, 5, seed=9, emotion="anger")
    assert [d.posterior["anger"] for d in found] == [1.0] * 5
    assert all(d.cause and d.reaction_start for d in found)
