"""How much is run, by profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

PROFILES = ("smoke", "baseline", "extended", "powered")


class Permutations(NamedTuple):
    """Draws of nulls that chapters afford; the smallest p is 1 / (1 + permutations).

    Attributes
    ----------
    words
        Of a bag of words, which is trained anew in each.
    vectors
        Of held-out scores.
    pairs
        Of the models in each pair, in the main table of maps between them.
    maps
        Of the kinds of maps, most of which are fitted anew in each.
    """

    words: int
    vectors: int
    pairs: int
    maps: int


PERMUTATIONS = {
    "smoke": Permutations(19, 19, 19, 9),
    "baseline": Permutations(99, 499, 999, 199),
    "extended": Permutations(99, 499, 999, 199),
    "powered": Permutations(199, 999, 999, 199),
}


@dataclass(frozen=True)
class HeadsSize:
    """How much is run.

    Attributes
    ----------
    pairs
        Of each emotion and split.
    permutations, resamples
        Of nulls and intervals.
    sets
        Random sets of heads beside a circuit, of each kind.
    steps
        Of learning a mask.
    texts
        Pairs of each emotion whose texts are generated.
    tokens
        Budget of a chapter on a model with 100 million weights in its blocks, or more: see `heads.budget`.
    """

    pairs: int
    permutations: int
    resamples: int
    sets: int
    steps: int
    texts: int
    tokens: int


HEADS_SIZES: dict[str, HeadsSize] = {
    "smoke": HeadsSize(3, 99, 100, 4, 4, 3, 15_000),
    "baseline": HeadsSize(10_000, 2000, 1000, 50, 60, 14, 32_000),
    "extended": HeadsSize(10_000, 5000, 2000, 100, 120, 10_000, 500_000),
    "powered": HeadsSize(10_000, 10_000, 5000, 200, 200, 10_000, 2_000_000),
}


@dataclass(frozen=True)
class SteeringSize:
    """How much is run.

    Attributes
    ----------
    select, test, fresh, published
        Contexts of the choice, of the test, of other texts, and of the reports' sweep, at most.
    controls, tried
        Random vectors of an emotion, and contexts of the test that each is tried on.
    tokens
        What a page may spend on its model, from `core.budget.REFERENCE` parameters on.
    """

    select: int
    test: int
    fresh: int
    published: int
    controls: int
    tried: int
    tokens: int = 100_000


STEERING_SIZES: dict[str, SteeringSize] = {
    "smoke": SteeringSize(6, 6, 6, 4, 6, 4, 72_000),
    "baseline": SteeringSize(36, 36, 48, 16, 100, 12, 112_000),
    "extended": SteeringSize(54, 36, 120, 48, 200, 36, 500_000),
    "powered": SteeringSize(54, 36, 240, 96, 400, 36, 1_500_000),
}
