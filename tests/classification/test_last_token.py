"""What is written at the last token gives what the engine's conditions give, which read every token of every run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_classifiers import ids, tiny

from emotion_utils.activations.forward import last_token_states
from emotion_utils.classification.conditioned import conditioned_logits
from emotion_utils.classification.last_token import logits_at_last
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import Condition, Edit, Window
from emotion_utils.models.hooks import HookPoint

POINTS = [HookPoint(layer, kind) for layer in (0, 1) for kind in ("attn_out", "mlp_out")]


@pytest.fixture(scope="module", params=["gemma2", "gpt2", "llama"])
def classifier(request):
    return tiny(request.param)


def test_what_stands_before_the_last_token_is_read_once_and_changes_nothing(classifier):
    """Also beyond the sliding window of Gemma, and in batches."""
    texts = ids(9, seed=3)
    own = last_token_states(classifier.model, ids(9, seed=4), POINTS)
    settings = [
        {},
        *({point: values} for point, values in own.items()),
        {point: torch.zeros(16) for point in POINTS[1:]},
    ]
    together = logits_at_last(classifier, texts, settings, batch=4)
    last = Window(0, 1, "end")
    for logits, setting in zip(together, settings, strict=True):
        conditions = [
            Condition(
                f"{row}",
                tuple(
                    Edit(point, values if values.ndim == 1 else values[row], "set", window=last)
                    for point, values in setting.items()
                ),
            )
            for row in range(9)
        ]
        plan = np.stack([np.arange(9)] * 2, axis=1)
        assert logits == pytest.approx(conditioned_logits(classifier, texts, conditions, plan), abs=2e-5)
    assert np.abs(together[1] - together[0]).max() > 1e-3


def test_values_of_another_shape_or_not_finite_are_refused(classifier):
    point, texts = POINTS[0], ids(3)
    with pytest.raises(UserError, match=r"Setting 1 writes values of shape \(2, 16\) at attn_out.0"):
        logits_at_last(classifier, texts, [{}, {point: torch.zeros(2, 16)}])
    with pytest.raises(UserError, match="not finite"):
        logits_at_last(classifier, texts, [{point: torch.full((16,), torch.nan)}])
