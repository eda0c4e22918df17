"""How a classifier is fine-tuned: the report's settings, and those for the bundled miniatures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from emotion_utils.classification.classifier import MAX_LENGTH
from emotion_utils.core.errors import UserError
from emotion_utils.models.registry import knows_small_world


@dataclass(frozen=True)
class FineTuning:
    """How a classifier is trained; the defaults are those of the report.

    Attributes
    ----------
    rate
        Learning rate of the first step.
    decay
        Weight decay.
    epochs
        How often each text is trained on.
    batch
        Texts of a step.
    max_length
        Tokens of a text, at most.
    seed
        Of the order of texts, of dropout and of the head.

    Raises
    ------
    UserError
        For no epoch, batch or rate.
    """

    rate: float = 1e-5
    decay: float = 0.01
    epochs: int = 3
    batch: int = 2
    max_length: int = MAX_LENGTH
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.max_length) < 1 or not 0 < self.rate < math.inf:
            raise UserError(
                f"Fine-tuning takes at least one epoch, text and token, and a rate above 0: {self}."
            )

    def steps(self, n: int) -> int:
        """Steps for so many texts."""
        return self.epochs * math.ceil(n / self.batch)

    def batches(self, n: int) -> Iterator[Int[np.ndarray, " text"]]:
        """Numbers of the texts of each step: all of them in each epoch, in an order of its own."""
        for epoch in range(self.epochs):
            order = np.random.default_rng([self.seed, epoch]).permutation(n)
            yield from np.split(order, range(self.batch, n, self.batch))


PUBLISHED = FineTuning()
MINIATURE = FineTuning(rate=3e-3, epochs=4, batch=16)
"""For the bundled models, whose weights are a thousandth as many and move further, in one epoch more."""


def usual_fine_tuning(name: str) -> FineTuning:
    """What suits a model of the registry: the report's settings, or those for the bundled miniatures."""
    return MINIATURE if knows_small_world(name) else PUBLISHED
