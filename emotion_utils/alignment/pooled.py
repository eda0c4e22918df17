"""All pairs of models tested at once: every model's rows are put into an order of its own, in every pair the same.

Pairs share models, so that a count of small p values is no test. The mean over the pairs is one, if the null knows
which pairs go together: a draw gives every model one order of its rows, and two models are paired by both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from emotion_utils.alignment.align import Alignment
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL

Pairs = Mapping[tuple[str, str], Alignment]
Orders = Int[np.ndarray, "draw row"]


def model_orders(groups: np.ndarray, names: Sequence[str], n: int, seed: int) -> dict[str, Orders]:
    """Orders of every model's rows, drawn apart; the first leaves them as they are.

    Parameters
    ----------
    groups
        Family of each row; see :func:`emotion_utils.alignment.ridge.permute_pairing`.
    names
        Models.
    n, seed
        Draws.
    """
    seeds = np.random.SeedSequence(seed).generate_state(len(names))
    true = np.arange(len(groups))[None]
    drawn = {name: permute_pairing(groups, n, int(own)) for name, own in zip(names, seeds, strict=True)}
    return {name: np.concatenate([true, orders]) for name, orders in drawn.items()}


def relative_orders(source: Orders, target: Orders) -> Orders:
    """The target's row that each row of the source is paired with, when both models have an order of their own."""
    return np.take_along_axis(target, np.argsort(source, axis=1), axis=1)


def pooled(alignments: Pairs) -> pd.DataFrame:
    """One test per score of all ordered pairs: the mean over the pairs of the score at their best pair of layers.

    Parameters
    ----------
    alignments
        By source and target; a model with itself is left out.

    Returns
    -------
    Columns ``score, value, null, null_high, p, n`` (pairs); the best pair of layers is chosen again in every draw.
    """
    between = [one for (source, target), one in alignments.items() if source != target]
    rows = []
    for score in between[0].scores:
        best = np.mean([one.scores[score].max(axis=(1, 2)) for one in between], axis=0)
        rows.append((score, *against_null(best[0], best[1:]), len(between)))
    return pd.DataFrame(rows, columns=["score", "value", "null", "null_high", "p", "n"])


def by_depth(alignments: Pairs) -> pd.DataFrame:
    """Means over all ordered pairs, layer by layer, on the relative depths that the shallowest model has.

    Parameters
    ----------
    alignments
        As for :func:`pooled`.

    Returns
    -------
    Columns ``score, source_layer, target_layer, source_depth, target_depth, value, null, null_high`` and ``p`` (of
    this place alone); layers are places on those depths.
    """
    between = [one for (source, target), one in alignments.items() if source != target]
    layers = min(max(own) for one in between for own in one.layers) + 1
    grid = (np.arange(layers) + 1) / layers
    rows = []
    for score in between[0].scores:
        means = _on_grid([(one.layers, one.scores[score]) for one in between], grid)
        for i, j in np.ndindex(layers, layers):
            held = against_null(means[0, i, j], means[1:, i, j])
            rows.append((score, i, j, grid[i], grid[j], *held))
    columns = ["score", "source_layer", "target_layer", "source_depth", "target_depth"]
    return pd.DataFrame(rows, columns=[*columns, "value", "null", "null_high", "p"]).dropna(subset="value")


def _on_grid(
    scores: Sequence[tuple[tuple[tuple[int, ...], tuple[int, ...]], np.ndarray]], grid: np.ndarray
) -> np.ndarray:
    """Sums of all cells over their number, (draw, source place, target place), NaN where no layer is near."""
    n = len(grid)
    total, count = np.zeros((len(scores[0][1]), n, n)), np.zeros((n, n))
    for ends, values in scores:
        near = [np.abs(_depth(own)[:, None] - grid).argmin(axis=1) for own in ends]
        for i, j in np.ndindex(values.shape[1:]):
            place = near[0][i], near[1][j]
            total[:, place[0], place[1]] += values[:, i, j]
            count[place] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / np.where(count, count, np.nan))


def _depth(layers: Sequence[int]) -> np.ndarray:
    return (np.array(layers) + 1) / (max(layers) + 1)


def beyond(table: pd.DataFrame) -> pd.Series:
    """Which places of :func:`by_depth` lie above the 95th percentile of wrong pairs."""
    return table["p"] <= LEVEL
