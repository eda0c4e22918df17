"""Does a circuit suffice, is it needed, and how much of the model does it take: beside random sets of components.

The report keeps a circuit alone (the others are set to zero at the last token) and gives the share of the accuracy that
is left, *sufficiency*; without the circuit the drop of accuracy is its *necessity*. Zero is a value that a network may
never have seen, so that the mean over posts stands beside. The faithfulness curve says what sets of every size keep of
the difference that a corrupted post makes; its integrals are those of the MIB benchmark {cite:p}`mueller2025mib`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.classification.classifier import TextClassifier
from emotion_utils.models.hooks import HookPoint
from emotion_utils.siblings.components import (
    TokenIds,
    components,
    last_outputs,
    logits_of,
    without,
)
from emotion_utils.siblings.post_pairs import PostPairs
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

ZERO, MEAN = "zero", "mean"
WAYS = (ZERO, MEAN)
SIZES = 13
"""Points of a faithfulness curve, at most."""


class Kept(NamedTuple):
    """Accuracies around a circuit: of the model, with the circuit alone, and without it."""

    whole: float
    alone: float
    without: float

    @property
    def sufficiency(self) -> float:
        """Share of the accuracy that the circuit keeps alone; NaN where there is none."""
        return self.alone / self.whole if self.whole else float("nan")

    @property
    def necessity(self) -> float:
        """By how much the accuracy falls without it."""
        return self.whole - self.without


@dataclass(frozen=True, eq=False)
class Posts:
    """Posts with their labels, on which circuits are tried.

    Attributes
    ----------
    ids
        Token ids.
    label
        True labels.
    """

    ids: TokenIds
    label: Int[np.ndarray, " post"]

    def accuracy(self, logits: Float[np.ndarray, "post label"]) -> float:
        """Share of posts whose largest logit is that of their label."""
        return float((logits.argmax(axis=1) == self.label).mean())


def mean_outputs(classifier: TextClassifier, ids: TokenIds) -> dict[HookPoint, Float[Tensor, " d_model"]]:
    """What components write on the average of some posts, other ones than a circuit is tried on."""
    found = last_outputs(classifier, ids, components(classifier))
    return {point: values.mean(dim=0) for point, values in found.items()}


def kept(
    classifier: TextClassifier,
    posts: Posts,
    circuit: Sequence[HookPoint],
    instead: Mapping[HookPoint, Float[Tensor, " d_model"]] | None = None,
) -> Kept:
    """Accuracies of the model, of a circuit alone, and of the model without it.

    Parameters
    ----------
    classifier
    posts
    circuit
        Components; all others are taken out, then these.
    instead
        What stands in their place, from :func:`mean_outputs`; None is zero.
    """
    own = set(circuit)
    others = [point for point in components(classifier) if point not in own]
    found = [
        posts.accuracy(without(classifier, posts.ids, gone, instead)) for gone in ([], others, list(own))
    ]
    return Kept(*found)


def against_random(
    classifier: TextClassifier,
    posts: Posts,
    circuit: Sequence[HookPoint],
    means: Mapping[HookPoint, Float[Tensor, " d_model"]],
    n: int = 50,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Sufficiency and necessity of a circuit beside random sets of as many components.

    Parameters
    ----------
    classifier
    posts
    circuit
    means
        From :func:`mean_outputs`.
    n
        Random sets.
    seed

    Returns
    -------
    A row for each way of taking components out (:data:`WAYS`) and each of both measures; columns ``way, measure, value,
    null, null_low, null_high, p`` (that a random set has as much), ``size, components, posts``. A circuit of all
    components, or of none, is the only one of its size: its p is 1.
    """
    every, rng = components(classifier), np.random.default_rng(seed)
    drawn = [[every[i] for i in rng.choice(len(every), len(circuit), replace=False)] for _ in range(n)]
    rows = []
    for way in WAYS:
        instead = means if way == MEAN else None
        own = kept(classifier, posts, circuit, instead)
        others = [kept(classifier, posts, one, instead) for one in drawn]
        for measure in ("sufficiency", "necessity"):
            value, null = getattr(own, measure), np.array([getattr(one, measure) for one in others])
            low, high = interval(null)
            rows.append((way, measure, value, null.mean(), low, high, float(permutation_p(value, null))))
    columns = ["way", "measure", "value", "null", "null_low", "null_high", "p"]
    sizes = {"size": len(circuit), "components": len(every), "posts": len(posts.label)}
    return pd.DataFrame(rows, columns=columns).assign(**sizes)


