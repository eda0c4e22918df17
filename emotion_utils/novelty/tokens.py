"""Which tokens a predictor did not see coming: the length of r beside what is usual at the layer and the position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.token_types import TYPES
from emotion_utils.statistics.resampling import grouped_mean_interval

NORMAL = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""
CONTEXT = 12
"""Tokens that are shown before one."""
NEVER = "never"


def novelty(norms: Float[np.ndarray, "window position"]) -> Float[np.ndarray, "window position"]:
    """How much longer r is than usual at the same position, in robust standard deviations.

    The median over windows is taken off at each position, and the median absolute deviation stands for the spread, so
    that a few enormous states at the start of a window move nothing but themselves.

    Parameters
    ----------
    norms
        Length of r at positions 1 and later.

    Returns
    -------
    0 at a position where most windows have the same length.
    """
    if len(norms) < 2:
        raise UserError(f"What is usual at a position takes two windows, not {len(norms)}.")
    away = norms - np.median(norms, axis=0)
    spread = NORMAL * np.median(np.abs(away), axis=0)
    return np.where(spread > 0, away / np.where(spread > 0, spread, 1), 0.0)


def relative_length(norms: Float[np.ndarray, "window position"]) -> Float[np.ndarray, "window position"]:
    """Length of r over its median at the layer: 1 is usual."""
    middle = float(np.median(norms))
    if middle <= 0:
        raise UserError(
            "Most residuals have length 0: the predictor knew these states. Look at what it was given."
        )
    return norms / middle


def extremes(
    norms: Float[np.ndarray, "window position"],
    ids: Int[np.ndarray, "window token"],
    surprisal: Float[np.ndarray, "window position"],
    texts: Sequence[str],
    n: int = 10,
) -> pd.DataFrame:
    """The tokens with the most and with the least novelty, at most one of a window on each side.

    Parameters
    ----------
    norms, surprisal
        At positions 1 and later.
    ids
        Token ids at all positions.
    texts
        Of every token of the vocabulary: :func:`emotion_utils.novelty.token_types.token_texts`.
    n
        Of each side.

    Returns
    -------
    Columns ``side`` (most, least), ``token, before`` (the text before it), ``z`` (:func:`novelty`), ``relative``
    (:func:`relative_length`), ``surprisal`` (nats), ``window, position``.
    """
    z, relative = novelty(norms), relative_length(norms)
    rows = []
    for side, best in (("most", z.argmax(axis=1)), ("least", z.argmin(axis=1))):
        values = np.take_along_axis(z, best[:, None], axis=1)[:, 0]
        for window in np.argsort(-values if side == "most" else values, kind="stable")[:n].tolist():
            at = int(best[window])
            told = [text_of(token, texts) for token in ids[window, max(0, at + 1 - CONTEXT) : at + 2]]
            numbers = (float(of[window, at]) for of in (z, relative, surprisal))
            rows.append((side, told[-1], "".join(told[:-1]), *numbers, window, at + 1))
    columns = ["side", "token", "before", "z", "relative", "surprisal", "window", "position"]
    return pd.DataFrame(rows, columns=columns)


def text_of(token: int | np.integer, texts: Sequence[str]) -> str:
    """The text of a token id; that of an id beyond the tokenizer, which some models have room for, is empty."""
    return texts[int(token)] if int(token) < len(texts) else ""


def coloured(
    norms: Float[np.ndarray, "window position"],
    ids: Int[np.ndarray, "window token"],
    texts: Sequence[str],
    window: int,
) -> tuple[list[str], Float[np.ndarray, " token"]]:
    """Tokens of one window and the novelty of each, for the viewer of tokens; the first has none and gets 0."""
    return [text_of(token, texts) for token in ids[window]], np.concatenate([[0.0], novelty(norms)[window]])


def by_type(
    norms: Float[np.ndarray, "window position"],
    types: Int[np.ndarray, "window position"],
    documents: Shaped[np.ndarray, " window"],
    seed: int = 0,
) -> pd.DataFrame:
    """Mean novelty of each type of token.

    Parameters
    ----------
    norms, types
        At positions 1 and later; types from :func:`emotion_utils.novelty.token_types.types_at`.
    documents
        Of each window.
    seed
        Of the bootstrap.

    Returns
    -------
    Columns ``type, z, low, high`` (interval over documents), ``n`` (tokens) and ``documents``; types that occur, the
    most novel first.
    """
    table = _means(novelty(norms), np.asarray(TYPES, dtype=object)[types], documents, "type", seed)
    return table.sort_values("z", ascending=False, kind="stable", ignore_index=True)


def by_frequency(
    norms: Float[np.ndarray, "window position"],
    log_frequency: Float[np.ndarray, "window position"],
    documents: Shaped[np.ndarray, " window"],
    n_bins: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean novelty by how often a token stands in training windows, in bins with about as many tokens each.

    Parameters
    ----------
    norms
        At positions 1 and later.
    log_frequency
        From :func:`emotion_utils.novelty.surprisal_correlation.log_frequencies`.
    documents
        Of each window.
    n_bins
        Bins of tokens that training windows have; those that never occur there are one more.
    seed
        Of the bootstrap.

    Returns
    -------
    As :func:`by_type`, with ``times`` (from ... to ... occurrences), the rarest first.
    """
    times = np.rint(np.expm1(log_frequency)).astype(np.int64)
    seen = times[times > 0]
    edges = np.unique(np.quantile(seen, np.linspace(0, 1, n_bins + 1)[1:-1])) if len(seen) else np.empty(0)
    codes = np.where(times > 0, 1 + np.searchsorted(edges, times, side="left"), 0)
    names = {code: _times(times[codes == code]) for code in np.unique(codes).tolist()}
    labels = np.vectorize(names.get, otypes=[object])(codes)
    table = _means(novelty(norms), labels, documents, "times", seed)
    order = {name: place for place, name in enumerate(names.values())}
    return table.sort_values("times", key=lambda column: column.map(order), kind="stable", ignore_index=True)


def _times(counts: Int[np.ndarray, " token"]) -> str:
    low, high = int(counts.min()), int(counts.max())
    if high == 0:
        return NEVER
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _means(
    values: np.ndarray, labels: np.ndarray, documents: np.ndarray, name: str, seed: int
) -> pd.DataFrame:
    """Mean of the tokens of each label, with its interval over documents."""
    units = np.broadcast_to(np.asarray(documents)[:, None], values.shape)
    rows = []
    for label in pd.unique(labels.ravel()):
        chosen = labels == label
        ends = grouped_mean_interval(values[chosen], units[chosen], seed=seed)
        rows.append((label, values[chosen].mean(), *ends, int(chosen.sum()), len(np.unique(units[chosen]))))
    return pd.DataFrame(rows, columns=[name, "z", "low", "high", "n", "documents"])
