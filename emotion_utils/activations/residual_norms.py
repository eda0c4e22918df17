"""How long the residual stream is, by layer and position, and what attention and the MLP add to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from emotion_utils.activations.extraction import points
from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.errors import UserError
from emotion_utils.core.layers import FEW, layers_in_words
from emotion_utils.models.hooks import HookPoint
from emotion_utils.statistics.resampling import grouped_mean_interval, resampling_units

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

NORMS = ("resid_pre", "attn_out", "mlp_out", "resid_post")
FEWEST = 10
"""A position that fewer prompts have is left out of the map."""
SINK = 2.0
"""Times as long as later positions: what the text calls a sink."""


def token_norms(model: Model, prompts: pd.DataFrame) -> pd.DataFrame:
    """Euclidean norms at every token of every prompt, special tokens included.

    Parameters
    ----------
    model
    prompts
        With ``id`` and ``text``.

    Returns
    -------
    One row per prompt, layer and position, columns ``id, row`` (of the prompt), ``layer, position, resid_pre, attn_out,
    mlp_out, resid_post`` and ``update`` (norm of resid_post - resid_pre), in float32.

    Raises
    ------
    UserError
        Where a norm is not finite, with the layer and the prompt.
    """
    where, parts = points(model, NORMS), []
    for rows, lengths, caught in forward_batches(model, model.encode(prompts["text"].tolist()).ids, where):
        real = np.arange(int(lengths.max())) < lengths[:, None]  # (row, position)
        row, position = real.nonzero()
        for layer in range(model.n_layers):
            hidden = {kind: caught[HookPoint(layer, kind)].float() for kind in NORMS}
            hidden["update"] = hidden["resid_post"] - hidden["resid_pre"]
            norms = {
                kind: torch.linalg.vector_norm(h, dim=-1).cpu().numpy()[real] for kind, h in hidden.items()
            }
            parts.append(pd.DataFrame({"row": rows[row], "layer": layer, "position": position, **norms}))
    table = pd.concat(parts, ignore_index=True).sort_values(["row", "layer", "position"], ignore_index=True)
    table.insert(0, "id", prompts["id"].to_numpy()[table["row"]])
    bad = ~np.isfinite(table[[*NORMS, "update"]].to_numpy()).all(axis=1)
    if bad.any():
        first = table[bad].iloc[0]
        raise UserError(
            f'A norm at layer {first["layer"]}, token {first["position"]} of the prompt "{first["id"]}" is not finite: '
            "use float32 or bfloat16, or leave the prompt out."
        )
    return table


def norm_map(norms: pd.DataFrame, fewest: int = FEWEST) -> pd.DataFrame:
    """Median norm of the residual stream by layer and position.

    Parameters
    ----------
    norms
        From :func:`token_norms`.
    fewest
        Prompts that a position needs; all positions where no prompt set is that large.

    Returns
    -------
    Columns ``layer, position, median, mean, n``.
    """
    groups = norms.groupby(["layer", "position"])["resid_post"]
    table = groups.agg(["median", "mean", "size"]).reset_index().rename(columns={"size": "n"})
    return table[table["n"] >= min(fewest, int(table["n"].max()))].reset_index(drop=True)


def sinks(norms: pd.DataFrame, prompts: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Norm at position 0 and at later positions, by layer, with intervals over template groups.

    Parameters
    ----------
    norms
        From :func:`token_norms` of these prompts.
    prompts
    seed
        Of the bootstrap.

    Returns
    -------
    Columns ``layer, first`` (mean norm at position 0), ``later`` (mean over prompts of the median norm of their later
    tokens), ``later_low, later_high, ratio`` (mean over prompts of their own first / later), ``low, high, n``
    and ``n_groups``.
    """
    units = resampling_units(prompts)
    rows = []
    for layer, own in norms.groupby("layer"):
        first = own[own["position"] == 0].set_index("row")["resid_post"]
        later = own[own["position"] > 0].groupby("row")["resid_post"].median()
        first = first.loc[later.index]
        groups, ratio = units[later.index], (first / later).to_numpy(dtype=float)
        interval, spread = (
            grouped_mean_interval(values, groups, seed=seed) for values in (later.to_numpy(), ratio)
        )
        counts = (len(later), len(set(groups)))
        rows.append((layer, first.mean(), later.mean(), *interval, ratio.mean(), *spread, *counts))
    columns = ["layer", "first", "later", "later_low", "later_high", "ratio", "low", "high", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)


