"""Predictors find what a planted process holds, nothing where time is shuffled, and go on where they were killed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from planted_windows import planted_states, thirds

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.error_sums import sum_errors
from emotion_utils.parts.learner import Fitting
from emotion_utils.parts.predictor import Architecture
from emotion_utils.parts.r2 import r2_table
from emotion_utils.parts.training import COLUMNS, train
from emotion_utils.planted.processes import random_process, shuffled_in_time

WIDTH, LENGTH = 4, 10
SMALL = Architecture(heads=4, d_head=8)
FITTING = Fitting(steps=30, batch=8, every=5, patience=100)


@pytest.fixture(scope="module")
def process():
    return random_process(WIDTH, np.random.default_rng(0))


@pytest.fixture(scope="module")
def small(process):
    """States of two layers, and all that training takes."""
    source = planted_states(process, 60, LENGTH, 1, layers=(0, 1))
    training, validation, _ = thirds(60)
    ids = torch.zeros(60, LENGTH, dtype=torch.int64)
    return source, fit_baselines(source, ids, training, validation), training, validation


def scored(source, fitting, architecture):
    """Trained on planted windows, and the table of R2 on others."""
    windows = len(source.surprisal)
    training, validation, test = thirds(windows)
    ids = torch.zeros(windows, LENGTH, dtype=torch.int64)
    baselines = fit_baselines(source, ids, training, validation)
    found = train(source, baselines, training, validation, architecture, fitting, progress=False)
    predictions = {
        0: {
            **baselines[0].predictions(),
            "predictor": lambda h, ids: found.predictors[0].predict(h),
        }
    }
    sums = sum_errors(source, ids, test, np.arange(windows), predictions, baselines)
    table = r2_table(sums, {0: baselines[0].best}, n_resamples=300)
    return found, table[table["measure"] == "pooled"].set_index("prediction")


@pytest.mark.slow
def test_the_r2_of_a_planted_process_is_recovered(process):
    source = planted_states(process, 4000, LENGTH, 2)
    fitting = Fitting(steps=1000, batch=64, every=100, rate=1e-2, patience=10)
    # what acts four steps later is a matter of distance, which rotary positions tell
    _, table = scored(source, fitting, replace(SMALL, positions="rotary"))
    truth = process.r2(LENGTH)
    assert table.loc["predictor", "r2"] == pytest.approx(truth, abs=0.02)
    assert table.loc["predictor", "gain_low"] > 0
    # one state alone tells less than four of them
    assert table.loc["autoregression", "r2"] == pytest.approx(process.r2_at(1), abs=0.02)


@pytest.mark.slow
def test_where_time_is_shuffled_there_is_nothing_to_predict(process):
    source = planted_states(process, 1500, LENGTH, 3, change=shuffled_in_time)
    found, table = scored(source, Fitting(steps=100, batch=32, every=20, rate=5e-3), SMALL)
    assert table.loc["predictor", "low"] < 0
    # what it learned of the training windows alone costs a little on others
    assert table.loc["predictor", "r2"] == pytest.approx(0, abs=0.01)
    assert found.curve["step"].max() < 100  # nothing improves, and so it ends early


def test_several_layers_train_as_each_alone(small):
    source, baselines, training, validation = small
    both = train(source, baselines, training, validation, SMALL, FITTING, progress=False)
    alone = replace(source, layers=(1,))
    one = train(alone, baselines, training, validation, SMALL, FITTING, progress=False)
    own = both.curve[both.curve["layer"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.curve, own)


def test_the_curve_begins_with_the_autoregression_and_ends_with_weights_that_did_best(small):
    source, baselines, training, validation = small
    own_start = replace(SMALL, start="autoregression")
    found = train(source, baselines, training, validation, own_start, FITTING, progress=False)
    assert list(found.curve.columns) == list(COLUMNS)
    assert sorted(set(found.curve["step"])) == [0, 5, 10, 15, 20, 25, 30]
    for layer in source.layers:
        own = found.curve[found.curve["layer"] == layer].set_index("step")
        assert own.loc[0, "validation_r2"] == pytest.approx(
            baselines[layer].validation["autoregression"], abs=1e-5
        )
        h = source.values[layer][validation]
        y = h[:, 1:].reshape(-1, WIDTH)
        error = (found.predictors[layer].predict(h).reshape(-1, WIDTH) - y).square()
        best = own["validation_r2"].max()
        assert 1 - float(error.sum() / (y - y.mean(dim=0)).square().sum()) == pytest.approx(best, abs=1e-5)
        assert own.loc[found.best_step[layer], "validation_r2"] == best
        assert own["validation_mse"].min() == pytest.approx(float(error.mean()), rel=1e-5)


def test_seeds_change_weights_and_order_alone(small):
    source, baselines, training, validation = small
    curves = [
        train(source, baselines, training, validation, SMALL, replace(FITTING, seed=s), progress=False).curve
        for s in (0, 0, 1)
    ]
    pd.testing.assert_frame_equal(curves[0], curves[1])
    assert curves[0].loc[0, "validation_r2"] == curves[2].loc[0, "validation_r2"]
    assert not np.allclose(curves[0]["validation_r2"], curves[2]["validation_r2"], atol=1e-6)


def test_the_loss_by_dimension_counts_a_massive_one_as_any_other(small):
    source, baselines, training, validation = small
    ids = torch.zeros(60, LENGTH, dtype=torch.int64)
    scale, shift = torch.tensor([1000.0, 1, 1, 1]), torch.tensor([30_000.0, 0, 0, 0])
    massive = replace(source, values={layer: h * scale + shift for layer, h in source.values.items()})
    own = fit_baselines(massive, ids, training, validation)
    for loss, same in (("per_dimension", True), ("pooled", False)):
        fitting = replace(FITTING, loss=loss)
        usual = train(source, baselines, training, validation, SMALL, fitting, progress=False).curve
        scaled = train(massive, own, training, validation, SMALL, fitting, progress=False).curve
        assert np.allclose(usual["validation_r2"], scaled["validation_r2"], atol=2e-3) is same


def test_what_cannot_be_trained_is_refused(small):
    source, baselines, training, validation = small
    with pytest.raises(UserError, match="no baselines of layer 0"):
        train(source, {1: baselines[1]}, training, validation, progress=False)
    with pytest.raises(UserError, match="0 for validation: both are needed"):
        train(source, baselines, training, validation[:0], progress=False)
