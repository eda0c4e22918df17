"""Neurons: a planted one is ranked first and exceeds the threshold; noise does neither; the null knows no circle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import planted as data
import pytest
import torch
from scipy.stats import spearmanr, ttest_ind

from emotion_utils.models.families import written_by_neurons
from emotion_utils.vectors.neurons import rank_correlation, rank_neurons, responses, summary, welch
from emotion_utils.vectors.probing import Contrast

READS, LAYER, NEURON = 60, 1, 7


def made(values: torch.Tensor) -> Contrast:
    n = len(values)
    prompts = pd.DataFrame({"id": [f"p{i}" for i in range(n)], "split": "build", "unit": np.arange(n)})
    layers = tuple(range(values.shape[1]))
    return Contrast(
        "anger", "end", layers, values, np.arange(n) < n // 2, prompts.assign(block=prompts["id"])
    )


@pytest.fixture
def parts(untrained):
    """Residual streams with what one neuron writes added to the emotional ones, and neurons of which it responds."""
    model = untrained
    rows = [written_by_neurons(model.network, layer) for layer in range(3)]
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(READS, 3, rows[0].shape[1], generator=generator) * 0.02
    unit = rows[LAYER][NEURON] / rows[LAYER][NEURON].norm()
    states[: READS // 2, 2] += unit
    neurons = torch.randn(READS, 3, rows[0].shape[0], generator=generator) * 0.1
    neurons[: READS // 2, LAYER, NEURON] += 2.0
    return model, made(states), made(neurons)


def test_the_planted_neuron_is_first_and_beyond_the_threshold(parts):
    model, built, answered = parts
    found = rank_neurons(model, built, answered, layer=2, n_permutations=99)
    first = found.table.iloc[0]
    assert (first["layer"], first["neuron"]) == (LAYER, NEURON)
    assert first["alignment"] > 0.99
    assert first["difference"] == pytest.approx(2, abs=0.1)
    assert 1 <= found.exceeding <= 3
    assert len(found.table) == 3 * answered.values.shape[2]


def test_later_layers_cannot_write_an_earlier_vector(parts):
    model, built, answered = parts
    assert set(rank_neurons(model, built, answered, 1, 19).table["layer"]) == {0, 1}


def test_nothing_responds_to_nothing_and_agreement_lies_inside_its_null(parts):
    model, built, answered = parts
    silent = answered.values.clone()
    silent[: READS // 2, LAYER, NEURON] -= 2.0
    found = [rank_neurons(model, built, made(silent), 2, 59, seed) for seed in range(3)]
    assert max(one.exceeding for one in found) <= 1
    assert all(one.agreement[0] < one.agreement[1] + 0.05 for one in found)


def test_agreement_is_found_where_aligned_neurons_respond(parts):
    model, built, answered = parts
    written = written_by_neurons(model.network, 2)
    unit = built.values[: READS // 2, 2].mean(0) - built.values[READS // 2 :, 2].mean(0)
    aligned = (written @ unit) / written.norm(dim=1) / unit.norm()
    values = answered.values.clone()
    values[: READS // 2, 2] += 3 * aligned
    found = rank_neurons(model, built, made(values), 2, 59)
    assert found.agreement[0] > found.agreement[1] + 0.05


def test_t_is_that_of_welch_and_zero_where_nothing_moves():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 4)) * [1, 5, 0.1, 0] + 3
    labels = rng.random((6, 30)) < 0.4
    difference, t = welch(values, labels)
    for i, side in enumerate(labels):
        expected = ttest_ind(values[side, :3], values[~side, :3], equal_var=False).statistic
        assert t[i, :3] == pytest.approx(expected, rel=1e-6)
        assert difference[i] == pytest.approx(values[side].mean(0) - values[~side].mean(0))
    assert (t[:, 3] == 0).all()


def test_the_rank_correlation_is_that_of_scipy():
    one, other = np.random.default_rng(1).normal(size=(2, 3, 50)).round(1)
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert rank_correlation(one, other) == pytest.approx(expected)


def test_neurons_are_read_from_a_model_and_summarised(untrained):
    model = untrained
    table = data.prompts("keyword", families=10)
    read = responses(model, table, [0, 1])
    assert set(read) == {"gratitude", "anger", "apology"}
    assert set(read["anger"].prompts["split"]) == {"select", "test"}
    assert read["anger"].values.shape[1:] == (2, written_by_neurons(model.network, 0).shape[0])
    built = made(torch.randn(12, 2, model.d_model, generator=torch.Generator().manual_seed(0)))
    rows = summary({e: rank_neurons(model, built, read[e], 1, 19) for e in read}, top=2)
    assert rows["emotion"].tolist() == ["gratitude", "gratitude", "anger", "anger", "apology", "apology"]
    assert (rows["of"] == 2 * written_by_neurons(model.network, 0).shape[0]).all()
