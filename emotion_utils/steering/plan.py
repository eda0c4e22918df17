"""What the chapter runs within its budget of tokens: how many contexts, layers and vectors each section gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from emotion_utils.core.budget import Budget, Part, allot, allowance, by_depth
from emotion_utils.core.profiles import SteeringSize
from emotion_utils.steering.screening import FINALISTS
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import NEW_TOKENS, OPENING, SEARCHED, STRENGTHS, WINDOWS

MAP = (-1.0, 0.0, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Strengths of the map that is shown."""
FACTORS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
"""Doses, in multiples of the chosen strength."""
PAIRS = 3
"""Contexts of the screen, each with another reply."""
TEXT = 2 * NEW_TOKENS
"""Tokens of a text that is written and then read for its cost; its context is read once for all of them."""
REPLY = 10
"""Tokens of a genuine reply."""
CONTEXT = 25
GENUINE = 8
"""Genuine replies that a text's cost is held against."""
VECTORS = 8000
"""Tokens of the prompts that vectors are made from and of those whose states give the unit of strength."""
MAP_LAYERS = 6
"""Layers of the map, at even steps of depth, where a model has many."""
ALL_LAYERS = 8
"""Models with no more layers are never thinned."""
TRIED = 4
"""Contexts on which control vectors are tried at least."""
UNITS = 8
"""Contexts of a section at least."""
EVENTS = 12
"""Fresh contexts at least: some tell the same kind of event, and with fewer than eight kinds there is no interval."""


@dataclass(frozen=True)
class Plan:
    """The sizes of one model's chapter.

    Attributes
    ----------
    size
        What is asked for at most.
    budget
        What each part gets.
    n_layers
        Of the model.
    """

    size: SteeringSize
    budget: Budget
    n_layers: int

    def __getitem__(self, name: str) -> int:
        return self.budget.sizes[name]

    @cached_property
    def screened(self) -> list[int]:
        """Layers that are screened."""
        return by_depth(self.n_layers, self["screen"])

    @property
    def thinned(self) -> bool:
        """Whether the model has more layers than are shown."""
        return self.n_layers > ALL_LAYERS

    @cached_property
    def shown(self) -> list[int]:
        """Layers of the map and of the reports' sweep."""
        return by_depth(self.n_layers, MAP_LAYERS if self.thinned else self.n_layers)

    def summary(self) -> str:
        """The rule and what it came to, in a sentence or two."""
        left = [part.what for part in self.budget.parts if part.at(self.budget.share) < part.wanted]
        told = (
            f"The budget of this page is {self.budget.tokens:,} tokens of this model, positions of texts; "
            f"what is planned costs about {self.budget.planned:,}."
        )
        if not left:
            return f"{told} Nothing had to be left out."
        return (
            f"{told} Every section gets the least that it needs and {self.budget.share:.0%} of what it would like "
            f"beyond that, so that {len(left)} of {len(self.budget.parts)} are smaller than in a small model."
        )

    def table(self) -> pd.DataFrame:
        """What is run and what is left out."""
        return self.budget.table()


def plan(steered: SteeredModel, size: SteeringSize) -> Plan:
    """Share the budget among the sections: the same rule for a small model and for one of 8 B parameters.

    The 100 control vectors of an emotion and the contexts of the test are never cut.
    """
    tokens = allowance(size.tokens, steered.parameters)
    layers = len(steered.layers)
    return Plan(size, allot(parts(size, layers, len(steered.emotions), len(steered.kinds)), tokens), layers)


def parts(size: SteeringSize, n_layers: int, n: int, kinds: int) -> Sequence[Part]:
    """The sections with their prices, for ``n`` emotions and so many kinds of vectors."""
    read = CONTEXT + n * GENUINE * REPLY  # a context with its genuine replies
    shown = n_layers if n_layers <= ALL_LAYERS else MAP_LAYERS
    grid = n * kinds * len(SEARCHED) * len(STRENGTHS)
    doses = (len(FACTORS) - 1) * n + 1
    few = min(UNITS, n_layers)
    raw = (
        6 * shown if n_layers <= ALL_LAYERS else shown + 3
    )  # every layer at six strengths, or one unit and some
    half = REPLY / 2  # a reply is read through the blocks above the layer only
    return [
        Part("vectors", 1, 1, VECTORS, "prompts of the vectors and the unit of strength"),
        Part("screen", few, n_layers, grid * PAIRS * half, "layers of the screen"),
        Part("choice", min(UNITS, size.select), size.select, n * FINALISTS * TEXT + read, "contexts of the choice"),
        Part("random", min(12, size.controls), size.controls, n * TRIED * OPENING.new_tokens,
             "random vectors of the choice"),
        Part("test", size.test, size.test, (n + 1) * TEXT + read, "contexts of the test"),
        Part("tried", min(TRIED, size.tried), size.tried, n * (size.controls + n - 1) * OPENING.new_tokens,
             "contexts of the control vectors"),
        Part("map", 1, size.select, shown * (len(MAP) - 1) * n * TEXT + CONTEXT, "contexts of the map"),
        Part("fresh", EVENTS, size.fresh, doses * (TEXT + 8 * half + 2) + read, "fresh contexts of the doses"),
        Part("sampled", 0, size.test, 4 * n * TEXT, "contexts with drawn texts"),
        Part("prompted", 4, size.test, 2 * n * (3 * CONTEXT + NEW_TOKENS), "contexts of prompting"),
        Part("windows", 4, size.test, (len(WINDOWS) - 1) * n * TEXT, "contexts of other windows"),
        Part("moved", 4, size.test, 2 * n * TEXT, "contexts of the divergence along texts"),
        Part("published", EVENTS, size.published, raw * n * TEXT + read, "contexts of the reports' sweep"),
        Part("posts", 1, max(1, size.tried), 35 * n * TEXT, "random vectors on real-world texts"),
        Part("beside", UNITS, size.fresh, (n + 1) * TEXT + read + n * (n + 2) * NEW_TOKENS,
             "contexts kept for chapter 8"),
    ]  # fmt: skip
