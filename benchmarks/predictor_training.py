"""Training of predictors of hidden states against the bare steps of the same modules on the same states.

Both sides start from states of two layers in memory, as wide as those of the bundled models. `ours` is all that a
chapter runs: windows drawn by the seed, both predictors trained, tried on validation windows before and after, the best
weights kept. `bare` is forward, loss, backward and the step of the optimiser on one batch that was taken out of the
states before; the loss is in standard deviations, and no gradient is clipped.
"""

from __future__ import annotations

import numpy as np
import torch

from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.learner import Fitting, Learner
from emotion_utils.parts.predictor import DEFAULT
from emotion_utils.parts.states import WindowStates
from emotion_utils.parts.training import Trained, train
from emotion_utils.runtime.benchmarking import Row, in_turns, record

WIDTH, LENGTH, WINDOWS, VALIDATION, REPEATS = 128, 64, 640, 64, 7
FITTING = Fitting(steps=50, batch=16, every=50)


def main() -> None:
    torch.set_num_threads(2)
    generator = torch.Generator().manual_seed(0)
    values = {
        layer: torch.randn(WINDOWS, LENGTH, WIDTH, generator=generator).cumsum(dim=1) for layer in (0, 1)
    }
    source = WindowStates((0, 1), values, torch.zeros(WINDOWS, LENGTH))
    training, validation = np.arange(VALIDATION, WINDOWS), np.arange(VALIDATION)
    ids = torch.zeros(WINDOWS, LENGTH, dtype=torch.int64)
    baselines = fit_baselines(source, ids, training, validation)
    batch = source.at(training[: FITTING.batch])

    def ours() -> Trained:
        return train(source, baselines, training, validation, DEFAULT, FITTING, progress=False)

    def bare() -> None:
        for layer, h in batch.items():
            own = Learner(layer, baselines[layer], DEFAULT, FITTING, "cpu")
            target = (h[:, 1:] - own.predictor.mean) / own.predictor.std
            for _ in range(FITTING.steps):
                (own.predictor.in_deviations(h[:, :-1]) - target).square().mean().backward()
                own.optimiser.step()
                own.optimiser.zero_grad()

    assert ours().curve["step"].max() == FITTING.steps  # noqa: S101 - both sides take all steps
    a, b = in_turns(ours, bare, REPEATS)
    record(Row("predictor_training", a, b, b / a, "bare steps over our training; seconds", REPEATS))


if __name__ == "__main__":
    main()