def summarise_sinks(table: pd.DataFrame) -> str:
    """Say in Markdown where position 0 is a sink, from :func:`sinks`."""
    most = table.loc[table["ratio"].idxmax()]
    found = table.loc[table["low"] > SINK, "layer"].tolist()
    listed = f"at {layers_in_words(found)}"
    ends = "" if np.isnan(most["low"]) else f"{most['low']:.1f} to {most['high']:.1f}, "
    growth = float(table["later"].iloc[-1] / table["later"].iloc[0])
    text = (
        f"Position 0 is a sink, more than {SINK:g} times as long as the tokens after it with the whole interval, "
        f"**{listed}**; the ratio is largest at layer {most['layer']:.0f}, **{most['ratio']:.1f}** "
        f"({ends}n = {most['n']:.0f} prompts in {most['n_groups']:.0f} units). "
        f"Later tokens grow from {table['later'].iloc[0]:,.0f} after the first block to {table['later'].iloc[-1]:,.0f} "
        f"after the last, {growth:.1f} times."
    )
    if table["low"].isna().any():
        text += " There are too few units for an interval, so that nothing is said about a sink."
    return text


def update_sizes(norms: pd.DataFrame, prompts: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What attention and the MLP add to the stream, relative to what is there; position 0 left out.

    Each is the mean over prompts of the mean over a prompt's tokens.

    Parameters
    ----------
    norms
        From :func:`token_norms` of these prompts.
    prompts
    seed
        Of the bootstrap.

    Returns
    -------
    Columns ``layer, part, value, low, high, n, n_groups``. ``part`` is ``attention``, ``MLP`` or ``both`` (norm of what
    is added / norm of the stream before the block; ``both`` is their sum as vectors) or ``attention share`` (norm of
    attention / sum of the two norms).
    """
    units = resampling_units(prompts)
    later = norms[norms["position"] > 0]
    parts = pd.DataFrame(
        {
            "attention": later["attn_out"] / later["resid_pre"],
            "MLP": later["mlp_out"] / later["resid_pre"],
            "both": later["update"] / later["resid_pre"],
            "attention share": later["attn_out"] / (later["attn_out"] + later["mlp_out"]),
        }
    )
    means = parts.groupby([later["layer"], later["row"]]).mean()
    rows = []
    for layer, own in means.groupby(level=0):
        groups = units[own.index.get_level_values("row")]
        for part in parts:
            values = own[part].to_numpy(dtype=float)
            low, high = grouped_mean_interval(values, groups, seed=seed)
            rows.append((layer, part, values.mean(), low, high, len(values), len(set(groups))))
    return pd.DataFrame(rows, columns=["layer", "part", "value", "low", "high", "n", "n_groups"])


def summarise_updates(table: pd.DataFrame) -> str:
    """Say in Markdown which part adds more, from :func:`update_sizes`."""
    wide = table.pivot(index="layer", columns="part", values="value")
    shares = table[table["part"] == "attention share"].set_index("layer")
    sure = shares[(shares["low"] > 0.5) | (shares["high"] < 0.5)]
    part = pd.Series(np.where(sure["value"] > 0.5, "attention", "the MLP"), sure.index)
    clear = [f"{what} at layer {layer}" for layer, what in part.items()]
    if len(clear) > FEW:
        clear = [f"{what} at {layers_in_words(own)}" for what, own in part.groupby(part).groups.items()]
    largest = int(wide["both"].idxmax())
    return (
        "The larger part, with the whole interval on its side of one half: "
        f"{', '.join(clear) or 'neither at any layer'}. "
        f"The block that changes the stream most is **layer {largest}**: what it adds is "
        f"{wide['both'].max():.1f} times as long as what it finds. Lengths say nothing of direction: the two parts "
        f"together are {wide['both'].min():.2f} to {wide['both'].max():.2f} times the stream, their lengths added up "
        f"{(wide['attention'] + wide['MLP']).min():.2f} to {(wide['attention'] + wide['MLP']).max():.2f} times."
    )
