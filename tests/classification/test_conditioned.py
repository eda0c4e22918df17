"""A classifier's logits under conditions are those of a forward pass with the hook written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.classification.classifier import with_head
from emotion_utils.classification.conditioned import conditioned_logits
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import UNTOUCHED, Condition, Edit, LogitBias, Window
from emotion_utils.models.hooks import HookPoint

LAST = Window(0, 1, "end")
TEXTS = ["the red cat ran and slept", "a dog", "the small blue bird sang and ran"]


@pytest.fixture(scope="module")
def classifier(tiny):
    return with_head(tiny, ("a", "b", "c"))


@pytest.fixture(scope="module")
def rows(classifier):
    return classifier.encode(TEXTS).rows


def last_state(classifier, ids):
    """The residual stream after the last block at the last token, before the final norm."""
    caught = []
    block = classifier.model.network.model.layers[-1]
    handle = block.register_forward_hook(
        lambda _m, _a, out: caught.append(out if torch.is_tensor(out) else out[0])
    )
    with torch.no_grad():
        classifier.model.network(torch.tensor([ids]))
    handle.remove()
    return caught[0][0, -1]


def set_at_the_end(point, value):
    return Condition(f"set {point}", (Edit(HookPoint.parse(point), value, "set", window=LAST),))


def test_untouched_is_the_classifier_itself(classifier, rows):
    plan = np.array([[2, 0], [0, 0], [1, 0]])
    found = conditioned_logits(classifier, rows, [UNTOUCHED], plan, batch=2)
    np.testing.assert_allclose(found, classifier.logits(TEXTS)[[2, 0, 1]], atol=1e-6)


def test_the_residual_stream_of_another_text_gives_its_logits(classifier, rows):
    """Where the head reads there is nothing left of the text itself, whatever its length."""
    conditions = [set_at_the_end("resid_post.1", last_state(classifier, ids)) for ids in rows]
    conditions = [Condition(f"{at}", own.edits) for at, own in enumerate(conditions)]
    plan = np.array([[text, other] for text in range(3) for other in range(3)])
    found = conditioned_logits(classifier, rows, conditions, plan).reshape(3, 3, 3)
    expected = classifier.logits(TEXTS)
    for text in range(3):
        np.testing.assert_allclose(found[text], expected, atol=1e-5)
    assert not np.allclose(expected[0], expected[1], atol=1e-3)


@pytest.mark.parametrize("point", ["attn_out.0", "mlp_out.1", "attn_out.1"])
def test_a_condition_is_the_hook_written_out(classifier, rows, point):
    value = torch.linspace(-1, 1, 16)
    layer = classifier.model.network.model.layers[int(point[-1])]
    norm = layer.post_attention_layernorm if point.startswith("attn") else layer.post_feedforward_layernorm

    def write(_module, _args, out):
        out = out.clone()
        out[:, -1] = value
        return out

    handle = norm.register_forward_hook(write)
    with torch.no_grad():
        expected = [classifier.model.network(torch.tensor([ids])).logits[0].numpy() for ids in rows]
    handle.remove()
    found = conditioned_logits(
        classifier,
        rows,
        [UNTOUCHED, set_at_the_end(point, value)],
        np.array([[0, 1], [1, 1], [2, 1], [0, 0]]),
    )
    np.testing.assert_allclose(found[:3], expected, atol=1e-5)
    np.testing.assert_allclose(found[3], classifier.logits(TEXTS[:1])[0], atol=1e-6)
    assert not np.allclose(found[0], found[3], atol=1e-3)


def test_what_cannot_be_run_is_named(classifier, rows):
    biased = Condition("louder", biases=(LogitBias((3,), 1.0),))
    with pytest.raises(UserError, match='The condition "louder" adds to logits of tokens'):
        conditioned_logits(classifier, rows, [biased], np.array([[0, 0]]))
    with pytest.raises(
        UserError, match="The plan names text 3 and condition 0, and there are 3 texts and 1 conditions"
    ):
        conditioned_logits(classifier, rows, [UNTOUCHED], np.array([[3, 0]]))
    far = set_at_the_end("resid_post.2", torch.zeros(16))
    with pytest.raises(UserError, match="layer 2, and the model has layers 0 to 1"):
        conditioned_logits(classifier, rows, [far], np.array([[0, 0]]))
