"""Hub classifiers on a tiny random one made here; what a reader sees without network or files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, PreTrainedTokenizerFast

from emotion_utils.core.errors import UserError
from emotion_utils.scoring import HUB_CLASSIFIERS, hub_probability, load_hub_classifier

WORDS = ["[PAD]", "[UNK]", "thank", "you", "sorry", "bad"]
LABELS = {0: "gratitude", 1: "anger", 2: "remorse"}
TEXTS = ["thank you", "sorry", "bad bad bad bad", "thank you " * 200, "ありがとう", "?!"]


def saved(folder, kind=BertForSequenceClassification, **options):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        id2label=LABELS,
        label2id={label: i for i, label in LABELS.items()},
        **options,
    )
    kind(config).save_pretrained(folder)
    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))  # noqa: S106
    words.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")  # noqa: S106
    fast.save_pretrained(folder)
    return str(folder)


def logits_alone(classifier, text):
    ids = classifier.model.tokenizer(text, return_tensors="pt", truncation=True, max_length=30)
    with torch.no_grad():
        return classifier.model.network(**ids).logits[0].double()


def test_probabilities_are_those_of_each_text_alone(tmp_path):
    classifier = load_hub_classifier(saved(tmp_path))
    expected = np.stack([logits_alone(classifier, text).softmax(-1).numpy() for text in TEXTS])
    np.testing.assert_allclose(classifier.probabilities(TEXTS), expected, atol=1e-5)
    scorer = hub_probability(classifier, "anger")
    assert scorer.name == "hub_anger"
    np.testing.assert_allclose(scorer(TEXTS), expected[:, 1], atol=1e-5)
    assert np.isnan(scorer(["", " \n"])).all()


def test_a_model_of_several_labels_gives_independent_probabilities(tmp_path):
    classifier = load_hub_classifier(saved(tmp_path, problem_type="multi_label_classification"))
    expected = logits_alone(classifier, "sorry").sigmoid().numpy()
    np.testing.assert_allclose(classifier.probabilities(["sorry"])[0], expected, atol=1e-5)


def test_the_label_follows_the_emotion_of_the_row(tmp_path):
    classifier = load_hub_classifier(saved(tmp_path))
    scorer = hub_probability(classifier, {"gratitude": "gratitude", "apology": "remorse"})
    found = scorer(["sorry"] * 3, emotions=["gratitude", "apology", "anger"])
    np.testing.assert_allclose(found[:2], classifier.probabilities(["sorry"])[0, [0, 2]], atol=1e-6)
    assert np.isnan(found[2])


def test_errors_name_the_way_out(tmp_path, monkeypatch):
    classifier = load_hub_classifier(saved(tmp_path / "a"))
    with pytest.raises(UserError, match='no label "joy": it has gratitude, anger and remorse'):
        hub_probability(classifier, "joy")
    with pytest.raises(UserError, match="no trained classification head"):
        load_hub_classifier(saved(tmp_path / "b", kind=BertForMaskedLM))
    with pytest.raises(UserError, match="a language model, not a classifier"):
        load_hub_classifier("small-gpt2")
    (tmp_path / "a" / "model.safetensors").rename(tmp_path / "a" / "pytorch_model.bin")
    with pytest.raises(UserError, match="which can execute code"):
        load_hub_classifier(str(tmp_path / "a"))


@pytest.mark.parametrize("kind", HUB_CLASSIFIERS)
def test_without_a_network_the_error_says_what_to_do(kind):
    with pytest.raises(
        UserError, match=r"give the path of a local copy; without either leave this scorer out"
    ):
        load_hub_classifier(kind)
