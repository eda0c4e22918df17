"""Order and rate follow from seed and step alone, and gradients count dimensions as the loss says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_windows import planted_states, thirds

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.learner import Fitting, Learner
from emotion_utils.parts.predictor import Architecture
from emotion_utils.planted.processes import random_process

WIDTH, LENGTH = 4, 6


def test_every_window_is_read_once_in_each_turn():
    fitting, training = Fitting(batch=8), np.arange(100, 132)
    turn = [fitting.batch_at(step, training) for step in range(4)]
    assert sorted(np.concatenate(turn)) == list(training)
    assert sorted(fitting.batch_at(2, training[:5])) == list(training[:5])
    again = np.concatenate([fitting.batch_at(step, training) for step in range(4, 8)])
    assert list(again) != list(np.concatenate(turn))


def test_the_rate_rises_and_falls_to_zero():
    fitting = Fitting(steps=100, rate=1.0, warmup=0.1)
    assert [fitting.rate_at(step) for step in (0, 4, 9, 10, 55)] == pytest.approx([0.1, 0.5, 1.0, 1.0, 0.5])
    assert fitting.rate_at(100) == pytest.approx(0)


@pytest.mark.parametrize("loss", ["pooled", "per_dimension"])
def test_the_loss_is_the_mean_squared_error_in_its_units(loss):
    process = random_process(WIDTH, np.random.default_rng(0), massive=50.0)
    source = planted_states(process, 60, LENGTH, 1)
    training, validation, _ = thirds(60)
    ids = torch.zeros(60, LENGTH, dtype=torch.int64)
    baselines = fit_baselines(source, ids, training, validation)[0]
    architecture = Architecture(heads=2, d_head=4, start="autoregression")
    learner = Learner(0, baselines, architecture, Fitting(loss=loss), "cpu")
    h = source.at(np.arange(8))[0]
    square = (h[:, 1:] - baselines.autoregression(h)).square()
    if loss == "per_dimension":
        square = square / baselines.autoregression.std.square()
    learner.step(h, 1e-3)
    row = learner.judge(1, 1e-3, torch.ones(WIDTH), torch.full((WIDTH,), 4.0), 5)
    assert row[2] == pytest.approx(float(square.mean()), rel=1e-3)
    assert row[4] == pytest.approx(0.75)


def test_it_is_done_once_nothing_improves_by_enough():
    source = planted_states(random_process(WIDTH, np.random.default_rng(0)), 60, LENGTH, 1)
    training, validation, _ = thirds(60)
    ids = torch.zeros(60, LENGTH, dtype=torch.int64)
    baselines = fit_baselines(source, ids, training, validation)[0]
    learner = Learner(0, baselines, Architecture(heads=2, d_head=4), Fitting(patience=2, least=0.01), "cpu")
    seen = []
    for step, score in enumerate((0.1, 0.2, 0.205, 0.215, 0.219, 0.22)):
        learner.judge(step, 0.0, torch.full((WIDTH,), 1 - score), torch.ones(WIDTH), 1)
        seen.append(learner.active)
    # 0.215 is higher by 0.01 than the best two evaluations before; 0.22 is not
    assert seen == [True, True, True, True, True, False]
    assert learner.best_step == 5


def test_sizes_below_one_are_refused():
    with pytest.raises(UserError, match="at least one step"):
        Fitting(steps=0)
