"""A head on a transformer of any family is Transformers' own classifier, and hook points stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_fixtures import PROMPTS
from transformers import AutoModelForSequenceClassification

from emotion_utils.classification.classifier import predictions, with_head
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import WRITABLE, HookPoint, attached

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def classifier(untrained):
    return with_head(untrained, LABELS, seed=3)


def test_logits_are_those_of_transformers_own_class(untrained, classifier, tmp_path):
    """Saved by it and read by it; each text alone, without padding."""
    network = classifier.model.network
    network.save_pretrained(tmp_path)
    theirs, report = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert type(theirs) is type(network)
    assert theirs.config.id2label == dict(enumerate(LABELS))
    with torch.no_grad():
        alone = [theirs(torch.tensor([ids])).logits[0] for ids in untrained.encode(PROMPTS).ids]
    np.testing.assert_allclose(classifier.logits(PROMPTS), torch.stack(alone), atol=2e-5)


def test_the_body_is_a_copy_of_the_models_and_the_head_follows_from_its_seed(untrained, classifier):
    own, theirs = classifier.model.network.base_model, untrained.network.base_model
    for (name, mine), (other, weight) in zip(own.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(mine, weight)
        assert mine.data_ptr() != weight.data_ptr()
    again, other = (with_head(untrained, LABELS, seed=seed).model.network.score.weight for seed in (3, 4))
    assert torch.equal(again, classifier.model.network.score.weight)
    assert not torch.equal(again, other)
    assert untrained.network.config.num_labels == 2  # what nobody has set


@pytest.mark.parametrize("kind", WRITABLE)
def test_every_hook_point_changes_logits(classifier, kind):
    model = classifier.model
    inputs = model.padded(model.encode(PROMPTS).ids)
    with torch.no_grad():
        before = model.network(**inputs).logits
        for layer in range(model.n_layers):
            with attached(model.network, {HookPoint(layer, kind): lambda hidden: hidden.flip(-1)}):
                assert not torch.allclose(model.network(**inputs).logits, before, atol=1e-4)
        assert torch.equal(model.network(**inputs).logits, before)


def test_longer_texts_are_cut_at_the_end_and_counted(tiny):
    classifier = with_head(tiny, LABELS, max_length=5)
    texts = ["the cat ran", "the red cat and the blue dog ran", "the red cat and the green bird"]
    encoded = classifier.encode(texts)
    assert encoded.truncated == 2
    assert encoded.note() == "2 of 3 texts were cut at the end."
    assert [len(row) for row in encoded.rows] == [4, 5, 5]
    logits = classifier.logits(texts)
    assert np.array_equal(logits[1], logits[2])
    whole = with_head(tiny, LABELS)
    assert whole.encode(["the " * 40]).truncated == 1  # the context has 32 tokens
    assert whole.encode(texts).note() == ""


def test_texts_that_the_tokenizer_does_not_know_are_counted(tiny):
    encoded = with_head(tiny, LABELS).encode(["ᚠᛇᚻ", "😀😀", "the ᚠᛇᚻ"])
    assert encoded.unknown == 2
    assert "2 texts have no character that the tokenizer knows" in encoded.note()


def test_predictions_are_the_highest_logits(tiny):
    classifier = with_head(tiny, LABELS)
    texts = ["the cat ran", "a dog", "the blue bird sang"]
    found = predictions(classifier, texts, ["a", "b", "c"])
    assert found.table["predicted"].tolist() == [LABELS[at] for at in found.logits.argmax(axis=1)]
    assert found.table["label"].tolist() == ["a", "b", "c"]
    assert classifier.predict(texts) == found.table["predicted"].tolist()
    np.testing.assert_allclose(found.logits[::-1], classifier.logits(texts[::-1]), atol=1e-6)
    with pytest.raises(UserError, match="There are 3 texts and 1 labels"):
        predictions(classifier, texts, ["a"])


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        (["a"], {}, "There are 1 labels, 1 of them different"),
        (["a", "b", "a"], {}, "There are 3 labels, 2 of them different"),
        (["a", "b"], {"max_length": 0}, "A text has at most 0 tokens"),
    ],
)
def test_a_head_without_sense_is_refused(tiny, labels, options, said):
    with pytest.raises(UserError, match=said):
        with_head(tiny, labels, **options)


def test_what_cannot_be_classified_is_named(tiny):
    classifier = with_head(tiny, LABELS)
    classifier.model.network.train()
    with pytest.raises(UserError, match="in training mode"):
        classifier.logits(["the cat"])
    classifier.model.network.eval()
    with torch.no_grad():
        classifier.model.network.score.weight.fill_(float("nan"))
    with pytest.raises(UserError, match=r"The logits of .* for text 1 of 1 are not finite"):
        classifier.logits(["the cat"])
