"""Texts that share a beginning, read together, against each text alone through the plain model."""

from __future__ import annotations

import pytest
import torch

from emotion_utils.core.budget import counted
from emotion_utils.engine.reading import mean_surprise

GIVEN = [[2, 5, 9, 30, 4], [2, 7, 11], [2]]
READ = [[8], [40, 41, 42, 43], [12, 13]]


@torch.no_grad()
def alone(network, given, read):
    logits = network(torch.tensor([given + read]), use_cache=False).logits[0].double().log_softmax(-1)
    return -sum(float(logits[len(given) - 1 + i, token]) for i, token in enumerate(read)) / len(read)


def test_a_text_is_read_as_the_plain_model_reads_it_alone(untrained):
    rows = [(given, read) for given in GIVEN for read in READ]
    with counted() as spent:
        found = mean_surprise(untrained, rows)
    for (given, read), value in zip(rows, found, strict=True):
        assert value == pytest.approx(alone(untrained.network, given, read), abs=1e-4)
    # each beginning once, and of each text all but the last token
    assert spent.tokens == sum(map(len, GIVEN)) + len(GIVEN) * sum(len(read) - 1 for read in READ)


def test_single_tokens_need_no_second_pass(untrained):
    (found,) = mean_surprise(untrained, [([2, 5], [7])])
    assert found == pytest.approx(alone(untrained.network, [2, 5], [7]), abs=1e-5)
