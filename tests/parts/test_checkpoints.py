"""A training that was killed goes on as if it had not been, and a finished one is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from planted_windows import planted_states, thirds

from emotion_utils.core.store import Store
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.learner import Fitting
from emotion_utils.parts.predictor import Architecture
from emotion_utils.parts.states import StateSource
from emotion_utils.parts.training import train
from emotion_utils.planted.processes import random_process

WIDTH, LENGTH = 4, 10
SMALL = Architecture(heads=4, d_head=8)
FITTING = Fitting(steps=30, batch=8, every=5, patience=100)


class Interrupted(StateSource):
    """A source whose process is killed at a step."""

    def __init__(self, source, steps):
        self.source, self.left = source, steps
        self.layers = source.layers

    def about(self):
        return self.source.about()

    def at(self, rows):
        if len(rows) == FITTING.batch:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self.source.at(rows)


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


def test_training_that_is_killed_goes_on_as_if_it_had_not_been(small, tmp_path):
    source, baselines, training, validation = small
    told = (training, validation, SMALL, FITTING)
    whole = train(source, baselines, *told, progress=False)
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(Interrupted(source, 17), baselines, *told, store=store, keep_seconds=0, progress=False)
    assert len(store.keys()) == 1
    rest = Interrupted(source, 15)  # from the checkpoint at step 15 to step 30
    again = train(rest, baselines, *told, store=store, keep_seconds=0, progress=False)
    assert rest.left == 0
    pd.testing.assert_frame_equal(again.curve, whole.curve, rtol=1e-6)
    assert again.best_step == whole.best_step
    for layer in source.layers:
        for name, part in whole.predictors[layer].state_dict().items():
            torch.testing.assert_close(again.predictors[layer].state_dict()[name], part)


def test_a_finished_training_is_read_from_the_store(small, tmp_path):
    source, baselines, training, validation = small
    told = (training, validation, SMALL, FITTING)
    first = train(source, baselines, *told, store=Store(tmp_path), progress=False)
    again = train(Interrupted(source, 0), baselines, *told, store=Store(tmp_path), progress=False)
    pd.testing.assert_frame_equal(again.curve, first.curve)
    other = replace(FITTING, seed=1)
    with pytest.raises(KeyboardInterrupt):
        train(
            Interrupted(source, 0),
            baselines,
            *(training, validation, SMALL, other),
            store=Store(tmp_path),
            progress=False,
        )
