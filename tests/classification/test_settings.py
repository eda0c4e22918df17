"""The report's settings are the default, and every text is trained on once in each epoch."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.classification.settings import MINIATURE, PUBLISHED, FineTuning, usual_fine_tuning
from emotion_utils.core.errors import UserError


def test_the_default_is_the_reports():
    assert (PUBLISHED.rate, PUBLISHED.decay, PUBLISHED.epochs, PUBLISHED.batch, PUBLISHED.max_length) == (
        1e-5,
        0.01,
        3,
        2,
        512,
    )
    assert usual_fine_tuning("gemma2-2b-jpn-it") is PUBLISHED
    assert usual_fine_tuning("small-gemma3") is MINIATURE


@pytest.mark.parametrize(("n", "batch"), [(7, 2), (6, 3), (2, 5)])
def test_every_text_comes_once_in_each_epoch(n, batch):
    how = FineTuning(batch=batch, epochs=3, seed=4)
    batches = list(how.batches(n))
    assert len(batches) == how.steps(n)
    per_epoch = len(batches) // 3
    orders = [np.concatenate(batches[at * per_epoch : (at + 1) * per_epoch]).tolist() for at in range(3)]
    assert [sorted(order) for order in orders] == [list(range(n))] * 3
    again = [own.tolist() for own in how.batches(n)]
    assert again == [own.tolist() for own in batches]
    if n > 2:
        assert len({tuple(order) for order in orders}) > 1


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch": 0}, {"rate": 0.0}, {"rate": float("nan")}, {"max_length": 0}]
)
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(
        UserError, match="Fine-tuning takes at least one epoch, text and token, and a rate above 0"
    ):
        FineTuning(**wrong)
