"""Circuits chosen anew: the same rule on resampled pairs, and on other splits, names the heads that always belong.

A circuit is a choice, and a choice on other prompts may name other heads {cite:p}`meloux2025`. The rule here is the
cheap one that all models share: heads in the order of their mean effect, the fewest of them that keep enough. Whole
units are resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from emotion_utils.circuits.faithfulness import GOAL, MARGIN
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import ENDS, unit_weights

Kept = Callable[[Sequence[Sequence[Head]]], Float[np.ndarray, "pair set"]]
"""Difference between partners (nats) that each set of heads keeps alone, on some pairs."""
CORE, RARE = 0.95, 0.05
"""Share of the choices from which on a head is always in the circuit, and up to which it is never."""
SHUFFLES = 200
"""Of heads, for the overlap of random circuits."""


def draws_of_units(pairs: Pairs, n: int, seed: int = 0) -> Float[np.ndarray, "draw pair"]:
    """How often each pair is drawn when whole units are resampled."""
    return unit_weights(pairs.table["unit"].to_numpy(), n, np.random.default_rng(seed))


def halves_of_units(pairs: Pairs, n: int, seed: int = 0) -> Float[np.ndarray, "half pair"]:
    """Random halves of the units, 1 for the pairs of a half; the second half of a split follows its first."""
    codes, names = pd.factorize(pairs.table["unit"])
    places = np.argsort(np.random.default_rng([seed, 8]).random((n, len(names))), axis=1)
    first = (places < (len(names) + 1) // 2)[:, codes]
    return np.stack([first, ~first], axis=1).reshape(2 * n, -1).astype(float)


def weights_on(
    some: Pairs, pairs: Pairs, weights: Float[np.ndarray, "draw pair"]
) -> Float[np.ndarray, "draw part"]:
    """The weights of other pairs of the same units."""
    first = pairs.table.reset_index().groupby("unit")["index"].first()
    return weights[:, first.loc[some.table["unit"]].to_numpy()]


def chosen(
    effects: Float[np.ndarray, "pair head"],
    weights: Float[np.ndarray, "draw pair"],
    heads: Sequence[Head],
    sizes: Sequence[int],
    kept: Kept | None = None,
    whole: Float[np.ndarray, " part"] | None = None,
    weights_kept: Float[np.ndarray, "draw part"] | None = None,
) -> Bool[np.ndarray, "draw head"]:
    """Choose a circuit on each draw of the pairs: the fewest first heads, by their effects, that keep enough.

    Parameters
    ----------
    effects
        Of each head on the difference between partners (nats), on the pairs that are drawn from.
    weights
        How often each pair is drawn.
    heads
    sizes
        To choose from, rising; the last one is taken where none is enough. The search halves, so that a larger set is
        taken to keep no less.
    kept, whole, weights_kept
        What sets keep of the differences of some pairs (nats), these differences, and the weights of these pairs; not
        needed for a single size.

    Returns
    -------
    Which heads belong to the circuit of each draw.
    """
    order = np.argsort(-(weights @ effects), axis=1, kind="stable")
    low, high = np.zeros(len(weights), dtype=int), np.full(len(weights), len(sizes) - 1)
    known: dict[frozenset[int], np.ndarray] = {}
    while (open_ := low < high).any():
        if kept is None or whole is None or weights_kept is None:
            raise ValueError("A choice among sizes needs what sets keep.")
        middle = (low + high) // 2
        sets = {int(d): frozenset(order[d, : sizes[middle[d]]].tolist()) for d in np.flatnonzero(open_)}
        new = sorted({own for own in sets.values() if own not in known}, key=sorted)
        if new:
            known |= dict(zip(new, kept([[heads[i] for i in sorted(own)] for own in new]).T, strict=True))
        for d, own in sets.items():
            enough = weights_kept[d] @ known[own] >= (GOAL + MARGIN) * (weights_kept[d] @ whole)
            low[d], high[d] = (low[d], middle[d]) if enough else (middle[d] + 1, high[d])
    members = np.zeros(order.shape, dtype=bool)
    for d, size in enumerate(np.array(sizes)[low].tolist()):
        members[d, order[d, :size]] = True
    return members


def jaccard(one: Bool[np.ndarray, " head"], other: Bool[np.ndarray, " head"]) -> float:
    """Heads in both circuits, as a share of those in either; NaN where both are empty."""
    either = int((one | other).sum())
    return float((one & other).sum() / either) if either else float("nan")


class Overlap(NamedTuple):
    """Jaccard overlap of circuits: mean over pairs of them, the middle 95 %, and the mean of random ones as large."""

    mean: float
    low: float
    high: float
    chance: float


def overlap(
    members: Bool[np.ndarray, "draw head"],
    beside: Bool[np.ndarray, "other head"] | None = None,
    *,
    seed: int = 0,
) -> Overlap:
    """How far circuits have the same heads: each with each, or all with each of some others.

    Random circuits have as many heads each, drawn from all heads of the model.
    """
    values = _values(members, beside)
    if not len(values):
        return Overlap(*[float("nan")] * 4)
    rng = np.random.default_rng(seed)
    shuffled = [
        np.nanmean(_values(rng.permuted(members, axis=1), beside))
        for _ in range(max(1, SHUFFLES // len(members)))
    ]
    low, high = np.nanquantile(values, ENDS)
    return Overlap(float(np.nanmean(values)), float(low), float(high), float(np.mean(shuffled)))


class Paired(NamedTuple):
    """Mean Jaccard overlap of circuits with their partners, that of random ones as large, and p of their draws."""

    mean: float
    chance: float
    p: float


def paired_overlap(
    members: Bool[np.ndarray, "split head"], partners: Bool[np.ndarray, "split head"], *, seed: int = 0
) -> Paired:
    """How far each circuit has the heads of its partner, beside means over as many pairs of random circuits.

    A draw gives the heads other places, the same for all circuits of one side: circuits of different splits share units
    and so resemble each other, which makes the mean of a few splits vary as that of fewer.

    Returns
    -------
    NaN where all circuits are empty.
    """
    rng = np.random.default_rng(seed)
    draws = [members, *(members[:, rng.permutation(members.shape[1])] for _ in range(SHUFFLES))]
    values = np.array([_mean_of_pairs(own, partners) for own in draws])
    return Paired(float(values[0]), float(values[1:].mean()), float(permutation_p(values[0], values[1:])))


def _mean_of_pairs(members: np.ndarray, partners: np.ndarray) -> float:
    values = np.array([jaccard(one, other) for one, other in zip(members, partners, strict=True)])
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def _values(members: np.ndarray, beside: np.ndarray | None) -> Float[np.ndarray, " comparison"]:
    own = members.astype(float)
    other = own if beside is None else beside.astype(float)
    both = own @ other.T
    either = own.sum(axis=1)[:, None] + other.sum(axis=1) - both
    values = np.divide(both, either, out=np.full(both.shape, np.nan), where=either > 0)
    return np.asarray(values[np.triu_indices(len(own), 1)] if beside is None else values.ravel())


def frequencies(
    members: Bool[np.ndarray, "draw head"], heads: Sequence[Head], circuit: Sequence[Head]
) -> pd.DataFrame:
    """How often each head is chosen.

    Returns
    -------
    One row per head, the most frequent first: ``layer, head, name, frequency`` (share of the choices) and ``member``
    (whether it belongs to ``circuit``).
    """
    table = pd.DataFrame(list(heads), columns=["layer", "head"]).assign(
        name=[name_of(head) for head in heads],
        frequency=members.mean(axis=0),
        member=[head in set(circuit) for head in heads],
    )
    return table.sort_values(["frequency", "member"], ascending=False, kind="stable", ignore_index=True)


def as_members(circuit: Sequence[Head], heads: Sequence[Head]) -> Bool[np.ndarray, " head"]:
    """Which of the heads belong to a circuit."""
    return np.array([head in set(circuit) for head in heads], dtype=bool)
