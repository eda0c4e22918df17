"""Losses under a replacement agree with a plain forward pass, and what is recovered is a ratio of differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.loss import recovered, replaced_losses
from emotion_utils.models.model import load

LAYER = 1


@pytest.fixture(scope="module", params=["small-gpt2", "small-llama3"])
def model(request):
    return load(request.param)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return [rng.integers(5, 300, n).tolist() for n in (9, 4, 12, 7, 12, 3, 8, 5)]


def by_hand(model, row, layer, replace, first):
    """One text alone, with a hook of torch itself."""
    block = (model.network.transformer.h if "gpt2" in model.name else model.network.model.layers)[layer]

    def hook(_module, _inputs, out):
        hidden = (out[0] if isinstance(out, tuple) else out).clone()
        hidden[0, first:] = replace(hidden[0, first:])
        return (hidden, *out[1:]) if isinstance(out, tuple) else hidden

    handle = block.register_forward_hook(hook)
    try:
        with torch.no_grad():
            logp = model.network(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
    finally:
        handle.remove()
    return -np.mean([float(logp[at, row[at + 1]]) for at in range(first, len(row) - 1)])


@pytest.mark.parametrize("layer", [LAYER, 3])
@pytest.mark.parametrize("first", [0, 1])
def test_losses_are_those_of_one_text_at_a_time(model, rows, layer, first):
    mean = torch.linspace(-1, 1, model.d_model)
    ways = {"same": lambda x: x, "half": lambda x: x / 2}
    found = replaced_losses(model, rows, layer, ways, mean=mean, first=first, batch=3)
    assert found["tokens"].tolist() == [len(row) - 1 - first for row in rows]
    plain = {
        "clean": lambda x: x,
        "ablated": lambda x: mean.expand_as(x),
        "same": lambda x: x,
        "half": lambda x: x / 2,
    }
    for name, replace in plain.items():
        hand = [by_hand(model, row, layer, replace, first) for row in rows]
        assert found[name].to_numpy() == pytest.approx(hand, abs=2e-4), name


def test_without_a_mean_states_are_set_to_zero(model, rows):
    found = replaced_losses(model, rows, LAYER, {"zero": torch.zeros_like}, first=1)
    assert found["ablated"].to_numpy() == pytest.approx(found["zero"].to_numpy())
    table = recovered(found).set_index("method")
    assert table.loc["zero", "recovered"] == pytest.approx(0, abs=1e-6)


def made_losses(noise=0.1):
    rng = np.random.default_rng(0)
    clean = rng.uniform(1, 2, 60)
    return pd.DataFrame(
        {
            "layer": 2,
            "tokens": rng.integers(5, 50, 60),
            "clean": clean,
            "ablated": clean + 2,
            "most": clean + 0.2 + noise * rng.normal(size=60),
            "worse": clean + 3,
        }
    )


def test_recovered_loss_is_a_ratio_of_differences_over_tokens():
    losses = made_losses()
    table = recovered(losses).set_index("method")
    weights = losses["tokens"].to_numpy()
    own, clean, ablated = (np.average(losses[name], weights=weights) for name in ("most", "clean", "ablated"))
    assert table.loc["most", "loss"] == pytest.approx(own)
    assert table.loc["most", "recovered"] == pytest.approx((ablated - own) / (ablated - clean))
    assert table.loc["clean", "recovered"] == 1
    assert table.loc["ablated", "recovered"] == 0
    assert table.loc["worse", "recovered"] == pytest.approx(-0.5)
    assert (table["layer"] == 2).all()
    assert table.loc["most", "low"] < table.loc["most", "recovered"] < table.loc["most", "high"] < 1
    assert table.loc["most", "loss_low"] < own < table.loc["most", "loss_high"]
    wide = recovered(made_losses(noise=0.4)).set_index("method")
    assert wide.loc["most", "high"] - wide.loc["most", "low"] > 2 * (
        table.loc["most", "high"] - table.loc["most", "low"]
    )


def test_units_are_resampled_together():
    losses = made_losses()
    few = recovered(losses, np.arange(60) % 4)
    assert few[["low", "high", "loss_low"]].isna().all(axis=None)
    with pytest.raises(UserError, match="3 units for 60 texts"):
        recovered(losses, np.arange(3))


def test_ablation_that_costs_nothing_leaves_nothing_to_recover():
    table = recovered(made_losses().assign(ablated=made_losses()["clean"]))
    assert table["recovered"].isna().all()


def test_what_cannot_be_run_is_refused(model, rows):
    with pytest.raises(UserError, match="no layer 9"):
        replaced_losses(model, rows, 9, {})
    with pytest.raises(UserError, match='cannot be called "clean"'):
        replaced_losses(model, rows, 0, {"clean": torch.zeros_like})
    with pytest.raises(UserError, match="1 of 2 texts have fewer than 3 tokens"):
        replaced_losses(model, [[5, 6], [5, 6, 7]], 0, {}, first=1)
