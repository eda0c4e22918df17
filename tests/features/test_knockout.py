"""Features taken out, beside a plain hook on single texts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_dictionaries import random_dictionary
from tiny_classifiers import FAMILIES, ids, tiny

from emotion_utils.classification.classifier import EncodedTexts
from emotion_utils.core.errors import UserError
from emotion_utils.features import reading
from emotion_utils.features.knockout import DROPPED, KEPT, knocked_out_logits

TEXTS = [(1, *one) for one in ids(9)]
NOTHING = np.zeros(0, dtype=np.int64)
SETS = [NOTHING, np.array([3, 7, 30]), np.array([7]), np.arange(40)]


def plain(classifier, dictionary, layer, text, features, way):
    """One text, without padding; everything after its BOS is written to."""
    network = classifier.model.network
    blocks = network.base_model.h if hasattr(network.base_model, "h") else network.base_model.layers

    def change(_module, _inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        x = hidden[0, 1:]
        a = dictionary.encode(x)
        gone = torch.zeros_like(a)
        gone[:, features] = a[:, features]
        base = x if way == KEPT else dictionary.decode(a)
        new = torch.cat([hidden[:, :1], (base - gone @ dictionary.decoder / dictionary.scale)[None]], dim=1)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = blocks[layer].register_forward_hook(change)
    with torch.no_grad():
        logits = network(torch.tensor([text])).logits[0].numpy()
    handle.remove()
    return logits


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", [KEPT, DROPPED])
def test_logits_are_those_of_a_plain_hook(family, way, monkeypatch):
    monkeypatch.setattr(reading, "AT_ONCE", 300)
    classifier, dictionary = tiny(family), random_dictionary(16, 40, scale=0.5)
    for layer in (0, 1):
        found = knocked_out_logits(classifier, dictionary, layer, TEXTS, SETS, way=way, batch=4)
        for at, features in enumerate(SETS):
            for row, text in enumerate(TEXTS):
                own = plain(classifier, dictionary, layer, text, features, way)
                assert found[at, row] == pytest.approx(own, abs=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_taking_nothing_out_changes_nothing_and_the_model_is_left_as_it_was(family):
    classifier, dictionary = tiny(family), random_dictionary(16, 40)
    clean = classifier.logits_of(EncodedTexts([list(one) for one in TEXTS], 0, 0))
    found = knocked_out_logits(classifier, dictionary, 0, TEXTS, SETS[:2], batch=4)
    assert np.abs(found[0] - clean).max() < 1e-5
    assert np.abs(found[1] - clean).max() > 0.1
    dropped = knocked_out_logits(classifier, dictionary, 0, TEXTS, SETS[:1], way=DROPPED)
    assert np.abs(dropped[0] - clean).max() > 0.1  # an error that is dropped is a change of its own
    again = classifier.logits_of(EncodedTexts([list(one) for one in TEXTS], 0, 0))
    assert again == pytest.approx(clean, abs=1e-6)


def test_without_special_tokens_padding_and_bos_are_never_written_to():
    classifier, dictionary = tiny("llama"), random_dictionary(16, 40)
    one = knocked_out_logits(classifier, dictionary, 0, TEXTS[:1], [SETS[3]])
    among = knocked_out_logits(classifier, dictionary, 0, TEXTS, [SETS[3]])
    assert one[0, 0] == pytest.approx(among[0, 0], abs=1e-4)


def test_what_does_not_exist_is_refused():
    classifier, dictionary = tiny("llama"), random_dictionary(16, 40)
    with pytest.raises(UserError, match="after layer 2, and the model has layers 0 to 1"):
        knocked_out_logits(classifier, dictionary, 2, TEXTS, SETS)
    with pytest.raises(UserError, match="Feature 40 is to be taken out, and the dictionary has 0 to 39"):
        knocked_out_logits(classifier, dictionary, 0, TEXTS, [np.array([2, 40])])
    with pytest.raises(UserError, match="Feature -1"):
        knocked_out_logits(classifier, dictionary, 0, TEXTS, [np.array([-1])])
    with pytest.raises(UserError, match='no way "gone"'):
        knocked_out_logits(classifier, dictionary, 0, TEXTS, SETS, way="gone")
    with pytest.raises(UserError, match="reads 8 dimensions, and the states of this classifier have 16"):
        knocked_out_logits(classifier, random_dictionary(8, 40), 0, TEXTS, SETS)
    classifier.model.network.train()
    with pytest.raises(UserError, match="training mode"):
        knocked_out_logits(classifier, dictionary, 0, TEXTS, SETS)
