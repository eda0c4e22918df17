"""The probe that reads another model's states: states by hand, planted states, folds that respect families."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.store import Store
from emotion_utils.models.model import load
from emotion_utils.scoring import probe as module
from emotion_utils.scoring.probe import mean_states, train_probe, tried_layers

TEXTS = ["Thank you so much, Anna!", "Sorry.", "The bus to the zoo leaves at noon, and it is late.", "No."]


@pytest.fixture(scope="module", params=["small-gpt2", "small-gemma3"])
def model(request):
    return load(request.param)


def by_hand(model, text, layer):
    """The plain library, one text at a time, without padding."""
    ids = model.tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    spans = ids.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        hidden = model.network(**ids, output_hidden_states=True).hidden_states[layer + 1][0]
    counted = [i for i, (start, end) in enumerate(spans) if end > start and (i > 0 or len(spans) == 1)]
    return hidden[counted].mean(dim=0).numpy()


def test_states_are_means_over_the_tokens_of_each_text_but_the_first_position(model):
    found = mean_states(model, TEXTS, [0, 2])
    assert found.shape == (4, 2, model.d_model)
    for i, layer in enumerate((0, 2)):
        for row, text in enumerate(TEXTS):
            np.testing.assert_allclose(found[row, i], by_hand(model, text, layer), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("blocks", "tried"), [(30, [7, 10, 14, 18]), (18, [3, 6, 8, 10]), (4, [0, 1]), (1, [0])]
)
def test_blocks_are_tried_by_relative_depth(blocks, tried):
    assert (
        tried_layers(blocks) == tried
    )  # Python rounds a half to the even number: 0.375 * 4 and 0.625 * 4 to 2


def planted(monkeypatch, by_layer):
    """Let states be drawn instead of computed."""
    monkeypatch.setattr(module, "tried_layers", lambda n: list(by_layer))
    known = {}

    def states(model, texts, layers):
        for i, text in enumerate(texts):
            known.setdefault(text, {layer: by_layer[layer][i] for layer in by_layer})
        return torch.stack([torch.stack([known[text][layer] for layer in layers]) for text in texts])

    monkeypatch.setattr(module, "mean_states", states)


@pytest.fixture
def texts():
    """Forty families of five texts, ten families of each emotion."""
    family = np.repeat(np.arange(40), 5)
    emotion = np.array(EMOTIONS, dtype=object)[family % 4]
    return pd.DataFrame({"text": [f"Text {i}." for i in range(200)], "emotion": emotion, "group": family})


def test_the_layer_is_chosen_by_families_that_were_not_trained_on(monkeypatch, texts):
    rng = np.random.default_rng(0)
    label = pd.factorize(texts["emotion"])[0]
    noise = torch.from_numpy(rng.normal(size=(200, 64))).float()
    families = torch.from_numpy(rng.normal(size=(40, 64))).float()[texts["group"]] * 10
    planted_emotion = torch.zeros(200, 64)
    planted_emotion[np.arange(200), label] = 6
    planted(monkeypatch, {1: noise, 5: noise + families, 9: noise + planted_emotion})
    found = train_probe(load("small-gpt2"), texts)
    assert found.layer == 9
    # each family has a place of its own in block 5: texts are told by their family, and new families are not
    assert found.folds[9] > 0.95
    assert found.folds[5] < 0.5
    assert found.folds[1] < 0.5
    assert found.predict(texts["text"].tolist()) == texts["emotion"].tolist()


def test_predictions_are_those_of_scikit_learn_by_hand(texts):
    model = load("small-gpt2")
    words = {"gratitude": "Thank you", "anger": "I hate", "apology": "I am sorry", "neutral": "Here is"}
    said = [f"{words[e]} number {i}." for i, e in enumerate(texts["emotion"])]
    found = train_probe(model, texts.assign(text=said))
    states = mean_states(model, said, [found.layer])[:, 0].numpy()
    scale = StandardScaler().fit(states)
    fitted = LogisticRegression(C=module.PENALTY, tol=1e-3, max_iter=1000).fit(
        scale.transform(states), texts["emotion"].astype(str)
    )
    new = ["Thank you for the soup.", "I hate this noise.", "I am sorry for the noise.", "Here is the bus."]
    expected = fitted.predict(scale.transform(mean_states(model, new, [found.layer])[:, 0].numpy()))
    assert found.predict(new) == expected.tolist() == list(EMOTIONS)


def test_equal_layers_give_the_earliest_and_blank_texts_say_nothing(monkeypatch, texts):
    states = torch.zeros(200, 8)
    states[np.arange(200), pd.factorize(texts["emotion"])[0]] = 1
    planted(monkeypatch, {3: states, 4: states})
    found = train_probe(load("small-gpt2"), texts)
    assert (found.layer, found.folds.tolist()) == (3, [1.0, 1.0])
    assert found.predict(["", ' "', "Text 3."]) == ["undecided", "undecided", "gratitude"]


def test_states_of_training_texts_are_kept_and_read_up_to_the_reply(monkeypatch, texts, tmp_path):
    few, store = texts.head(200), Store(tmp_path)
    first = train_probe(load("small-gpt2"), few, store=store)

    def refuse(*_):
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(module, "mean_states", refuse)
        again = train_probe(load("small-gpt2"), few, store=store)
    pd.testing.assert_series_equal(first.folds, again.folds)
    whole = [f' "{text}" Then he left.' for text in few["text"].head(8)]
    assert again.predict(whole) == first.predict(few["text"].head(8).tolist())
