"""Neurons: a planted one is ranked first, its response exceeds the threshold, and its share is the analytic one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.hooks import written_by_neurons
from emotion_utils.neurons import rank_neurons, responses, summary
from emotion_utils.probing import Contrast
from emotion_utils.vectors import EmotionVector

READS, LAYER, NEURON = 60, 1, 7


@pytest.fixture
def planted(untrained):
    """Noise, one neuron that responds, and the vector that this neuron writes."""
    model, _ = untrained
    rows = [written_by_neurons(model, layer) for layer in range(3)]
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(READS, 3, rows[0].shape[0], generator=generator) * 0.1
    positive = np.arange(READS) < READS // 2
    values[: READS // 2, LAYER, NEURON] += 2.0
    prompts = pd.DataFrame({"id": [f"p{i}" for i in range(READS)], "split": "build", "unit": range(READS)})
    given = Contrast("anger", "end", (0, 1, 2), values, positive, prompts.assign(block=prompts["id"]))
    vector = EmotionVector(
        "anger", "sentence end", "m", (0, 1, 2), torch.stack([2.0 * rows[LAYER][NEURON]] * 3)
    )
    return model, vector, given


def test_the_planted_neuron_is_first_and_alone_beyond_the_threshold(planted):
    model, vector, given = planted
    found = rank_neurons(model, vector, given, layer=2, n_permutations=99)
    first = found.table.iloc[0]
    assert (first["layer"], first["neuron"]) == (LAYER, NEURON)
    assert first["alignment"] == pytest.approx(1, abs=1e-5)
    assert first["difference"] == pytest.approx(2, abs=0.1)
    assert first["contribution"] == pytest.approx(first["difference"] / 2, abs=1e-4)
    assert 1 <= found.exceeding <= 3
    assert len(found.table) == 3 * given.values.shape[2]


def test_later_layers_cannot_write_an_earlier_vector(planted):
    model, vector, given = planted
    found = rank_neurons(model, vector, given, layer=1, n_permutations=19)
    assert set(found.table["layer"]) == {0, 1}


def test_nothing_responds_to_nothing(planted):
    model, vector, given = planted
    values = given.values.clone()
    values[: READS // 2, LAYER, NEURON] -= 2.0
    silent = Contrast("anger", "end", given.layers, values, given.positive, given.prompts)
    counts = [rank_neurons(model, vector, silent, 2, 99, seed).exceeding for seed in range(3)]
    assert max(counts) <= 1


def test_a_t_is_that_of_welch(planted):
    from scipy.stats import ttest_ind

    model, vector, given = planted
    found = rank_neurons(model, vector, given, layer=2, n_permutations=19).table.set_index(
        ["layer", "neuron"]
    )
    for layer, neuron in ((0, 0), (LAYER, NEURON), (2, 5)):
        column = given.values[:, layer, neuron].double().numpy()
        expected = ttest_ind(column[given.positive], column[~given.positive], equal_var=False).statistic
        assert found.loc[(layer, neuron), "t"] == pytest.approx(expected, rel=1e-6)


def test_neurons_are_read_from_a_model_and_summarised(untrained):
    from planted import prompts

    model, tokenizer = untrained
    table = prompts("keyword", families=5)
    read = responses("m", model, tokenizer, table, [0, 1])
    assert set(read) == {"gratitude", "anger", "apology"}
    assert read["anger"].values.shape[1:] == (2, written_by_neurons(model, 0).shape[0])
    width = model.config.hidden_size
    ranked = {
        e: rank_neurons(model, EmotionVector(e, "m", "m", (0, 1), torch.ones(2, width)), read[e], 1, 19)
        for e in read
    }
    rows = summary(ranked, top=2)
    assert rows["emotion"].tolist() == ["gratitude", "gratitude", "anger", "anger", "apology", "apology"]
    assert (rows["of"] == 2 * written_by_neurons(model, 0).shape[0]).all()
