"""Batch invariance holds for every family, and a broken mask or position is seen by the same code."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.activations import batch_invariance as module
from emotion_utils.activations.batch_invariance import (
    BOUND,
    batch_invariance,
    by_layer,
    in_float64,
    summarise_invariance,
    traps,
    wide,
)
from emotion_utils.prompts.schema import complete

LEARNED = ("gpt2", "gpt_neo")


@pytest.fixture(scope="module")
def few(docs) -> pd.DataFrame:
    texts = [d.text.split("\n")[0] for d in docs]
    texts = [t for t in texts if 15 < len(t) < 90][:5]
    return complete(pd.DataFrame({"text": texts, "emotion": "neutral"}), range(5), "test.csv")


def test_every_case_is_within_the_bound_of_the_layers_size(untrained, few):
    model = untrained
    table = batch_invariance(model, few, sizes=(1, 2, 4))
    assert len(table) == (1 + 2 * 2 * 3) * model.n_layers
    assert (table["difference"] / table["rms"]).max() <= BOUND
    shown = wide(table)
    assert shown[f"≤ {BOUND:g} RMS"].all()
    assert shown["worst"].tolist() == pytest.approx(
        table.groupby(["padding", "cache", "batch"], sort=False)["difference"].max().tolist()
    )


def test_size_and_rms_are_those_of_the_plain_model(untrained, few):
    model = untrained
    table = batch_invariance(model, few, sizes=(2,))
    with torch.no_grad():
        ids = [torch.tensor([row]) for row in model.tokenizer(few["text"].tolist())["input_ids"]]
        first = [model.network(row, output_hidden_states=True).hidden_states[1][0] for row in ids]
    values = torch.cat(first)
    row = table[table["layer"] == 0].iloc[0]
    assert row["largest"] == pytest.approx(float(values.abs().max()), rel=1e-5)
    assert row["rms"] == pytest.approx(float(values.square().mean().sqrt()), rel=1e-5)


def test_a_wrong_mask_breaks_batch_invariance(untrained, few, monkeypatch):
    model = untrained
    # the model is told that padding is text; which columns are compared stays as it is
    monkeypatch.setattr(module._Runs, "_hooked", _without_mask(module._Runs._hooked))
    broken = batch_invariance(model, few, sizes=(2,))
    left = broken[broken["padding"] == "left"]
    assert (left["difference"] / left["rms"]).max() > 100 * BOUND
    assert not wide(broken)[f"≤ {BOUND:g} RMS"].all()


@torch.no_grad()
def test_with_one_huge_number_rounding_passes_and_a_wrong_mask_does_not(untrained, few, monkeypatch):
    """As in SmolLM2: one dimension of the first token is thousands of times as large as all else."""
    network = copy.deepcopy(untrained.network)
    for row in untrained.encode(few["text"].tolist()).ids:
        network.get_input_embeddings().weight[row[0], 5] = 30_000.0
    model = replace(untrained, network=network)
    table = batch_invariance(model, few, sizes=(4,))
    assert table["largest"].max() > 29_000
    assert table["of_token"].max() <= BOUND / 5
    monkeypatch.setattr(module._Runs, "_hooked", _without_mask(module._Runs._hooked))
    broken = batch_invariance(model, few, sizes=(4,))
    assert broken.loc[broken["padding"] == "left", "of_token"].max() > 100 * BOUND


def _without_mask(function):
    def hooked(self, passes):
        return function(self, [p | {"attention_mask": torch.ones_like(p["attention_mask"])} for p in passes])

    return hooked


def test_float64_shrinks_what_is_rounding(untrained, few):
    model = untrained
    before = next(model.network.parameters()).dtype
    double = in_float64(model, few)
    assert next(model.network.parameters()).dtype == before
    assert set(double["padding"]) == {"left", "right"}
    if model.network.config.model_type == "gpt2":
        assert double["difference"].max() < 1e-9


def test_a_large_model_is_not_copied(untrained, few, monkeypatch):
    monkeypatch.setattr(module, "DOUBLE_PARAMETERS", 10)
    assert in_float64(untrained, few) is None


def test_the_traps_by_kind_of_position(untrained, few):
    model = untrained
    table = traps(model, few).set_index("trap")
    learned = model.network.config.model_type in LEARNED
    assert table.loc["left padding, no explicit positions", "harmless"] != learned
    assert not table.loc["left padding, no mask", "harmless"]
    assert table.loc["right padding, no mask", "harmless"]
    assert not table.loc["last hidden_states taken for resid_post", "harmless"]


def layers(difference: float, exact: float) -> pd.DataFrame:
    rows = [("right", "no", "2", 0, difference, difference / 500, 1000.0, 50.0)]
    columns = ["padding", "cache", "batch", "layer", "difference", "of_token", "largest", "rms"]
    table = pd.DataFrame(rows, columns=columns)
    return by_layer(table, None if np.isnan(exact) else table.assign(difference=exact))


def test_steps_of_float32_are_counted():
    row = layers(2.0**-13, np.nan).iloc[0]
    assert row["spacing"] == 2.0**-14  # of float32 between 512 and 1024
    assert row["in spacings"] == 2.0
    assert row["of RMS"] == pytest.approx(2.0**-13 / 50)


def test_the_sentence_says_what_holds():
    assert summarise_invariance(layers(5e-5, np.nan), "float32").startswith("**Batch invariance holds**")
    over = summarise_invariance(layers(5e-4, 1e-12), "float32")
    assert "batch invariance holds" in over
    assert "exceeded at 1 of 1 layers" in over
    assert "no mistake in a mask" in over
    assert "does not decide" in summarise_invariance(layers(5e-4, 1e-4), "float32")
    assert "does not hold" in summarise_invariance(layers(5.0, np.nan), "float32")
    huge = summarise_invariance(layers(0.01, np.nan), "float32")  # 2e-4 of the layer's RMS, 2e-5 of the token
    assert "largest number of the same token **batch invariance holds**" in huge
    assert "at most 2.0e-05 of it" in huge
    assert "bfloat16 are coarser" in summarise_invariance(layers(5.0, np.nan), "bfloat16")
