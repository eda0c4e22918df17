"""The reports' way: raw multiples, and what is read from planted tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import steered

from emotion_utils.reports import published_steering
from emotion_utils.steering.subject import MADE


def test_a_unit_in_multiples_of_the_raw_vector(steered_model):
    vector = steered_model.vectors[MADE[0]]["anger"].at(1).numpy()
    expected = 2 * float(steered_model.unit[1]) / np.linalg.norm(vector)
    assert published_steering.raw_alpha(steered_model, "anger", 1, 2.0) == pytest.approx(expected, rel=1e-5)


def test_the_grid_adds_multiples_of_raw_vectors_everywhere(steered_model):
    settings = published_steering.raw_grid(steered_model, (0.5, 2.0))
    assert len(settings) == 3 * 4 * 2
    edit = settings[1].condition().edits[0]
    assert edit.scale == 2.0
    assert np.array_equal(
        edit.value.numpy(), steered_model.vectors[MADE[0]][settings[1].emotion].at(0).numpy()
    )
    assert edit.window.bounds(7)[0] == 0


def test_of_many_layers_some_get_one_raw_vector_and_the_middle_one_what_is_positive(steered_model):
    settings = published_steering.raw_grid(steered_model, (-1.0, 0.0, 0.5, 1.0, 2.0), [0, 3])
    tried = {(s.layer, s.alpha) for s in settings if s.emotion == "anger"}
    assert tried == {(0, 1.0), (3, 1.0), (2, 0.0), (2, 0.5), (2, 1.0), (2, 2.0)}


def test_layers_with_fewer_strengths_do_not_count_among_collapsed_texts():
    table = pd.DataFrame(
        {"layer": [0, 2, 2, 2], "alpha": [1.0, 1.0, 2.0, 2.0], "relative_perplexity": [9.0, 1.0, 9.0, 1.0],
         "repetition": 0.0}
    )  # fmt: skip
    assert published_steering.collapse(table).set_index("alpha")["collapsed"].to_dict() == {
        1.0: 0.0,
        2.0: 0.5,
    }


def texts(effects, cost=1.0):
    """A table of texts, eight contexts: the score of layer l at strength 1 is ``effects[l]`` away."""
    rows = [
        ("anger", layer, alpha, prompt, prompt / 10 + (effects[layer] if alpha else 0.0))
        for layer in range(len(effects))
        for alpha in (0.0, 1.0)
        for prompt in range(8)
    ]
    table = pd.DataFrame(rows, columns=["emotion", "layer", "alpha", "prompt", "vader"])
    return table.assign(
        unit=table["prompt"], politeness=table["vader"], classifier=table["vader"], repetition=0.25,
        relative_perplexity=cost,
    )  # fmt: skip


def test_the_layer_that_moves_scores_most_on_a_scale_of_twelve():
    value, low, high = published_steering.layer_of_effect(texts([0.1, 0.2, 0.9, 0.3]), 4)
    assert value == low == high == pytest.approx((2 + 1) / 4 * 12 - 1)


def test_collapsed_are_texts_that_cost_much_and_those_without_a_reply():
    table = pd.DataFrame(
        {
            "layer": 0,
            "alpha": [1.0, -1.0, 2.0, 2.0],
            "relative_perplexity": [1.0, 9.0, np.nan, 4.9],
            "repetition": [0, 1, 0, 0.5],
        }
    )
    found = published_steering.collapse(table).set_index("alpha")
    assert found.loc[1.0, "collapsed"] == 0.5
    assert found.loc[2.0, "collapsed"] == 0.5
    assert found.loc[2.0, "repetition"] == 0.25
    assert found["n"].tolist() == [2, 2]


def test_the_effect_is_the_mean_change_in_standard_deviations():
    table = texts([0.1, -0.4])
    table.loc[table["alpha"] == 1, "politeness"] += 1.0
    found = published_steering.effect_by_layer(table).set_index(["layer", "prompt"])["effect"]
    spread = np.std(np.arange(8) / 10, ddof=1)
    for layer, moved in ((0, (0.1, 1.1, 0.1)), (1, (0.4, 0.6, 0.4))):
        np.testing.assert_allclose(found[layer], np.mean(moved) / spread)


def test_the_sweep_is_the_plain_model_with_the_raw_vector_everywhere(steered_model, fresh):
    found = published_steering.sweep_as_published(steered_model, fresh.head(1), (1.0,))
    assert len(found) == 3 * 4
    assert {*published_steering.EFFECTS, "repetition", "relative_perplexity"} <= set(found)
    row = found[(found["emotion"] == "anger") & (found["layer"] == 2)].iloc[0]
    raw = steered_model.vectors[MADE[0]]["anger"].values[2]
    assert list(row["ids"]) == steered.continued(
        steered_model.model.network, steered_model.ids(row["context"]), raw, 2, lambda at: True
    )
