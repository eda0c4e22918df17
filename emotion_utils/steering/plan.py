"""What the chapter runs within its budget of tokens: how many contexts, layers and vectors each section gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from emotion_utils.core.budget import Budget, Part, allot, allowance, by_depth
from emotion_utils.core.layers import ALL, many
from emotion_utils.core.profiles import SteeringSize
from emotion_utils.scoring.replies import GENUINE, OWN_TOKENS
from emotion_utils.steering.screening import FINALISTS
from emotion_utils.steering.subject import FEW_NEUTRAL, FEW_REPLIES, REPLIES, SteeredModel
from emotion_utils.steering.trials import NEW_TOKENS, OPENING, SEARCHED, STRENGTHS, WINDOWS

MAP = (-1.0, 0.0, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Strengths of the map that is shown."""
FACTORS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
"""Doses, in multiples of the chosen strength."""
FEW_MAP, FEW_FACTORS = (-1.0, 0.0, 0.2, 0.5, 1.0), (-2.0, -1.0, 0.0, 1.0, 2.0)
"""The same of models with many layers."""
PAIRS = 3
"""Contexts of the screen, each with another reply."""
TEXT = 2 * NEW_TOKENS
"""Tokens of a text that is written and then read for its cost; its context is read once for all of them."""
REPLY = 10
"""Tokens of a genuine reply."""
CONTEXT = 25
VECTORS = 8000
"""Tokens of the prompts that vectors are made from and of those whose states give the unit of strength."""
MAP_LAYERS = 5
"""Layers of the map, at even steps of depth, where a model has many."""
SCREENED = 6
"""Layers of the screen at least."""
POSTS, FEW_POSTS = 35, 16
"""Real-world texts that are continued; fewer in a model with many layers."""
PRICED = 9
"""Contexts of the test whose texts are read for their cost at least."""
TRIED = 4
"""Contexts on which control vectors are tried at least."""
UNITS = 6
"""Contexts of the choice at least."""
EVENTS = 9
"""Fresh contexts at least, each of another kind of event: with fewer than eight kinds there is no interval."""


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
        return many(self.n_layers)

    @property
    def map(self) -> tuple[float, ...]:
        """Strengths of the map."""
        return FEW_MAP if self.thinned else MAP

    @property
    def factors(self) -> tuple[float, ...]:
        """Doses, in multiples of the chosen strength."""
        return FEW_FACTORS if self.thinned else FACTORS

    @property
    def beside(self) -> int:
        """Fresh contexts that chapter 8 reads; those of a model with many layers are run and paid for there."""
        return min(EVENTS, self.size.fresh) if self.thinned else self["beside"]

    @property
    def posts(self) -> int:
        """Real-world texts that are continued."""
        return FEW_POSTS if self.thinned else POSTS

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
        if self.thinned:
            told += (
                f" A model with more than {ALL} layers is shown at {MAP_LAYERS} of them and {len(FEW_MAP) - 1} "
                f"strengths, with {len(FEW_FACTORS) - 1} doses instead of {len(FACTORS) - 1} and log-odds of "
                f"{FEW_REPLIES} replies of each kind instead of {REPLIES}; its unit of strength rests on {FEW_NEUTRAL} "
                f"prompts, and {FEW_POSTS} real-world texts are continued instead of {POSTS}."
            )
        if not left:
            return f"{told} No section had to be smaller than it would like."
        return (
            f"{told} Every section gets the least that it needs and {self.budget.share:.0%} of what it would like "
            f"beyond that, so that {len(left)} of {len(self.budget.parts)} are smaller than in a small model."
        )

    def table(self) -> pd.DataFrame:
        """What is run and what is left out."""
        return self.budget.table()


def plan(steered: SteeredModel, size: SteeringSize) -> Plan:
    """Share the budget among the sections: one rule for all models, with smaller fixed sizes where layers are many.

    The 100 control vectors of an emotion and the contexts of the test are never cut.
    """
    tokens = allowance(size.tokens, steered.parameters)
    layers, own = len(steered.layers), steered.own is not None
    found = parts(size, layers, len(steered.emotions), len(steered.kinds), own)
    return Plan(size, allot(found, tokens), layers)


def parts(size: SteeringSize, n_layers: int, n: int, kinds: int, own: bool = False) -> Sequence[Part]:
    """The sections with their prices, for ``n`` emotions and so many kinds of vectors.

    With own labels genuine replies are texts of a reader, the screen reads those that a label stands against too,
    controls are written as far as other texts, and what needs the small world's own replies is left out.
    """
    reply = OWN_TOKENS if own else REPLY
    opening = NEW_TOKENS if own else OPENING.new_tokens
    thinned = many(n_layers)
    # a context with its genuine replies; with own labels, texts that are drawn and read in their place
    read = CONTEXT + GENUINE * (TEXT if own else n * reply)
    shown = MAP_LAYERS if thinned else n_layers
    grid = n * kinds * len(SEARCHED) * len(STRENGTHS)
    doses = (len(FEW_FACTORS if thinned else FACTORS) - 1) * n + 1
    strengths = len(FEW_MAP if thinned else MAP) - 1
    # every layer at six strengths, or at one raw vector and at three more at half depth, where texts are read too
    raw = shown * NEW_TOKENS + 3 * TEXT if thinned else 6 * shown * TEXT
    half = reply / 2  # a reply is read through the blocks above the layer only
    odds = 2 * (FEW_REPLIES if thinned else REPLIES) * half
    found = [
        Part("vectors", 1, 1, VECTORS, "prompts of the vectors and the unit of strength"),
        Part("screen", min(SCREENED, n_layers), n_layers, grid * PAIRS * half * (1 + own), "layers of the screen"),
        Part("choice", min(UNITS, size.select), size.select, n * FINALISTS * TEXT + read, "contexts of the choice"),
        Part("random", min(12, size.controls), size.controls, n * TRIED * opening,
             "random vectors of the choice"),
        Part("test", size.test, size.test, (n + 1) * NEW_TOKENS + CONTEXT, "contexts of the test"),
        Part("priced", min(PRICED, size.test), size.test, (n + 1) * NEW_TOKENS + read,
             "contexts of the test whose texts are read for their cost"),
        Part("tried", min(TRIED, size.tried), size.tried, n * (size.controls + n - 1) * opening,
             "contexts of the control vectors"),
        Part("map", 1, size.select, shown * strengths * n * TEXT + CONTEXT, "contexts of the map"),
        Part("fresh", EVENTS, size.fresh, doses * (NEW_TOKENS + odds + 2) + n * (NEW_TOKENS + odds) + read,
             "fresh contexts of the doses"),
        Part("sampled", 0, size.test, 4 * n * TEXT, "contexts with drawn texts"),
        Part("prompted", 4, size.test, 2 * n * (3 * CONTEXT + NEW_TOKENS), "contexts of prompting"),
        Part("windows", 4, size.test, (len(WINDOWS) - 1) * n * TEXT, "contexts of other windows"),
        Part("moved", 4, size.test, 2 * n * TEXT, "contexts of the divergence along texts"),
        Part("published", EVENTS, size.published, raw * n + read, "contexts of the reports' sweep"),
        Part("posts", 1, max(1, size.tried), (FEW_POSTS if thinned else POSTS) * n * TEXT,
             "random vectors on real-world texts"),
    ]  # fmt: skip
    if own:
        return [part for part in found if part.name not in ("moved", "published", "posts")]
    if thinned:
        return found
    price = (n + 1) * TEXT + read + n * (n + 2) * NEW_TOKENS
    return [*found, Part("beside", EVENTS, size.fresh, price, "contexts kept for chapter 8")]
