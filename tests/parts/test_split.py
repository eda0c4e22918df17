"""Both parts add up to the states, and the model gives with both what it gives untouched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.models.model import load
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.predictor import Architecture, Predictor
from emotion_utils.parts.split import WAYS, loss_recovered, split, written_back
from emotion_utils.parts.states import read_states

LAYERS = (1, 3)


@pytest.fixture(scope="module")
def model():
    return load("small-llama3")


@pytest.fixture(scope="module")
def case(model):
    ids = torch.from_numpy(np.random.default_rng(0).integers(5, 300, (24, 8)))
    source = read_states(model, ids, LAYERS, progress=False)
    baselines = fit_baselines(source, ids, np.arange(12), np.arange(12, 18))
    architecture = Architecture(heads=2, d_head=8, start="autoregression")
    predictors = {
        layer: Predictor(model.d_model, 8, architecture, own.autoregression)
        for layer, own in baselines.items()
    }
    return ids, source, baselines, predictors


def test_the_parts_add_up_to_the_states(case):
    _, source, baselines, predictors = case
    rows = np.array([20, 3])
    for layer, parts in split(source, predictors, rows).items():
        h = source.values[layer][rows]
        torch.testing.assert_close(parts.h, h[:, 1:])
        torch.testing.assert_close(parts.predicted, baselines[layer].autoregression(h))
        torch.testing.assert_close(parts.predicted + parts.novel, parts.h)
        at = parts.at(7)
        assert torch.equal(at["novel"], parts.novel[:, 6])
        with pytest.raises(UserError, match="positions are 1 to 7, not 0"):
            parts.at(0)


@pytest.mark.parametrize("layer", LAYERS)
def test_both_parts_written_back_are_the_untouched_model(model, case, layer):
    ids, _, baselines, predictors = case
    found = written_back(model, ids, layer, predictors[layer], baselines[layer], batch=5)
    assert found["largest"].max() < 1e-4
    assert found["both"].to_numpy() == pytest.approx(found["untouched"].to_numpy(), abs=1e-5)
    with torch.no_grad():
        logp = model.network(input_ids=ids).logits.log_softmax(-1)
    plain = -logp[:, 1:-1].gather(2, ids[:, 2:, None])[..., 0].mean(dim=1)
    assert found["untouched"].to_numpy() == pytest.approx(plain.numpy(), abs=1e-4)


def test_a_part_is_written_at_every_position_but_the_first(model, case):
    ids, source, baselines, predictors = case
    found = written_back(model, ids, 3, predictors[3], baselines[3])
    h = source.values[3]
    with torch.no_grad():
        value = h.clone()
        value[:, 1:] = predictors[3].predict(h)
        # after the last block only the final norm and the unembedding follow
        logits = model.network.lm_head(model.network.model.norm(value)).log_softmax(-1)
    expected = -logits[:, 1:-1].gather(2, ids[:, 2:, None])[..., 0].mean(dim=1)
    assert found["predictable"].to_numpy() == pytest.approx(expected.numpy(), abs=1e-4)


def test_recovered_loss_is_a_ratio_of_differences():
    rng = np.random.default_rng(0)
    losses = pd.DataFrame({way: rng.uniform(1, 2, 40) for way in WAYS})
    losses["untouched"], losses["mean"] = 1.0, 3.0
    losses["both"] = losses["untouched"]
    table = loss_recovered(losses, np.arange(40) // 2).set_index("way")
    assert table.loc["both", ["recovered", "low", "high"]].tolist() == [1, 1, 1]
    assert table.loc["mean", "recovered"] == 0
    own = (3 - losses["novel"].mean()) / 2
    assert table.loc["novel", "recovered"] == pytest.approx(own)
    assert table.loc["novel", "low"] < own < table.loc["novel", "high"]
    assert table.loc["novel", "loss"] == pytest.approx(losses["novel"].mean())


def test_what_cannot_be_split_or_written_is_refused(model, case):
    ids, source, baselines, predictors = case
    with pytest.raises(UserError, match="without the predictor of layer 3"):
        split(source, {1: predictors[1]}, np.arange(2))
    with pytest.raises(UserError, match="without a window"):
        split(source, predictors, np.arange(0))
    with pytest.raises(UserError, match="Windows of 2 tokens have none"):
        written_back(model, ids[:, :2], 1, predictors[1], baselines[1])
