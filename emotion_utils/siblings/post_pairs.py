"""Pairs of posts that look alike to a classifier and belong to different labels: one clean, one corrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from emotion_utils.core.errors import UserError

COSINE = 0.8
"""Least cosine of the mean-pooled last hidden states of a pair, as published."""
PAIRS = 1000
"""As many as published."""
ROWS = 1024
"""Posts whose cosines with all others are held at a time."""


@dataclass(frozen=True, eq=False)
class PostPairs:
    """Pairs of posts.

    Attributes
    ----------
    clean, corrupted
        Token ids of both posts of each pair.
    label, other
        Label of the clean and of the corrupted post.
    post
        Number of the clean post: pairs that share it are resampled together.
    """

    clean: tuple[tuple[int, ...], ...]
    corrupted: tuple[tuple[int, ...], ...]
    label: Int[np.ndarray, " pair"]
    other: Int[np.ndarray, " pair"]
    post: Int[np.ndarray, " pair"]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Int[np.ndarray, " some"] | Bool[np.ndarray, " pair"]) -> PostPairs:
        """Some of the pairs."""
        numbers = np.arange(len(self))[rows].tolist()
        return PostPairs(
            tuple(self.clean[i] for i in numbers), tuple(self.corrupted[i] for i in numbers),
            self.label[rows], self.other[rows], self.post[rows],
        )  # fmt: skip


class Similar(NamedTuple):
    """Pairs of posts that are alike.

    Attributes
    ----------
    pairs
        Numbers of the clean and of the corrupted post.
    reach
        How many pairs there are with the cosine that was asked for.
    lowest
        Cosine of the least alike of those that were taken.
    """

    pairs: Int[np.ndarray, "pair 2"]
    reach: int
    lowest: float


def similar_pairs(
    states: Float[np.ndarray, "post d_model"],
    label: Int[np.ndarray, " post"],
    right: Bool[np.ndarray, " post"],
    n: int = PAIRS,
    *,
    least: float = COSINE,
    seed: int = 0,
) -> Similar:
    """Ordered pairs of posts, both classified correctly, alike, and of different labels.

    Drawn at random among those that are alike, as published; where fewer than ``n`` are, the ``n`` that are most alike.

    Parameters
    ----------
    states
        Last hidden states, averaged over the tokens of a post.
    label
        True labels.
    right
        Which posts are classified correctly.
    n
        How many at most.
    least
        Cosine from which two posts are alike.
    seed

    Returns
    -------
    Each pair at most once, in a drawn order; ``lowest`` is NaN where pairs were drawn.

    Raises
    ------
    UserError
        Where the posts that are classified correctly have fewer than two labels.
    """
    own = np.flatnonzero(right)
    if len(np.unique(label[own])) < 2:
        raise UserError(
            f"{len(own)} of {len(label)} posts are classified correctly, and they have fewer than two labels: "
            "a pair needs two. Train the classifier longer, or on more posts."
        )
    unit = states[own] / np.linalg.norm(states[own], axis=1, keepdims=True)
    counts = np.zeros(len(own), dtype=np.int64)
    for start in range(0, len(own), ROWS):
        counts[start : start + ROWS] = (_cosines(unit, label[own], start, ROWS) >= least).sum(axis=1)
    reach, rng = int(counts.sum()), np.random.default_rng(seed)
    if reach < n:
        found, lowest = _most_alike(unit, label[own], n)
        return Similar(own[rng.permutation(found)], reach, lowest)
    drawn = rng.choice(reach, n, replace=False)
    ends = counts.cumsum()
    clean = np.searchsorted(ends, drawn, side="right")
    rank = drawn - (ends[clean] - counts[clean])
    corrupted = np.empty_like(clean)
    for row in np.unique(clean):
        alike = _cosines(unit, label[own], int(row), 1)[0] >= least
        corrupted[clean == row] = np.flatnonzero(alike)[rank[clean == row]]
    return Similar(np.stack([own[clean], own[corrupted]], axis=1), reach, float("nan"))


def _cosines(
    unit: Float[np.ndarray, "post d_model"], label: Int[np.ndarray, " post"], start: int, rows: int
) -> Float[np.ndarray, "row post"]:
    """Cosines of some rows with all posts; -inf with those of their own label."""
    cosine = unit[start : start + rows] @ unit.T
    apart: np.ndarray = np.where(label[start : start + rows, None] != label, cosine, -np.inf)
    return apart


def _most_alike(
    unit: Float[np.ndarray, "post d_model"], label: Int[np.ndarray, " post"], n: int
) -> tuple[Int[np.ndarray, "pair 2"], float]:
    """The most alike pairs of different labels, each in both orders, and the lowest cosine among them."""
    values, pairs = np.zeros(0), np.zeros((0, 2), dtype=np.int64)
    for start in range(0, len(unit), ROWS):
        cosine = _cosines(unit, label, start, ROWS)
        top = np.argsort(-cosine, axis=None, kind="stable")[:n]
        row, column = np.unravel_index(top, cosine.shape)
        values = np.concatenate([values, cosine[row, column]])
        pairs = np.concatenate([pairs, np.stack([start + row, column], axis=1)])
        best = np.argsort(-values, kind="stable")[:n]
        values, pairs = values[best], pairs[best]
    there = np.isfinite(values)
    return pairs[there], float(values[there].min())


def pairs_of(
    ids: Sequence[Sequence[int]], label: Int[np.ndarray, " post"], chosen: Int[np.ndarray, "pair 2"]
) -> PostPairs:
    """Pairs of posts from their numbers.

    Parameters
    ----------
    ids
        Token ids of all posts.
    label
        Their labels.
    chosen
        Pairs of :func:`similar_pairs`.
    """
    clean, corrupted = chosen.T
    return PostPairs(
        tuple(tuple(ids[i]) for i in clean), tuple(tuple(ids[i]) for i in corrupted),
        label[clean], label[corrupted], clean,
    )  # fmt: skip
