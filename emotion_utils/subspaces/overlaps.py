"""Overlap of emotion subspaces of two models before any map, and what unrelated subspaces would give.

Axes of two models have nothing to do with each other. The null turns one model by a random rotation, the same for all
its layers and emotions, so that everything but the relation of the two coordinate systems is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.nulls import against_null
from emotion_utils.subspaces.measures import (
    angle_cosine_chance,
    emotion_subspace,
    overlap_chance,
    principal_components,
)
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

KS = (2, 5, 10, 20)
Bases = Float[np.ndarray, "layer emotion k d_model"]


def affordable(rows: PromptPairs) -> tuple[int, ...]:
    """The dimensions that the rarest emotion allows after its largest unit was left out; at least one."""
    left = min(len(own) - own.groupby("unit").size().max() for own in rows.pairs.values()) - 1
    kept = tuple(k for k in KS if k <= left)
    return kept or (max(1, int(left)),)


def difference_bases(states: ModelStates, rows: PromptPairs, k: int) -> Bases:
    """Emotion subspaces of all layers: principal components of emotional minus matched neutral states."""
    parts = [(states.at(own["id"]), states.at(own["partner"])) for own in rows.pairs.values()]
    return np.stack(
        [[emotion_subspace(own[i], partner[i], k) for own, partner in parts] for i in _layers(states)]
    )


def published_bases(states: ModelStates, rows: PromptPairs, k: int) -> Bases:
    """Emotion subspaces as Phase 3.5 takes them: principal components of the raw emotional states, centred."""
    parts = [states.at(own["id"]) for own in rows.pairs.values()]
    return np.stack([[principal_components(own[i], k) for own in parts] for i in _layers(states)])


def _layers(states: ModelStates) -> range:
    return range(len(states.layers))


def matched_layers(one: Sequence[int], other: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the layers of two models at the same relative depth, as many as the shallower has."""
    depths = [(np.array(layers) + 1) / (max(layers) + 1) for layers in (one, other)]
    short, long = sorted((0, 1), key=lambda at: len(depths[at]))
    nearest = np.abs(depths[long][None] - depths[short][:, None]).argmin(axis=1)
    matched = {short: np.arange(len(depths[short])), long: nearest}
    return matched[0], matched[1]


def scores_by_k(crossed: Float[np.ndarray, "... k k"], ks: Sequence[int]) -> Float[np.ndarray, "... size"]:
    """Overlap at several k at once from the inner products of two nested bases."""
    summed = (crossed**2).cumsum(axis=-1).cumsum(axis=-2)
    at = np.array(ks) - 1
    return summed[..., at, at] / np.array(ks)


def overlaps(
    one: Bases, other: Bases, pairs: tuple[np.ndarray, np.ndarray], ks: Sequence[int]
) -> Float[np.ndarray, "layer emotion size"]:
    """Overlap of two models layer by layer, for each emotion and k."""
    return scores_by_k(np.einsum("lekd,lemd->lekm", one[pairs[0]], other[pairs[1]]), ks)


def turned(bases: Bases, n: int, seed: int) -> Iterator[Bases]:
    """The bases under random rotations of the whole space, uniformly distributed, one after the other.

    Where they span less than half of the space, only the images of their span are drawn, which are uniform as well:
    199 rotations of 4,096 dimensions would take 27 GB, and an hour.
    """
    width, rng = bases.shape[-1], np.random.default_rng(seed)
    flat = bases.reshape(-1, width)
    if 2 * len(flat) >= width:
        for _ in range(n):
            yield bases @ _orthogonal(width, width, rng)
        return
    span = np.linalg.svd(flat, full_matrices=False)[2]
    inside = bases @ span.T
    for _ in range(n):
        yield inside @ _orthogonal(width, len(span), rng).T


def _orthogonal(width: int, n: int, rng: np.random.Generator) -> Float[np.ndarray, "d n"]:
    """Orthonormal columns, uniformly distributed."""
    drawn, r = np.linalg.qr(rng.normal(size=(width, n)))
    columns: np.ndarray = drawn * np.sign(np.diagonal(r))
    return columns


def raw_overlaps(
    states_of: Mapping[str, ModelStates],
    rows: PromptPairs,
    ks: Sequence[int] = KS,
    n_rotations: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """Overlaps of all pairs of models of the same width, mean over layers of equal relative depth and emotions.

    Parameters
    ----------
    states_of
        By model.
    rows
        Prompts.
    ks
        Dimensions.
    n_rotations, seed
        Of the null.

    Returns
    -------
    Columns ``one, other, k, overlap, low, high, chance`` (k/d), ``rotated_high`` (95th percentile of the null), ``p``,
    ``cosine`` (top 5 principal angles), ``cosine_chance, cosine_spread`` (mean and SD for random subspaces), ``n``.
    """
    k = max(ks)
    widths = [states.values.shape[2] for states in states_of.values()]
    # what has no partner costs much for nothing
    states_of = {
        name: states for name, states in states_of.items() if widths.count(states.values.shape[2]) > 1
    }
    full = {name: difference_bases(states, rows, k) for name, states in states_of.items()}
    units = rows.units
    fewer = {
        name: [difference_bases(states, rows.without(u), k) for u in units]
        for name, states in states_of.items()
    }
    sizes = np.array([sum((own["unit"] == u).sum() for own in rows.pairs.values()) for u in units])
    out = []
    for one, other in combinations(states_of, 2):
        width = full[one].shape[-1]
        if width != full[other].shape[-1]:
            continue
        pairs = matched_layers(states_of[one].layers, states_of[other].layers)
        ours = overlaps(full[one], full[other], pairs, ks).mean(axis=(0, 1))
        left = np.array(
            [
                overlaps(a, b, pairs, ks).mean(axis=(0, 1))
                for a, b in zip(fewer[one], fewer[other], strict=True)
            ]
        )
        null = np.array(
            [
                overlaps(full[one], image, pairs, ks).mean(axis=(0, 1))
                for image in turned(full[other], n_rotations, seed)
            ]
        )
        for i, size in enumerate(ks):
            held = against_null(ours[i], null[:, i])
            inside = jackknife_interval(held.value, left[:, i], sizes, (0.0, 1.0))
            chance = angle_cosine_chance(size, width, min(5, size), seed=seed)
            cosine = top_cosines(full[one], full[other], pairs, size)
            numbers = held.value, *inside, overlap_chance(size, size, width), held.null_high, held.p
            out.append(
                (one, other, size, *numbers, cosine, chance.mean(), chance.std(), len(rows.emotional()))
            )
    columns = ["one", "other", "k", "overlap", "low", "high", "chance", "rotated_high", "p"]
    return pd.DataFrame(out, columns=[*columns, "cosine", "cosine_chance", "cosine_spread", "n"])


def top_cosines(
    one: Bases, other: Bases, pairs: tuple[np.ndarray, np.ndarray], k: int, top: int = 5
) -> float:
    """Mean cosine of the smallest principal angles of nested bases, mean over layers and emotions."""
    crossed = np.einsum("lekd,lemd->lekm", one[pairs[0], :, :k], other[pairs[1], :, :k])
    return float(np.linalg.svd(crossed, compute_uv=False)[..., :top].mean())