@dataclass(frozen=True, eq=False)
class Curve:
    """What sets of components keep of the difference between both posts of a pair.

    Attributes
    ----------
    sizes
        Components that are kept: none first, all last.
    kept
        Difference of the logits of both labels, by pair and size, the others patched from the corrupted post.
    post
        Number of the clean post of each pair.
    """

    sizes: Int[np.ndarray, " size"]
    kept: Float[np.ndarray, "pair size"]
    post: Int[np.ndarray, " pair"]

    def faithfulness(
        self, weights: Float[np.ndarray, "draw pair"] | None = None
    ) -> Float[np.ndarray, "draw size"]:
        """Share of what all components make of it, over what none do: 0 at none and 1 at all, by definition."""
        mean = (np.ones((1, len(self.kept))) if weights is None else weights) @ self.kept
        none, every = mean[:, :1], mean[:, -1:]
        shares: np.ndarray = (mean - none) / (every - none)
        return shares

    def integrals(
        self, weights: Float[np.ndarray, "draw pair"] | None = None
    ) -> dict[str, Float[np.ndarray, " draw"]]:
        """CPR, the area under the curve over the share of components, and CMD, the area between it and 1.

        A faithful circuit has a large CPR and a small CMD.
        """
        curve, share = self.faithfulness(weights), self.sizes / self.sizes[-1]
        return {
            "CPR": np.trapezoid(curve, share, axis=1),
            "CMD": np.trapezoid(np.abs(1 - curve), share, axis=1),
        }


def sizes_of(n: int, most: int = SIZES) -> Int[np.ndarray, " size"]:
    """Sizes of sets that are tried, none and all among them, the small ones closer together."""
    if n < most:
        return np.arange(n + 1)
    return np.unique(np.r_[0, np.round(np.geomspace(1, n, most - 1)).astype(int)])


def curve(
    classifier: TextClassifier, pairs: PostPairs, order: Sequence[HookPoint], most: int = SIZES
) -> Curve:
    """Keep more and more components of the clean post, in an order that other pairs have given.

    Parameters
    ----------
    classifier
    pairs
        That the order was not made from.
    order
        All components, the first ones kept first.
    most
        Sizes that are tried.
    """
    sizes, rows = sizes_of(len(order), most), np.arange(len(pairs))
    outside = last_outputs(classifier, pairs.corrupted, order)
    found = []
    for size in sizes:
        logits = logits_of(classifier, pairs.clean, {point: outside[point] for point in order[size:]})
        found.append(logits[rows, pairs.label] - logits[rows, pairs.other])
    return Curve(sizes, np.stack(found, axis=1), pairs.post)


def faithfulness_table(
    own: Curve, random: Sequence[Curve], *, n_resamples: int = 500, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A curve and its integrals, with intervals over clean posts, beside the same of random orders.

    Parameters
    ----------
    own
    random
        Curves of random orders of the same components on the same pairs.
    n_resamples, seed

    Returns
    -------
    The curve (columns ``size, share, value, low, high, null, null_low, null_high``), and its integrals (``measure,
    value, low, high, null, null_low, null_high, p``: that a random order does as well).
    """
    weights, units = (
        unit_weights(own.post, n_resamples, np.random.default_rng(seed)),
        effective_units(own.post),
    )
    value, draws = own.faithfulness()[0], own.faithfulness(weights)
    null = np.stack([one.faithfulness()[0] for one in random])
    points = [
        (size, size / own.sizes[-1], value[i], *interval(draws[:, i], units, float(value[i])),
         null[:, i].mean(), *interval(null[:, i]))
        for i, size in enumerate(own.sizes)
    ]  # fmt: skip
    beside = ["value", "low", "high", "null", "null_low", "null_high"]
    ours, drawn, theirs = own.integrals(), own.integrals(weights), [one.integrals() for one in random]
    rows = []
    for measure, sign in (("CPR", 1), ("CMD", -1)):
        of_null = np.array([one[measure][0] for one in theirs])
        mine = float(ours[measure][0])
        ends = interval(drawn[measure], units, mine)
        p = float(permutation_p(sign * mine, sign * of_null))
        rows.append((measure, mine, *ends, of_null.mean(), *interval(of_null), p))
    return (
        pd.DataFrame(points, columns=["size", "share", *beside]),
        pd.DataFrame(rows, columns=["measure", *beside, "p"]),
    )
