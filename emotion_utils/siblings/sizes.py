"""How much is trained and tried, by profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emotion_utils.siblings.post_pairs import COSINE, PAIRS


@dataclass(frozen=True)
class Sizes:
    """How much is trained and tried.

    Attributes
    ----------
    train, test
        Posts of each label, at most.
    pairs
        Of posts, to find a circuit on and as many to test it on.
    cosine
        From which two posts of a pair are alike.
    sets, orders
        Random circuits of equal size, and random orders of components.
    resamples, permutations
        Of intervals and nulls.
    seeds
        Trainings of each sibling in a record: six of two siblings can be exchanged in 924 ways, enough for Holm over
        twelve numbers.
    """

    train: int
    test: int
    pairs: int
    cosine: float = COSINE
    sets: int = 39
    orders: int = 49
    resamples: int = 500
    permutations: int = 999
    seeds: int = 6


SMOKE = Sizes(12, 8, 40, sets=9, orders=9, resamples=100, permutations=99, seeds=2)
RECORDED = Sizes(60, 30, 200)
"""Of the record of many trainings."""
BASELINE = replace(RECORDED, sets=19, orders=19)
POWERED = Sizes(280, 120, PAIRS, sets=99, orders=99)
"""As many posts and pairs as in the report."""
SIZES = {
    "smoke": SMOKE,
    "baseline": BASELINE,
    "extended": replace(RECORDED, train=120, test=60, pairs=600, sets=99, orders=99),
    "powered": POWERED,
}
