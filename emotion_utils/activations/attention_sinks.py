"""Where heads look: attention patterns of a prompt, and the share of attention that goes to the first token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.activations.extraction import points
from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.emotions import labels_of
from emotion_utils.core.errors import listing
from emotion_utils.models.hooks import HookPoint
from emotion_utils.statistics.resampling import grouped_mean_interval, resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

SHOWN = 4
"""Prompts whose patterns are drawn, at most."""


def token_texts(model: Model, text: str) -> list[str]:
    """The tokens of a text as a reader sees them: slices of the text, a special token by its name."""
    encoded = model.encode([text])
    names = model.tokenizer.convert_ids_to_tokens(encoded.ids[0])
    words, at = [], 0
    for (start, end), name in zip(encoded.spans[0], names, strict=True):
        words.append(text[at:end] if end > start else str(name))
        at = max(at, end)
    return words


def one_of_each(prompts: pd.DataFrame, model: Model, most: int = SHOWN) -> pd.DataFrame:
    """The shortest prompt of each emotion, the first of those of equal length.

    Of more than ``most`` emotions, those whose shortest prompts are the shortest.
    """
    lengths = pd.Series([len(ids) for ids in model.encode(prompts["text"].tolist()).ids], prompts.index)
    shortest = [lengths[prompts["emotion"] == e].idxmin() for e in labels_of(prompts)]
    kept = set(lengths[shortest].nsmallest(most).index)
    return prompts.loc[[row for row in shortest if row in kept]]


def summarise_shown(shown: pd.DataFrame, prompts: pd.DataFrame) -> str:
    """Say in Markdown of which emotions a prompt is shown, from :func:`one_of_each`."""
    chosen, labels = shown["emotion"].tolist(), labels_of(prompts)
    if len(chosen) == len(labels):
        return f"Shown is the shortest prompt of {listing(chosen)}."
    return f"Shown are {len(chosen)} of {len(labels)} labels, those that have the shortest prompts: {listing(chosen)}."


def pattern(model: Model, text: str, layer: int) -> tuple[list[str], Float[np.ndarray, "head query key"]]:
    """Tokens of a text and the attention pattern of each head of a layer."""
    point = HookPoint(layer, "pattern")
    _, _, caught = next(forward_batches(model, model.encode([text]).ids, [point]))
    return token_texts(model, text), caught[point][0].float().cpu().numpy()


def sink_shares(
    model: Model,
    prompts: pd.DataFrame,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of a head's attention that goes to the first token, by layer and head.

    Of each prompt, the mean over its queries from position 1 on; then the mean over prompts.

    Parameters
    ----------
    model
    prompts
    n_resamples, seed
        Of the bootstrap over units.

    Returns
    -------
    Columns ``layer, head, share, low, high, even`` (what attention spread evenly over all keys would give), ``n,
    n_groups``; prompts of one token have no such query and are left out.
    """
    where = points(model, ("pattern",))
    shares = np.full((len(prompts), len(where), model.n_heads), np.nan)
    even = np.full(len(prompts), np.nan)
    for rows, lengths, caught in forward_batches(model, model.encode(prompts["text"].tolist()).ids, where):
        asks = _asks(lengths)  # (prompt, query)
        even[rows] = (asks / (1 + np.arange(asks.shape[1]))).sum(axis=1) / np.maximum(asks.sum(axis=1), 1)
        weights = torch.from_numpy(asks / np.maximum(asks.sum(axis=1, keepdims=True), 1))
        for i, point in enumerate(where):
            first = caught[point][..., 0].double().cpu()  # (prompt, head, query)
            shares[rows, i] = torch.einsum("phq,pq->ph", first, weights).numpy()
        shares[rows[lengths < 2]] = np.nan
    kept = ~np.isnan(shares[:, 0, 0])
    units = resampling_units(prompts)[kept]
    table = []
    for layer, head in np.ndindex(model.n_layers, shares.shape[2]):
        own = shares[kept, layer, head]
        ends = grouped_mean_interval(own, units, n_resamples=n_resamples, seed=seed)
        low, high = np.clip(ends, 0, 1)
        table.append((layer, head, own.mean(), low, high, even[kept].mean(), len(own), len(set(units))))
    return pd.DataFrame(table, columns=["layer", "head", "share", "low", "high", "even", "n", "n_groups"])


def _asks(lengths: np.ndarray) -> np.ndarray:
    """1 for each real query from position 1 on, shape (prompt, query)."""
    query = np.arange(int(lengths.max()))
    return ((query >= 1) & (query < lengths[:, None])).astype(float)


def least_sinking(shares: pd.DataFrame) -> int:
    """The layer whose heads together give the first token the least: there is most else to see."""
    return int(shares.groupby("layer")["share"].mean().idxmin())


def summarise_sink_shares(shares: pd.DataFrame) -> str:
    """Say in Markdown how much attention the first token gets, from :func:`sink_shares`."""
    most, least = shares.loc[shares["share"].idxmax()], shares.loc[shares["share"].idxmin()]
    over, half = int((shares["low"] > shares["even"]).sum()), int((shares["share"] > 0.5).sum())
    sure = (
        "with their whole interval"
        if shares["low"].notna().any()
        else "with an interval (there are too few units)"
    )
    return (
        f"Attention spread evenly would give the first token {most['even']:.0%}. **{over} of {len(shares)} heads** "
        f"give it more {sure}, and {half} more than half of all they have. The extremes are "
        f"{_head(most)} with {most['share']:.0%}{_ends(most)} and {_head(least)} with {least['share']:.0%}"
        f"{_ends(least)}, n = {most['n']:.0f} prompts in {most['n_groups']:.0f} units."
    )


def _ends(row: pd.Series) -> str:
    return "" if np.isnan(row["low"]) else f" ({row['low']:.0%} to {row['high']:.0%})"


def _head(row: pd.Series) -> str:
    return f"L{row['layer']:.0f}H{row['head']:.0f}"


def token_sizes(norms: pd.DataFrame, row: int, layer: int) -> np.ndarray:
    """How large what a block adds is at each token of a prompt, as doublings of the median over all later tokens.

    Parameters
    ----------
    norms
        From `residual_norms.token_norms`.
    row
        Of the prompt.
    layer

    Returns
    -------
    log2(norm / median over positions above 0 of all prompts), shape (position,).
    """
    at_layer = norms[norms["layer"] == layer]
    median = at_layer.loc[at_layer["position"] > 0, "update"].median()
    own = at_layer[at_layer["row"] == row].sort_values("position")["update"]
    return np.log2(own.to_numpy(dtype=float) / float(median))
