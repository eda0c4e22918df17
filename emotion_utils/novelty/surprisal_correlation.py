"""Whether what is new in a hidden state is what the model did not expect: ||r|| against surprisal, by rank.

Position for position, so that what changes along a window does not count; the mean over positions is the pooled
number. The partial correlation takes out how rare a token is and where it stands, by ranks. Everything is resampled by
whole documents with ranks taken anew, and the null exchanges the surprisals of whole documents at the same positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped
from scipy.stats import rankdata

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.resampled import (
    LEFT_OUT,
    RESAMPLES,
    PositionCurve,
    Resampled,
    document_weights,
    exchanged_windows,
    positions_of,
)
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.resampling import effective_units

BOUNDS = (-1.0, 1.0)
CHUNK = 4_000_000
"""Numbers that are ranked at a time."""


def rank_curve(
    norms: Float[np.ndarray, "window position"],
    surprisal: Float[np.ndarray, "window position"],
    documents: Shaped[np.ndarray, " window"],
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> PositionCurve:
    """Spearman correlation over windows of ||r|| with surprisal, at each position by itself.

    Parameters
    ----------
    norms
        Length of r at positions 1 and later.
    surprisal
        Of the tokens at the same positions, nats.
    documents
        Of each window.
    n_resamples, seed
        Of the documents; ranks are taken anew in each.

    Returns
    -------
    NaN at a position where all values of one side are equal.

    Raises
    ------
    UserError
        For different shapes, and for what is not finite.
    """
    _check(norms, surprisal, documents)
    weights = document_weights(documents, n_resamples, seed)
    observed = np.vstack([np.ones((1, len(norms))), weights])
    found = np.stack(
        [
            _weighted_correlations([_weighted_ranks(side, observed) for side in pair], observed)[:, 0, 1]
            for pair in zip(norms.T, surprisal.T, strict=True)
        ],
        axis=1,
    )
    return PositionCurve(found[0], found[1:], positions_of(norms), effective_units(documents))


def exchanged_curves(
    norms: Float[np.ndarray, "window position"],
    surprisal: Float[np.ndarray, "window position"],
    documents: Shaped[np.ndarray, " window"],
    n: int = 199,
    seed: int = 0,
) -> Float[np.ndarray, "draw position"]:
    """The curve of :func:`rank_curve` where the surprisals of documents are exchanged whole: draws of its null."""
    _check(norms, surprisal, documents)
    rng = np.random.default_rng(seed)
    ours, theirs = (rankdata(side, axis=0) for side in (norms, surprisal))
    ours = _standardised(ours)
    draws = [(ours * _standardised(theirs[exchanged_windows(documents, rng)])).mean(axis=0) for _ in range(n)]
    return np.array(draws)


def _standardised(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 down each column; NaN where a column does not vary."""
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, np.nan)


