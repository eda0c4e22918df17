"""What is needed to go on with the training of predictors, as one artefact of a store: whole, or not there.

All of it is tensors, weights and moments of the optimiser as well as the curve, so that nothing is unpickled and no
two files can disagree.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.store import Store, artefact_key
from emotion_utils.parts.learner import Learner

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""Of AdamW, for each parameter."""


@dataclass(eq=False)
class Checkpoints:
    """The checkpoints of one training, each in place of the one before.

    Attributes
    ----------
    store
    made_from
        What can change the training, as JSON: its key.
    seconds
        Between two of them; the last one is always kept.
    """

    store: Store
    made_from: Mapping[str, Any]
    seconds: float
    _saved: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> str:
        """Of the artefact."""
        return artefact_key("predictors", self.made_from)

    def save(
        self, step: int, learners: Sequence[Learner], rows: Sequence[Sequence[float]], *, last: bool
    ) -> None:
        """Keep where training is, after an evaluation, unless the last checkpoint is young."""
        if not last and time.monotonic() - self._saved < self.seconds:
            return
        tensors = {"rows": torch.tensor(rows, dtype=torch.float64), "step": torch.tensor(step)}
        for learner in learners:
            tensors |= {f"{learner.layer}.{name}": part for name, part in _tensors(learner)}
        self.store.put(self.key, tensors, self.made_from)
        self._saved = time.monotonic()

    def load(self, learners: Sequence[Learner]) -> tuple[int, list[list[float]]] | None:
        """Put learners where a checkpoint left them.

        Returns
        -------
        Its step and rows of the curve; None where there is none.
        """
        if self.key not in self.store:
            return None
        tensors = self.store.get(self.key)
        for learner in learners:
            start = f"{learner.layer}."
            own = {name.removeprefix(start): part for name, part in tensors.items() if name.startswith(start)}
            _restore(learner, own)
        return int(tensors["step"]), tensors["rows"].tolist()


def _tensors(learner: Learner) -> Iterator[tuple[str, Tensor]]:
    for name, part in learner.predictor.state_dict().items():
        yield f"now.{name}", part
    for name, part in learner.best_weights.items():
        yield f"best.{name}", part
    for name, parameter in learner.predictor.named_parameters():
        for moment, part in learner.optimiser.state.get(parameter, {}).items():
            yield f"{moment}.{name}", part
    yield "progress", _progress(learner)


def _progress(learner: Learner) -> Float[Tensor, " number"]:
    told = (learner.best, learner.mark, learner.best_step, learner.waited)
    return torch.tensor(told, dtype=torch.float64)


def _restore(learner: Learner, tensors: Mapping[str, Tensor]) -> None:
    predictor = learner.predictor
    device = predictor.std.device
    parts = {kind: _under(tensors, kind) for kind in ("now", "best", *MOMENTS)}
    predictor.load_state_dict(parts["now"])
    learner.best_weights = {name: part.to(device) for name, part in parts["best"].items()}
    for name, parameter in predictor.named_parameters():
        if name in parts["step"]:  # a learner that never took a step has no moments
            learner.optimiser.state[parameter] = {kind: parts[kind][name].to(device) for kind in MOMENTS}
    best, mark, best_step, waited = tensors["progress"].tolist()
    learner.best, learner.mark = best, mark
    learner.best_step, learner.waited = int(best_step), int(waited)


def _under(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    start = f"{kind}."
    return {name.removeprefix(start): part for name, part in tensors.items() if name.startswith(start)}
