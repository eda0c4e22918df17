"""Variety and repetition by hand; divergence against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from emotion_utils.core.errors import UserError
from emotion_utils.scoring import distinct_ngrams, kl_divergence, repeated_ngrams


def test_distinct_and_repeated_runs_by_hand():
    loop = "the cat the cat The cat!"  # pairs: tc ct tc ct tc; triples: tct ctc tct ctc
    assert distinct_ngrams(1)([loop])[0] == pytest.approx(2 / 6)
    assert distinct_ngrams(2)([loop])[0] == pytest.approx(2 / 5)
    assert repeated_ngrams()([loop])[0] == pytest.approx(2 / 4)
    assert repeated_ngrams()(["one two three four"])[0] == 0
    assert distinct_ngrams(1)(["naïve Naïve ÉTÉ été"])[0] == 0.5


@pytest.mark.parametrize(("n", "text"), [(1, ""), (1, "?!"), (2, "one"), (3, "one two")])
def test_too_few_words_have_no_runs(n, text):
    assert np.isnan(distinct_ngrams(n)([text])[0])
    assert np.isnan(repeated_ngrams(n)([text])[0])


def test_runs_of_no_words_are_refused():
    with pytest.raises(UserError, match="n is at least 1"):
        distinct_ngrams(0)


def test_divergence_is_that_of_scipy():
    torch.manual_seed(0)
    p, q = torch.randn(5, 50).log_softmax(-1), (3 * torch.randn(5, 50)).log_softmax(-1)
    expected = [
        entropy(a, b) for a, b in zip(p.double().exp().numpy(), q.double().exp().numpy(), strict=True)
    ]
    np.testing.assert_allclose(kl_divergence(p, q), expected, rtol=1e-5)
    assert kl_divergence(p, p).tolist() == [0] * 5


def test_divergence_of_impossible_tokens():
    sure = torch.tensor([[0.0, float("-inf")]])
    even = torch.tensor([[0.5, 0.5]]).log()
    assert kl_divergence(sure, even).item() == pytest.approx(np.log(2))
    assert kl_divergence(even, sure).item() == float("inf")
    assert kl_divergence(sure, sure).item() == 0


def test_what_is_no_distribution_is_refused():
    good = torch.zeros(1, 4).log_softmax(-1)
    with pytest.raises(UserError, match="Row 0 of the unsteered distribution does not sum to 1"):
        kl_divergence(good, torch.ones(1, 4))
    with pytest.raises(UserError, match="steered"):
        kl_divergence(torch.full((1, 4), float("nan")), good)
