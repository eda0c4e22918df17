"""The reports' overlap by number of dimensions, and how it moves when prompts are drawn again.

A resample that holds a prompt twice is the same prompt with a weight of 2, so that principal components come from a
decomposition no larger than the number of different prompts that were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.resampling import ENDS, unit_weights
from emotion_utils.subspaces.overlaps import KS, matched_layers, overlaps, published_bases
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

Bases = Float[np.ndarray, "layer emotion k d_model"]
RANK = 1e-10
"""Of the largest variance: directions with a smaller share are rounding."""


def published_sweep(
    one: ModelStates, other: ModelStates, rows: PromptPairs
) -> Float[np.ndarray, "emotion size"]:
    """The reports' "cos²" before any map, mean over layers of equal depth, for each emotion and k."""
    a, b = (published_bases(states, rows, max(KS)) for states in (one, other))
    return _sweep(a, b, one, other, KS)


def sweep_draws(
    one: ModelStates,
    other: ModelStates,
    rows: PromptPairs,
    ks: Sequence[int] = KS,
    n: int = 500,
    seed: int = 0,
) -> Float[np.ndarray, "draw emotion size"]:
    """:func:`published_sweep` after whole units were drawn with replacement.

    Parameters
    ----------
    one, other
        Two models of equal width.
    rows
        Prompts and their units.
    ks
        Dimensions.
    n, seed
        Of the draws. One in which an emotion has fewer directions than the largest k is left out.

    Returns
    -------
    One sweep per draw that is left.
    """
    parts = [
        ([states.at(own["id"]).astype(np.float64) for states in (one, other)], own["unit"].to_numpy())
        for own in rows.pairs.values()
    ]
    drawn = unit_weights(rows.units, n, np.random.default_rng(seed))
    at = {unit: i for i, unit in enumerate(sorted(rows.units))}
    columns = [np.array([at[unit] for unit in units]) for _, units in parts]
    out = []
    for weights in drawn:
        bases: list[list[np.ndarray | None]] = [[], []]
        for (of_models, _), column in zip(parts, columns, strict=True):
            for of_model, values in zip(bases, of_models, strict=True):
                of_model.append(weighted_components(values, weights[column], max(ks)))
        complete = [[basis for basis in of_model if basis is not None] for of_model in bases]
        if all(len(of_model) == len(parts) for of_model in complete):
            a, b = (np.stack(of_model, axis=1) for of_model in complete)
            out.append(_sweep(a, b, one, other, ks))
    return np.array(out).reshape(-1, len(parts), len(ks))


def weighted_components(
    values: Float[np.ndarray, "layer row d"], weights: Float[np.ndarray, " row"], k: int
) -> Float[np.ndarray, "layer k d"] | None:
    """First k principal components of rows that count as often as their weights say; None where there are fewer."""
    kept = weights > 0
    if kept.sum() <= k:
        return None
    x, w = values[:, kept], weights[kept]
    x = (x - np.average(x, axis=1, weights=w)[:, None]) * np.sqrt(w)[:, None]
    variance, axes = np.linalg.eigh(x @ x.transpose(0, 2, 1))
    variance, axes = variance[:, ::-1][:, :k], axes[:, :, ::-1][:, :, :k]
    if (variance[:, -1] <= RANK * variance[:, 0]).any():
        return None
    found: np.ndarray = axes.transpose(0, 2, 1) @ x / np.sqrt(variance)[:, :, None]
    return found


def by_k(
    draws: Float[np.ndarray, "draw emotion size"],
    emotions: Sequence[str],
    chance: Float[np.ndarray, "random size"],
    ks: Sequence[int] = KS,
) -> pd.DataFrame:
    """What resamples say of each k, beside random subspaces of the same width.

    Parameters
    ----------
    draws
        From :func:`sweep_draws`.
    emotions
        In their order.
    chance
        The same score of pairs of random subspaces.
    ks
        Dimensions.

    Returns
    -------
    One row per emotion and k: ``emotion, k, overlap`` (mean of the draws), ``low, high`` (their middle 95 %), ``chance,
    chance_low, chance_high``, and the shares of draws and of random pairs in which this k is ``best`` and
    ``chance_best``.
    """
    if not len(draws):
        raise UserError(f"No resample has enough different prompts for k = {max(ks)}: take a larger profile.")
    rows = []
    often = np.bincount(chance.argmax(axis=1), minlength=len(ks)) / len(chance)
    ends = np.quantile(chance, ENDS, axis=0)
    for i, emotion in enumerate(emotions):
        own = draws[:, i]
        best = np.bincount(own.argmax(axis=1), minlength=len(ks)) / max(len(own), 1)
        inside = np.quantile(own, ENDS, axis=0)
        rows += [
            (emotion, k, own[:, j].mean(), *inside[:, j], chance[:, j].mean(), *ends[:, j], best[j], often[j])
            for j, k in enumerate(ks)
        ]
    columns = ["emotion", "k", "overlap", "low", "high", "chance", "chance_low", "chance_high", "best"]
    return pd.DataFrame(rows, columns=[*columns, "chance_best"])


def _sweep(
    a: Bases, b: Bases, one: ModelStates, other: ModelStates, ks: Sequence[int]
) -> Float[np.ndarray, "emotion size"]:
    pairs = matched_layers(one.layers, other.layers)
    # of orthonormal rows the mean over all k x k products is the overlap over k
    swept: np.ndarray = overlaps(a, b, pairs, ks).mean(axis=0) / np.array(ks)
    return swept


REPORTED_WIDTH = 768
"""Of GPT-2, Pythia-160M and GPT-Neo-125M."""

DRAWS = 2000


def random_sweeps(
    n: int = DRAWS, seed: int = 0, width: int = REPORTED_WIDTH, ks: Sequence[int] = KS
) -> Float[np.ndarray, "draw size"]:
    """The reports' "cos²" of one pair of random subspaces at every k, the smaller ones nested in the larger.

    Parameters
    ----------
    n, seed
        Of the draws.
    width
        d_model. Where one of two models is narrower, that of the wider: the reports cut its basis to the width of the
        other, which leaves the mean over all pairs of directions at 1 over the larger width.
    ks
        Dimensions of both subspaces.
    """
    rng, k = np.random.default_rng(seed), max(ks)
    # against the first k axes only the first k rows count. QR of a Gaussian matrix needs no more of the other rows than
    # their Gram matrix, which is a Wishart matrix, drawn by its triangular factor
    head = rng.normal(size=(n, k, k))
    factor = np.tril(rng.normal(size=(n, k, k)), -1)
    factor[:, np.arange(k), np.arange(k)] = np.sqrt(rng.chisquare(width - k - np.arange(k), size=(n, k)))
    gram = head.transpose(0, 2, 1) @ head + factor @ factor.transpose(0, 2, 1)
    # head @ inverse(R), where Rᵀ is the Cholesky factor of the whole Gram matrix
    corner = np.linalg.solve(np.linalg.cholesky(gram), head.transpose(0, 2, 1)).transpose(0, 2, 1)
    return np.stack([(corner[:, :size, :size] ** 2).mean(axis=(1, 2)) for size in ks], axis=1)
