"""Alignments layer by layer over many pairs of models: the mean pair, and whether equal depth is better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["at_equal_depth", "mean_table"]


def _grid(axes: Sequence[pd.Series]) -> np.ndarray:
    """Relative depths of the shallowest model."""
    layers = min(int(axis.max()) for axis in axes) + 1
    return (np.arange(layers) + 1) / layers


def _depth(layers: pd.Series) -> pd.Series:
    return (layers + 1) / (layers.max() + 1)


def mean_table(tables: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    """Means over pairs of models, on the relative depths that the shallowest model has.

    Parameters
    ----------
    tables
        From :meth:`emotion_utils.alignment.Alignment.table`, one per pair.
    name
        What to call the models.

    Returns
    -------
    Columns ``source, target, score, source_layer, target_layer, value, null``; layers are places on those depths.
    """
    sides = ("source_layer", "target_layer")
    grid = _grid([table[side] for table in tables for side in sides])
    parts = []
    for table in tables:
        depth = {side: _depth(table[side]).to_numpy() for side in sides}
        nearest = {side: np.abs(d[:, None] - grid).argmin(axis=1) for side, d in depth.items()}
        parts.append(table[["score", "value", "null"]].assign(**nearest))
    found = pd.concat(parts).groupby(["score", *sides], sort=False)[["value", "null"]].mean().reset_index()
    return found.assign(source=name, target=name)[["source", "target", "score", *sides, "value", "null"]]


def at_equal_depth(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Value minus null at equal relative depth and elsewhere.

    Parameters
    ----------
    tables
        From :meth:`emotion_utils.alignment.Alignment.table`, one per pair.

    Returns
    -------
    One row per pair and score: ``pair, score, equal, elsewhere, difference``.
    """
    out = []
    for pair, table in enumerate(tables):
        depths = [_depth(table[side]) for side in ("source_layer", "target_layer")]
        width = 0.5 / (1 + table[["source_layer", "target_layer"]].max().max())
        excess = (table["value"] - table["null"]).groupby(
            [table["score"], (depths[0] - depths[1]).abs() < width], sort=False
        )
        for score, own in excess.mean().unstack().iterrows():
            out.append((pair, score, own[True], own[False], own[True] - own[False]))
    return pd.DataFrame(out, columns=["pair", "score", "equal", "elsewhere", "difference"])
