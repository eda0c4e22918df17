"""Training of predictors, those of several layers from one pass over the windows.

AdamW with a linear warm-up and a cosine to zero, as published. Every few steps the predictors are tried on validation
windows; the weights that did best there are kept, and a predictor that has not improved for a while is done. Order of
the windows and weights at the start follow from the seed alone, and what is needed to go on lies in a store, so that a
run that was killed gives the same curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor
from tqdm.auto import tqdm

from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import digest
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.parts.baselines import Baselines, in_chunks, target_variances
from emotion_utils.parts.checkpoints import Checkpoints
from emotion_utils.parts.learner import FITTING, Fitting, Learner
from emotion_utils.parts.predictor import DEFAULT, Architecture, Predictor
from emotion_utils.parts.states import StateSource

COLUMNS = ("step", "layer", "train_loss", "validation_mse", "validation_r2", "learning_rate")
"""Of the curve; losses and errors are means over dimensions, in squared units of the states (``pooled``)
or in variances of each dimension (``per_dimension``)."""


@dataclass(frozen=True, eq=False)
class Trained:
    """Predictors by layer, with the weights that did best on validation windows, and how they came to it.

    Attributes
    ----------
    predictors
        In evaluation mode, on the CPU.
    curve
        One row per evaluation and layer: :data:`COLUMNS`. ``train_loss`` is the mean since the evaluation before.
    best_step
        Layer to the step of the kept weights; 0 is the start.
    """

    predictors: dict[int, Predictor] = field(repr=False)
    curve: pd.DataFrame
    best_step: dict[int, int]


def train(
    source: StateSource,
    baselines: Mapping[int, Baselines],
    training: Int[np.ndarray, " training"],
    validation: Int[np.ndarray, " validation"],
    architecture: Architecture = DEFAULT,
    fitting: Fitting = FITTING,
    *,
    store: Store | None = None,
    keep_seconds: float = 30.0,
    device: str = "cpu",
    progress: bool = True,
) -> Trained:
    """Train the predictors of all layers of a source, each with an optimiser of its own.

    Parameters
    ----------
    source
        Of the states: kept (:class:`states.WindowStates`) or computed anew (:class:`states.LiveStates`).
    baselines
        Layer to what was fitted on the same training windows.
    training, validation
        Numbers of windows.
    architecture, fitting
    store
        Keeps checkpoints and the result.
    keep_seconds
        Between two checkpoints, which are made at evaluations.
    device
        On an accelerator products are computed in bfloat16, sums and weights in float32.
    progress
        Show a bar where it takes longer than two seconds.

    Raises
    ------
    UserError
        Without baselines of a layer, and without windows of both kinds.
    """
    _check(source, baselines, training, validation)
    learners = [Learner(at, baselines[at], architecture, fitting, device) for at in source.layers]
    run = _Run(source, learners, training, validation, fitting)
    kept = None
    if store is not None:
        made_from = _made_from(source, training, validation, architecture, fitting)
        kept = Checkpoints(store, made_from, keep_seconds)
        run.resume(kept)
    with tqdm(total=fitting.steps, initial=run.step, desc="predictors", disable=not progress, delay=2) as bar:
        for row in run.rows_to_come():
            bar.update(run.step - bar.n)
            bar.set_postfix_str(f"validation R² {row:.3f}")
            if kept is not None:
                kept.save(run.step, learners, run.rows, last=run.done)
    curve = pd.DataFrame(run.rows, columns=list(COLUMNS)).astype({"step": int, "layer": int})
    predictors = {learner.layer: learner.finished() for learner in learners}
    return Trained(predictors, curve, {learner.layer: learner.best_step for learner in learners})


def _check(
    source: StateSource, baselines: Mapping[int, Baselines], training: np.ndarray, validation: np.ndarray
) -> None:
    missing = [layer for layer in source.layers if layer not in baselines]
    if missing:
        raise UserError(f"There are no baselines of layer {missing[0]}: fit them from the same states.")
    if not len(training) or not len(validation):
        raise UserError(
            f"There are {len(training)} windows for training and {len(validation)} for validation: both are needed."
        )


def _made_from(
    source: StateSource,
    training: np.ndarray,
    validation: np.ndarray,
    architecture: Architecture,
    fitting: Fitting,
) -> dict[str, Any]:
    return {
        "states": source.about(),
        "training": digest(training.tolist()),
        "validation": digest(validation.tolist()),
        "architecture": asdict(architecture),
        "fitting": asdict(fitting),
        "code": code_of(__name__),
    }


@dataclass(eq=False)
class _Run:
    """The loop over steps, which can begin in the middle."""

    source: StateSource
    learners: list[Learner]
    training: np.ndarray
    validation: np.ndarray
    fitting: Fitting
    step: int = 0
    rows: list[list[float]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.step >= self.fitting.steps or not any(one.active for one in self.learners)

    def resume(self, kept: Checkpoints) -> None:
        found = kept.load(self.learners)
        if found is not None:
            self.step, self.rows = found

    def rows_to_come(self) -> Iterator[float]:
        """Train on; after each evaluation the mean validation R2 of those that were evaluated."""
        if self.rows and self.done:
            return
        variances = target_variances(self.source, self.validation)
        if not self.rows:
            yield self._evaluate(variances)
        while not self.done:
            states = self.source.at(self.fitting.batch_at(self.step, self.training))
            rate = self.fitting.rate_at(self.step)
            for learner in self.learners:
                if learner.active:
                    learner.step(states[learner.layer], rate)
            self.step += 1
            if self.step % self.fitting.every == 0 or self.step == self.fitting.steps:
                yield self._evaluate(variances)

    @torch.no_grad()
    def _evaluate(self, variances: Mapping[int, Tensor]) -> float:
        active = [learner for learner in self.learners if learner.active]
        errors: dict[int, Tensor] = {}
        targets = 0
        for rows in in_chunks(self.validation):
            states = self.source.at(rows)
            for learner in active:
                h = states[learner.layer].to(learner.predictor.std.device)
                square = (learner.predictor.predict(h) - h[:, 1:]).double().square().sum(dim=(0, 1)).cpu()
                errors[learner.layer] = errors.get(learner.layer, torch.tensor(0.0)) + square
                length = h.shape[1] - 1
            targets += len(rows) * length
        rate = self.fitting.rate_at(self.step)
        found = [
            one.judge(self.step, rate, errors[one.layer], variances[one.layer], targets) for one in active
        ]
        self.rows += found
        return float(np.mean([row[4] for row in found]))
