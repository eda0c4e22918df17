"""Parts of emotion vectors of a bundled model, by the plain model and by algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from steered import stream

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.vector_parts import NEW, PREDICTED, WHOLE, end_states, geometry, vector_parts

LAYER = 2


def before(hidden):
    """The state before, as the prediction of the next."""
    return hidden[:, :-1]


@pytest.fixture(scope="module")
def parts(steered_model, implicit):
    return vector_parts(steered_model, implicit, LAYER, before)


def test_the_whole_is_the_vector_of_chapter_05_and_the_sum_of_its_parts(steered_model, parts):
    for emotion, one in parts.items():
        theirs = steered_model.vectors["minus neutral"][emotion].at(LAYER)
        torch.testing.assert_close(one.vectors[WHOLE].float(), theirs, atol=1e-4, rtol=1e-4)
        total = one.vectors[PREDICTED] + one.vectors[NEW]
        torch.testing.assert_close(total, one.vectors[WHOLE], atol=1e-12, rtol=0)


def test_states_and_predictions_are_read_at_the_last_token(steered_model, implicit):
    some = implicit.iloc[[0, 40, 90]]
    states, predicted = end_states(steered_model.model, some, LAYER, before)
    for row, text in enumerate(some["text"]):
        ids = steered_model.model.encode([text]).ids[0]
        plain = stream(steered_model.model.network, ids)[:, LAYER]
        torch.testing.assert_close(states[row], plain[-1], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(predicted[row], plain[-2], atol=1e-4, rtol=1e-4)


def test_a_prompt_beyond_the_windows_of_the_predictor_is_named(steered_model, implicit):
    name = implicit["id"].iloc[0]
    with pytest.raises(UserError, match=rf"prompt {name} has \d+ tokens.*takes 2 to 4"):
        end_states(steered_model.model, implicit.head(2), LAYER, before, longest=4)


def test_the_share_of_the_predictable_part_follows_from_the_predictor(steered_model, implicit, parts):
    """Of a predictor that foresees 0.3 of every state, the vector's predictable part is 0.3 of it, in any null too."""
    table = geometry(parts, n_permutations=19)
    assert table["emotion"].tolist() == list(parts)
    told = {emotion: one.vectors for emotion, one in parts.items()}
    for row in table.itertuples():
        whole, predicted, new = (told[row.emotion][name].numpy() for name in (WHOLE, PREDICTED, NEW))
        assert row.along == pytest.approx(whole @ predicted / (whole @ whole))
        assert row.cosine == pytest.approx(np.corrcoef([predicted, new])[0, 1], abs=0.05)
        assert row.predictable**2 + row.new**2 + 2 * row.predictable * row.new * row.cosine == pytest.approx(
            1
        )
        assert row.low < row.along < row.high

    def some(hidden):
        return 0.3 * hidden[:, 1:]

    table = geometry(vector_parts(steered_model, implicit, LAYER, some), n_permutations=19)
    for name, value in (("along", 0.3), ("null", 0.3), ("predictable", 0.3), ("new", 0.7), ("cosine", 1.0)):
        assert table[name].to_numpy() == pytest.approx(value, abs=1e-5)
