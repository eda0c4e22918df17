"""How much is run in the chapters on heads, by profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotion_utils.heads.pairs import Pairs

__all__ = ["SIZES", "Size", "few"]


@dataclass(frozen=True)
class Size:
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
    """

    pairs: int
    permutations: int
    resamples: int
    sets: int
    steps: int
    texts: int


SIZES: dict[str, Size] = {
    "smoke": Size(3, 99, 100, 4, 4, 3),
    "baseline": Size(10_000, 2000, 1000, 50, 60, 30),
    "extended": Size(10_000, 5000, 2000, 100, 120, 10_000),
    "powered": Size(10_000, 10_000, 5000, 200, 200, 10_000),
}


def few(pairs: Pairs, n: int) -> Pairs:
    """The first pairs of each emotion and split, taken in turn from their units."""
    turn = pairs.table.groupby(["emotion", "split", "unit"], sort=False).cumcount()
    order = pairs.table.assign(turn=turn).sort_values("turn", kind="stable")
    place = order.groupby(["emotion", "split"], sort=False).cumcount().sort_index()
    return pairs.where(np.asarray(place < n))
