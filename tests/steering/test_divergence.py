"""Divergence along a text, against two plain forward passes."""

from __future__ import annotations

import numpy as np
import pytest
import steered

from emotion_utils.steering.divergence import text_divergence
from emotion_utils.steering.trials import SteeringSetting, run


def test_divergence_is_the_mean_over_the_tokens_of_a_text(steered_model, fresh):
    settings = [
        SteeringSetting("anger", 2, alpha, steered_model.direction("anger", 2, "centred"), "centred")
        for alpha in (0.0, 1.0)
    ]
    table = run(steered_model, fresh, settings)
    found = text_divergence(steered_model, table, settings)
    for row, value in zip(table.itertuples(), found, strict=True):
        prompt = steered_model.ids(row.context)
        ids, vector = prompt + row.ids[:-1], settings[1].vector * row.alpha
        start = len(prompt) - 1
        steered_, plain = (
            steered.log_probs(steered_model.model.network, ids, v, 2, lambda at, s=start: s <= at < s + 2)[
                start:
            ]
            for v in (vector, None)
        )
        assert value == pytest.approx(float((steered_.exp() * (steered_ - plain)).sum(-1).mean()), abs=1e-4)
    assert (found[table["alpha"] == 0] < 1e-6).all()
    assert (found[table["alpha"] == 1] > 0.01).all()


def test_a_text_without_tokens_has_no_divergence(steered_model, fresh):
    setting = SteeringSetting("anger", 2, 1.0, steered_model.direction("anger", 2))
    table = run(steered_model, fresh.head(2), [setting])
    table.at[0, "ids"] = []
    found = text_divergence(steered_model, table, [setting])
    assert np.isnan(found).tolist() == [True, False]
