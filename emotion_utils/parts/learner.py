"""One predictor in training: how, with which optimiser, and which weights did best so far."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import Baselines
from emotion_utils.parts.predictor import Architecture, Predictor

Loss = Literal["pooled", "per_dimension"]


@dataclass(frozen=True)
class Fitting:
    """How predictors are trained.

    Attributes
    ----------
    steps, batch
        At most so many steps of so many windows.
    rate
        Highest learning rate.
    warmup
        Share of the steps in which the rate rises from 0.
    decay
        Weight decay.
    clip
        Longest gradient; a longer one is shortened.
    every
        Steps between two evaluations.
    patience, least
        A predictor is done after so many evaluations in a row none of which has a validation R2 that is higher by
        ``least`` than the best before them.
    loss
        ``pooled``, as published: squared error over dimensions and positions in the units of the states, so that
        dimensions of large variance decide; a few massive ones can outweigh all others. ``per_dimension``: the same in
        standard deviations of each dimension, so that each counts the same.
    seed
        Of weights and order.

    Raises
    ------
    UserError
        For a number of steps, windows or evaluations below 1.
    """

    steps: int = 300
    batch: int = 32
    rate: float = 4e-3
    warmup: float = 0.05
    decay: float = 0.01
    clip: float = 1.0
    every: int = 50
    patience: int = 3
    least: float = 5e-4
    loss: Loss = "pooled"
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.every, self.patience) < 1:
            raise UserError(
                f"Training takes at least one step, window, evaluation and step between two: {self}."
            )

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        warm = max(1, round(self.warmup * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def batch_at(self, step: int, training: Int[np.ndarray, " training"]) -> Int[np.ndarray, " window"]:
        """Windows of a step: every window once in each turn, in an order that seed and turn alone decide."""
        size = min(self.batch, len(training))
        turn, place = divmod(step, len(training) // size)
        order = np.random.default_rng([self.seed, turn]).permutation(len(training))
        return training[order[place * size : (place + 1) * size]]


FITTING = Fitting()


class Learner:
    """One predictor in training, with its optimiser and the best weights so far."""

    def __init__(
        self, layer: int, baselines: Baselines, architecture: Architecture, fitting: Fitting, device: str
    ) -> None:
        self.layer, self.fitting = layer, fitting
        seed = int(np.random.SeedSequence([fitting.seed, layer]).generate_state(1)[0])
        start = baselines.autoregression
        predictor = Predictor(baselines.width, baselines.length, architecture, start, seed)
        self.predictor = predictor.to(device)
        self.optimiser = torch.optim.AdamW(
            self.predictor.parameters(), lr=fitting.rate, weight_decay=fitting.decay, fused=True
        )
        variance = self.predictor.std.square()
        self.unit = float(variance.mean()) if fitting.loss == "pooled" else 1.0
        # a constant factor changes nothing for AdamW, and clips gradients at one length whatever the units
        self.weight = variance / self.unit if fitting.loss == "pooled" else torch.ones_like(variance)
        self.best, self.mark, self.best_step, self.waited = -math.inf, -math.inf, 0, 0
        self.best_weights = {name: part.clone() for name, part in self.predictor.state_dict().items()}
        self.losses: list[Tensor] = []

    @property
    def active(self) -> bool:
        """Whether it is still trained."""
        return self.waited < self.fitting.patience

    def step(self, h: Float[Tensor, "window position d_model"], rate: float) -> None:
        """One step of the optimiser on a batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        h = h.to(self.predictor.std.device)
        with _precision(h.device):
            predicted = self.predictor.in_deviations(h[:, :-1])
        target = (h[:, 1:] - self.predictor.mean) / self.predictor.std
        loss = ((predicted.float() - target).square() * self.weight).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.predictor.parameters(), self.fitting.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.losses.append(loss.detach())

    def judge(
        self,
        step: int,
        rate: float,
        errors: Float[Tensor, " d_model"],
        variances: Float[Tensor, " d_model"],
        targets: int,
    ) -> list[float]:
        """A row of the curve from squared errors on validation windows, summed over so many targets."""
        loss = float(torch.stack(self.losses).mean()) * self.unit if self.losses else math.nan
        self.losses = []
        if self.fitting.loss == "per_dimension":
            scale = self.predictor.std.double().cpu().square()
            errors, variances = errors / scale, variances / scale
        score = 1 - float(errors.sum() / variances.sum())
        better = score > self.mark + self.fitting.least
        self.mark, self.waited = (score, 0) if better else (self.mark, self.waited + 1)
        if score > self.best:
            self.best, self.best_step = score, step
            self.best_weights = {name: part.clone() for name, part in self.predictor.state_dict().items()}
        mse = float(errors.mean()) / targets
        return [step, self.layer, loss, mse, score, rate]

    def finished(self) -> Predictor:
        """The predictor with its best weights."""
        self.predictor.load_state_dict(self.best_weights)
        return self.predictor.cpu().eval().requires_grad_(False)


def _precision(device: torch.device) -> AbstractContextManager[Any]:
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()
