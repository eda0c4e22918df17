"""Pairs of posts that look alike to a classifier and belong to different labels: one clean, one corrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

    def halves(self, seed: int = 0) -> tuple[PostPairs, PostPairs]:
        """Two halves that share no clean post: one to choose on, one to test on."""
        posts = np.unique(self.post)
        chosen = np.random.default_rng(seed).permutation(posts)[: len(posts) // 2]
        first = np.isin(self.post, chosen)
        return self.take(first), self.take(~first)


def similar_pairs(
    states: Float[np.ndarray, "post d_model"],
    label: Int[np.ndarray, " post"],
    right: Bool[np.ndarray, " post"],
    n: int = PAIRS,
    *,
    least: float = COSINE,
    seed: int = 0,
) -> Int[np.ndarray, "pair 2"]:
    """Draw ordered pairs of posts, both classified correctly, alike, and of different labels.

    Parameters
    ----------
    states
        Last hidden states, averaged over the tokens of a post.
    label
        True labels.
    right
        Which posts are classified correctly.
    n
        How many at most; fewer where there are no more.
    least
        Cosine from which two posts are alike.
    seed

    Returns
    -------
    Numbers of the clean and of the corrupted post, each pair at most once, in a drawn order.

    Raises
    ------
    UserError
        Where no two such posts are alike, with the largest cosine that there is.
    """
    own = np.flatnonzero(right)
    if len(np.unique(label[own])) < 2:
        raise UserError(
            f"{len(own)} of {len(label)} posts are classified correctly, and they have fewer than two labels: "
            "a pair needs two. Train the classifier longer, or on more posts."
        )
    unit = states[own] / np.linalg.norm(states[own], axis=1, keepdims=True)
    counts, largest = np.zeros(len(own), dtype=np.int64), -1.0
    for start in range(0, len(own), ROWS):
        alike, top = _alike(unit, label[own], start, least)
        counts[start : start + ROWS], largest = alike.sum(axis=1), max(largest, top)
    total = int(counts.sum())
    if not total:
        raise UserError(
            f"No two posts of different labels have a cosine of {least:g} or more (the largest is {largest:.2f}): "
            "choose a smaller one."
        )
    drawn = np.random.default_rng(seed).choice(total, min(n, total), replace=False)
    ends = counts.cumsum()
    clean = np.searchsorted(ends, drawn, side="right")
    rank = drawn - (ends[clean] - counts[clean])
    corrupted = np.empty_like(clean)
    for row in np.unique(clean):
        alike, _ = _alike(unit, label[own], int(row), least, rows=1)
        corrupted[clean == row] = np.flatnonzero(alike[0])[rank[clean == row]]
    return np.stack([own[clean], own[corrupted]], axis=1)


def _alike(
    unit: Float[np.ndarray, "post d_model"],
    label: Int[np.ndarray, " post"],
    start: int,
    least: float,
    rows: int = ROWS,
) -> tuple[Bool[np.ndarray, "row post"], float]:
    """Which posts are alike and of another label, for some rows; and the largest cosine with such a post."""
    cosine = unit[start : start + rows] @ unit.T
    other = label[start : start + rows, None] != label
    return other & (cosine >= least), float(cosine[other].max(initial=-1.0))


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
        From :func:`similar_pairs`.
    """
    clean, corrupted = chosen.T
    return PostPairs(
        tuple(tuple(ids[i]) for i in clean), tuple(tuple(ids[i]) for i in corrupted),
        label[clean], label[corrupted], clean,
    )  # fmt: skip
