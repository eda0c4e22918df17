"""Activations of features in texts and tokens, beside a plain loop over single texts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_dictionaries import random_dictionary
from tiny_classifiers import ids, tiny

from emotion_utils.core.errors import UserError
from emotion_utils.features import reading
from emotion_utils.features.reading import KINDS, MAX, MEAN, RATE, SQUARE, text_activations, token_activations

TEXTS = [(1, *one) for one in ids(9)]  # a BOS before each


@pytest.fixture(scope="module")
def classifier():
    return tiny("gemma2")


@pytest.fixture(scope="module")
def dictionaries():
    return {0: random_dictionary(16, 40, 1), 1: random_dictionary(16, 24, 2, scale=3.0)}


def plain(classifier, dictionary, layer, text):
    with torch.no_grad():
        out = classifier.model.network.base_model(torch.tensor([text]), output_hidden_states=True)
    # the last of hidden_states is normalised: hooks give the state before that
    if layer == classifier.model.n_layers - 1:
        caught = []
        block = classifier.model.network.base_model.layers[layer]
        handle = block.register_forward_hook(
            lambda _m, _i, o: caught.append(o[0] if isinstance(o, tuple) else o)
        )
        with torch.no_grad():
            classifier.model.network.base_model(torch.tensor([text]))
        handle.remove()
        states = caught[0][0]
    else:
        states = out.hidden_states[layer + 1][0]
    return dictionary.encode(states[1:]).numpy()


@pytest.mark.parametrize("at_once", [2**24, 100])
def test_texts_have_the_sums_of_a_plain_loop(classifier, dictionaries, monkeypatch, at_once):
    monkeypatch.setattr(reading, "AT_ONCE", at_once)
    found = text_activations(classifier.model, dictionaries, TEXTS, KINDS, batch=4)
    for layer, dictionary in dictionaries.items():
        for row, text in enumerate(TEXTS):
            own = plain(classifier, dictionary, layer, text)
            one = found[layer]
            assert one.tokens[row] == len(text) - 1
            assert one[MEAN][row] == pytest.approx(own.mean(axis=0), rel=1e-3, abs=1e-4)
            assert one[MAX][row] == pytest.approx(own.max(axis=0), rel=1e-3, abs=1e-4)
            assert one[RATE][row] == pytest.approx((own > 0).mean(axis=0), abs=1e-6)
            assert one[SQUARE][row] == pytest.approx((own**2).mean(axis=0), rel=1e-3, abs=1e-3)
            assert one.active[row] == pytest.approx((own > 0).sum(axis=1).mean())
            top = np.sort(own, axis=1)[:, ::-1][:, :20].sum(axis=1) / own.sum(axis=1)
            assert one.top[row] == pytest.approx(top.mean(), rel=1e-3)


def test_tokens_are_those_of_the_texts_in_order_without_special_ones(classifier, dictionaries):
    found = token_activations(classifier.model, dictionaries[0], 0, TEXTS, batch=4)
    assert found.tokens.token.tolist() == [token for text in TEXTS for token in text[1:]]
    assert found.tokens.place.tolist() == [at for text in TEXTS for at in range(1, len(text))]
    whole = np.concatenate([plain(classifier, dictionaries[0], 0, text) for text in TEXTS])
    assert found.values.toarray() == pytest.approx(whole, rel=1e-3, abs=1e-4)
    some = token_activations(classifier.model, dictionaries[0], 0, TEXTS, np.array([7, 2]))
    assert some.values.toarray() == pytest.approx(whole[:, [7, 2]], rel=1e-3, abs=1e-4)
    assert some.features.tolist() == [7, 2]


def test_a_character_that_nobody_knows_counts_and_a_text_of_specials_is_refused(classifier, dictionaries):
    # token 3 is the unknown one of this tokenizer's model, and no special token
    assert reading.text_tokens(classifier.model, [1, 3, 5, 2, 0]).tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(UserError, match=r"Text 2 of 2 has no token but special ones"):
        text_activations(classifier.model, dictionaries, [TEXTS[0], (1, 2)])


def test_wrong_kinds_and_widths_are_refused(classifier, dictionaries):
    with pytest.raises(UserError, match='no kind "median"'):
        text_activations(classifier.model, dictionaries, TEXTS, ("median",))
    with pytest.raises(UserError, match="states have 16 dimensions, and the dictionary reads 8"):
        text_activations(classifier.model, {0: random_dictionary(8, 4)}, TEXTS)
    with pytest.raises(UserError, match='mean was read, not "max"'):
        text_activations(classifier.model, dictionaries, TEXTS[:1])[0][MAX]