def partial_correlation(
    norms: Float[np.ndarray, "window position"],
    surprisal: Float[np.ndarray, "window position"],
    covariates: Sequence[Shaped[np.ndarray, "window position"]],
    documents: Shaped[np.ndarray, " window"],
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """Spearman correlation of ||r|| with surprisal over all tokens, covariates taken out of the ranks of both.

    Parameters
    ----------
    norms, surprisal, documents
        As of :func:`rank_curve`.
    covariates
        Of each token, such as its log frequency; the position is always one, where there are several.
    n_resamples, seed
        As of :func:`rank_curve`.

    Returns
    -------
    The Pearson correlation of what least squares leave of the ranks of both sides.
    """
    _check(norms, surprisal, documents)
    place = np.broadcast_to(positions_of(norms), norms.shape)
    sides = [norms.ravel(), surprisal.ravel(), *(one.ravel() for one in (place, *covariates))]
    varying = sides[:2] + [one for one in sides[2:] if (one != one[0]).any()]
    weights = document_weights(documents, n_resamples, seed)
    observed = np.vstack([np.ones((1, len(norms))), weights])
    found = np.concatenate([_partial(varying, part) for part in _chunks(observed, norms.shape[1])])
    return Resampled(float(found[0]), found[1:], effective_units(documents))


def _chunks(weights: np.ndarray, positions: int) -> Iterator[np.ndarray]:
    """Some draws at a time, their weights repeated for each position."""
    size = max(1, CHUNK // (weights.shape[1] * positions))
    for start in range(0, len(weights), size):
        yield np.repeat(weights[start : start + size], positions, axis=1)


def _partial(
    sides: Sequence[Shaped[np.ndarray, " token"]], weights: Float[np.ndarray, "draw token"]
) -> Float[np.ndarray, " draw"]:
    """From the inverse of the correlations of ranks: that of the first two sides, given all others."""
    ranks = [_weighted_ranks(side, weights) for side in sides]
    inverse = np.linalg.pinv(np.nan_to_num(_weighted_correlations(ranks, weights)), hermitian=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-inverse[:, 0, 1] / np.sqrt(inverse[:, 0, 0] * inverse[:, 1, 1]))


def _weighted_ranks(
    values: Shaped[np.ndarray, " n"], weights: Float[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw n"]:
    """Ranks as if each value stood in the sample as often as its weight says, ties at their mean rank."""
    order = np.argsort(values, kind="stable")
    first = np.flatnonzero(np.concatenate([[True], np.diff(values[order]) > 0]))
    counts = np.add.reduceat(weights[:, order], first, axis=1)
    ends = np.cumsum(counts, axis=1)
    sizes = np.diff(np.append(first, len(order)))
    ranks = np.empty_like(weights)
    ranks[:, order] = np.repeat(ends - (counts - 1) / 2, sizes, axis=1)
    return ranks


def _weighted_correlations(
    sides: Sequence[Float[np.ndarray, "draw n"]], weights: Float[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw side side"]:
    """Pearson correlations in each draw; NaN beside what does not vary."""
    total = weights.sum(axis=1)
    centred = [side - ((side * weights).sum(axis=1) / total)[:, None] for side in sides]
    size = len(sides)
    products = np.empty((len(weights), size, size))
    for i in range(size):
        weighted = centred[i] * weights
        for j in range(i, size):
            products[:, i, j] = products[:, j, i] = np.einsum("dn,dn->d", weighted, centred[j])
    spread = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    spread = np.where(spread > 0, spread, np.nan)
    return np.asarray(products / (spread[:, :, None] * spread[:, None, :]))


def log_frequencies(
    training: Int[np.ndarray, "window position"], ids: Int[np.ndarray, "other target"]
) -> Float[np.ndarray, "other target"]:
    """Logarithm of how often each token stands in training windows, one added, so that an unseen token has 0.

    Parameters
    ----------
    training
        Token ids of the windows that a predictor learnt from.
    ids
        Token ids of those that are asked about.
    """
    counts = np.bincount(training.ravel(), minlength=int(ids.max(initial=0)) + 1)
    found: np.ndarray = np.log1p(counts[ids])
    return found


def surprisal_correlations(
    norms: Mapping[int, Float[np.ndarray, "window position"]],
    surprisal: Float[np.ndarray, "window position"],
    log_frequency: Float[np.ndarray, "window position"],
    documents: Shaped[np.ndarray, " window"],
    *,
    first: int = LEFT_OUT,
    n_permutations: int = 199,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[pd.DataFrame, dict[int, PositionCurve]]:
    """Correlation of ||r|| with surprisal at every layer, in all of the window and in its early and late part.

    Parameters
    ----------
    norms
        By layer: length of r at positions 1 and later.
    surprisal, log_frequency
        Of the tokens there.
    documents
        Of each window.
    first
        Position from which windows are counted.
    n_permutations, n_resamples, seed
        Of null and intervals.

    Returns
    -------
    A table with one row per layer and part of the window, and the curve of each layer. Columns ``layer, part, first,
    last`` (positions), ``rho, low, high`` (mean over positions, interval over documents), ``null, null_high, p``
    (surprisals exchanged between documents), ``partial, partial_low, partial_high`` (log frequency and position taken
    out), ``n`` (tokens), ``documents``.
    """
    curves, rows = {}, []
    for layer, lengths in norms.items():
        curve = rank_curve(lengths, surprisal, documents, n_resamples=n_resamples, seed=seed)
        drawn = exchanged_curves(lengths, surprisal, documents, n_permutations, seed)
        null = PositionCurve(curve.value, drawn, curve.positions, curve.units)
        curves[layer] = curve
        for part, (begin, stop) in curve.parts(first).items():
            own, at = curve.over(begin, stop), slice(begin - 1, stop - 1)
            held = against_null(own.value, null.over(begin, stop).draws)
            partial = partial_correlation(
                lengths[:, at],
                surprisal[:, at],
                [log_frequency[:, at]],
                documents,
                n_resamples=n_resamples,
                seed=seed,
            )
            ends, partial_ends = own.ends(BOUNDS), partial.ends(BOUNDS)
            sizes = lengths[:, at].size, len(np.unique(documents))
            about = (layer, part, begin, stop - 1)
            rows.append((*about, own.value, *ends, *held[1:], partial.value, *partial_ends, *sizes))
    columns = [
        "layer", "part", "first", "last", "rho", "low", "high", "null", "null_high", "p", "partial", "partial_low",
        "partial_high", "n", "documents",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns), curves


def _check(norms: np.ndarray, surprisal: np.ndarray, documents: np.ndarray) -> None:
    if norms.shape != surprisal.shape or len(norms) != len(documents):
        raise UserError(
            f"Lengths of shape {norms.shape}, surprisals of shape {surprisal.shape} and {len(documents)} documents do "
            "not fit together: leave out position 0, which has neither, and give one document per window."
        )
    for name, values in (("length of r", norms), ("surprisal", surprisal)):
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            window, at = wrong[0]
            raise UserError(f"The {name} of window {window} at position {at + 1} is {values[window, at]}.")
