"""Does a circuit suffice, is it needed, and how much of the model does it take: beside random sets of components.

The report keeps a circuit alone (the others are set to zero at the last token) and gives the share of the accuracy that
is left, *sufficiency*; without the circuit the drop of accuracy is its *necessity*. Zero is a value that a network may
never have seen, so that the mean over posts stands beside. The faithfulness curve says what sets of every size keep of
the difference that a corrupted post makes; its integrals are those of the MIB benchmark {cite:p}`mueller2025mib`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotion_utils.classification.classifier import TextClassifier
from emotion_utils.classification.last_token import logits_at_last
from emotion_utils.models.hooks import HookPoint
from emotion_utils.siblings.components import (
    TokenIds,
    components,
    constant,
    last_outputs,
)
from emotion_utils.siblings.post_pairs import PostPairs
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

ZERO, MEAN = "zero", "mean"
WAYS = (ZERO, MEAN)
Weights = Float[np.ndarray, "draw unit"]
"""Of posts or pairs, in each draw of a bootstrap."""
SIZES = 13
"""Points of a faithfulness curve, at most."""


class Kept(NamedTuple):
    """Which posts are right: of the model, with a circuit alone, and without it.

    Attributes
    ----------
    whole, alone, without
        By post.
    """

    whole: Bool[np.ndarray, " post"]
    alone: Bool[np.ndarray, " post"]
    without: Bool[np.ndarray, " post"]

    def sufficiency(self, weights: Weights | None = None) -> Float[np.ndarray, " draw"]:
        """Share of the accuracy that the circuit keeps alone; NaN where there is none."""
        whole, alone = (_mean(own, weights) for own in (self.whole, self.alone))
        return np.divide(alone, whole, out=np.full(len(whole), np.nan), where=whole > 0)

    def necessity(self, weights: Weights | None = None) -> Float[np.ndarray, " draw"]:
        """By how much the accuracy falls without it."""
        return _mean(self.whole, weights) - _mean(self.without, weights)


MEASURES = {"sufficiency": Kept.sufficiency, "necessity": Kept.necessity}


def _mean(values: np.ndarray, weights: Weights | None) -> Float[np.ndarray, " draw"]:
    drawn = np.ones((1, len(values))) if weights is None else weights
    mean: np.ndarray = (drawn @ values) / drawn.sum(axis=1)
    return mean


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

    def right(self, logits: Float[np.ndarray, "post label"]) -> Bool[np.ndarray, " post"]:
        """Posts whose largest logit is that of their label."""
        found: np.ndarray = logits.argmax(axis=1) == self.label
        return found


def mean_outputs(classifier: TextClassifier, ids: TokenIds) -> dict[HookPoint, Float[Tensor, " d_model"]]:
    """What components write on the average of some posts, other ones than a circuit is tried on."""
    found = last_outputs(classifier, ids, components(classifier))
    return {point: values.mean(dim=0) for point, values in found.items()}


def kept(
    classifier: TextClassifier,
    posts: Posts,
    circuits: Sequence[Sequence[HookPoint]],
    instead: Mapping[HookPoint, Float[Tensor, " d_model"]] | None = None,
) -> list[Kept]:
    """Which posts the model, a circuit alone, and the model without it have right, for each of several circuits.

    Parameters
    ----------
    classifier
    posts
    circuits
        Components of each; all others are taken out, then these.
    instead
        What stands in their place, from :func:`mean_outputs`; None is zero.
    """
    every = components(classifier)
    gone: list[Sequence[HookPoint]] = [()]
    for own in circuits:
        gone += [[point for point in every if point not in set(own)], list(own)]
    settings = [constant(classifier, points, instead) for points in gone]
    whole, *others = (posts.right(logits) for logits in logits_at_last(classifier, posts.ids, settings))
    return [Kept(whole, alone, without) for alone, without in zip(others[::2], others[1::2], strict=True)]


def rivals(
    every: Sequence[HookPoint], circuit: Sequence[HookPoint], n: int, seed: int = 0
) -> list[tuple[HookPoint, ...]]:
    """Random other sets of as many components, each different; all of them where there are no more than ``n``."""
    size, own = len(circuit), frozenset(circuit)
    if comb(len(every), size) - 1 <= n:
        return [one for one in combinations(every, size) if frozenset(one) != own]
    rng, found = np.random.default_rng(seed), dict[frozenset[HookPoint], tuple[HookPoint, ...]]()
    while len(found) < n:
        one = tuple(every[i] for i in np.sort(rng.choice(len(every), size, replace=False)))
        if frozenset(one) != own:
            found.setdefault(frozenset(one), one)
    return list(found.values())


def against_random(
    classifier: TextClassifier,
    posts: Posts,
    circuit: Sequence[HookPoint],
    means: Mapping[HookPoint, Float[Tensor, " d_model"]],
    n: int = 50,
    *,
    n_resamples: int = 500,
    seed: int = 0,
) -> tuple[pd.DataFrame, dict[str, Kept]]:
    """Sufficiency and necessity of a circuit beside random sets of as many components.

    Parameters
    ----------
    classifier
    posts
    circuit
    means
        From :func:`mean_outputs`.
    n
        Random sets, at most; see :func:`rivals`.
    n_resamples, seed

    Returns
    -------
    A row for each way of taking components out (:data:`WAYS`) and each of both measures; columns ``way, measure, value,
    low, high`` (over posts), ``null, null_low, null_high, p`` (that a random set has as much), ``sets, size,
    components, posts``. A circuit of all components, or of none, is the only one of its size: its null is empty and its
    p is 1. And the posts behind them, by way.
    """
    drawn = rivals(components(classifier), circuit, n, seed)
    units = np.arange(len(posts.label))
    weights = unit_weights(units, n_resamples, np.random.default_rng(seed))
    rows, found = [], {}
    for way in WAYS:
        own, *others = kept(classifier, posts, [circuit, *drawn], means if way == MEAN else None)
        found[way] = own
        for measure, of in MEASURES.items():
            value, null = float(of(own)[0]), np.array([of(one)[0] for one in others])
            ends = interval(of(own, weights), effective_units(units), value)
            beside = (null.mean(), *interval(null)) if len(null) else (np.nan,) * 3
            rows.append((way, measure, value, *ends, *beside, float(permutation_p(value, null))))
    columns = ["way", "measure", "value", "low", "high", "null", "null_low", "null_high", "p"]
    sizes = {"sets": len(drawn), "size": len(circuit), "components": len(components(classifier))}
    return pd.DataFrame(rows, columns=columns).assign(**sizes, posts=len(posts.label)), found


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


def curves(
    classifier: TextClassifier, pairs: PostPairs, orders: Sequence[Sequence[HookPoint]], most: int = SIZES
) -> list[Curve]:
    """Keep more and more components of the clean post, in each of several orders.

    Parameters
    ----------
    classifier
    pairs
        That no order was made from.
    orders
        Of all components, the first ones kept first.
    most
        Sizes that are tried.
    """
    sizes, rows = sizes_of(len(orders[0]), most), np.arange(len(pairs))
    outside = last_outputs(classifier, pairs.corrupted, orders[0])
    gone = [frozenset(order[size:]) for order in orders for size in sizes]
    different = list(dict.fromkeys(gone))  # few components have few sets
    settings = [{point: outside[point] for point in own} for own in different]
    logits = logits_at_last(classifier, pairs.clean, settings)  # (set, pair, label)
    apart = logits[:, rows, pairs.label] - logits[:, rows, pairs.other]
    every = apart[[different.index(own) for own in gone]]
    return [Curve(sizes, own.T, pairs.post) for own in np.split(every, len(orders))]


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
