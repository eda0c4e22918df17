"""The judge against the plain forward of Hugging Face, text by text, in every family and on both sides of padding."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.engine.generation import generate
from emotion_utils.scoring import Judge, genuine_nll, genuine_replies, relative_perplexity
from emotion_utils.scoring.judge import DRAWN

CONTEXTS = ['Tom broke the vase. Anna said to Tom: "', "Anna said to Tom:", "", "The bus leaves at noon. "]
TEXTS = ['Sorry, I am truly sorry."', ' "Thank you very much."', "Thank you.", "Then a long tale began, " * 5]


def plain(model, context, text):
    """One text, no padding: the mean over the tokens that reach beyond the context."""
    encoded = model.tokenizer(context + text, add_special_tokens=False, return_offsets_mapping=True)
    ids = torch.tensor([[model.tokenizer.bos_token_id, *encoded["input_ids"]]])
    with torch.no_grad():
        logp = model.network(ids).logits[0].double().log_softmax(-1)
    ends = [end for _, end in encoded["offset_mapping"]]
    told = [-logp[i, ids[0, i + 1]] for i, end in enumerate(ends) if end > len(context)]
    return float(sum(told) / len(told))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_surprise_is_that_of_the_plain_forward(untrained, side):
    model = untrained
    expected = [plain(model, c, t) for c, t in zip(CONTEXTS, TEXTS, strict=True)]
    np.testing.assert_allclose(Judge(model, side).nll(CONTEXTS, TEXTS), expected, atol=1e-4)


def test_an_empty_text_has_no_surprise_and_does_not_disturb_the_others(untrained):
    model = untrained
    judge = Judge(model)
    found = judge.nll(["a b", "a b", ""], ["", " c d", ""])
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == pytest.approx(plain(model, "a b", " c d"), abs=1e-4)
    assert len(judge.nll([], [])) == 0


def test_of_a_long_context_the_end_is_read_and_a_long_text_is_refused(untrained):
    model = untrained
    judge, text = Judge(model), " Thank you."
    limit = model.network.config.get_text_config().max_position_embeddings
    encoded = model.tokenizer("word " * limit + text, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([[model.tokenizer.bos_token_id, *encoded[-(limit - 1) :]]])
    n = len(encoded) - sum(
        end <= len("word " * limit)
        for _, end in model.tokenizer(
            "word " * limit + text, add_special_tokens=False, return_offsets_mapping=True
        )["offset_mapping"]
    )
    with torch.no_grad():
        logp = model.network(ids).logits[0].double().log_softmax(-1)
    expected = -np.mean([float(logp[-i - 2, ids[0, -i - 1]]) for i in range(n)])
    assert judge.nll(["word " * limit], [text])[0] == pytest.approx(expected, abs=1e-4)
    with pytest.raises(UserError, match="the judge has room for"):
        judge.nll([""], ["word " * 2 * limit])


def test_relative_perplexity_is_that_of_genuine_replies_in_the_same_context(untrained):
    model = untrained
    judge, context = Judge(model), 'Zebras said to Tom: "'
    replies = genuine_replies("apology", n=3, seed=2)
    genuine = np.mean([plain(model, context, reply) for reply in replies])
    own = plain(model, context, "Thank you.")
    scorer = relative_perplexity(judge, n=3, seed=2)
    found = scorer(['Thank you." And on it went', "Thank you.", ""], [context] * 3, "apology")
    assert found[:2] == pytest.approx([math.exp(own - genuine)] * 2, rel=1e-3)
    assert np.isnan(found[2])
    assert scorer(["Thank you."], [context], "apology")[0] == pytest.approx(found[1], rel=1e-5)
    assert genuine_nll(judge, [(context, "apology")], 3, 2)[0] == pytest.approx(genuine, abs=1e-4)


def test_a_genuine_reply_is_as_expected_as_itself(untrained):
    model = untrained
    [reply] = genuine_replies("anger", n=1)
    found = relative_perplexity(Judge(model), n=1)([reply], ['Zebras said: "'], "anger")
    assert found[0] == pytest.approx(1, abs=1e-4)


def test_with_own_labels_the_cost_is_held_against_texts_that_the_model_draws(untrained):
    model, context = untrained, "Zebras met Tom."
    drawn = generate(model, [model.starting_ids(context)], how=DRAWN, progress=False)["text"]
    assert len(drawn) == DRAWN.samples
    usual = np.mean([plain(model, context, text.rstrip()) for text in drawn])
    whole = 'He said "Thank you." Then he left.'  # what stands after the first reply counts
    scorer = relative_perplexity(Judge(model), labels=("joy", "worry"))
    found = scorer([whole, ""], [context] * 2, "joy")
    assert found[0] == pytest.approx(math.exp(plain(model, context, whole) - usual), rel=1e-3)
    assert np.isnan(found[1])
    assert scorer([whole], [context], "worry")[0] == pytest.approx(found[0], rel=1e-5)
    with pytest.raises(UserError, match="not known"):
        scorer([whole], [context], "anger")
