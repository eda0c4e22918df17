"""How long real models' vectors are, and what the published score becomes with a target as long as theirs.

Only families are at hand: neither GPT-2 nor Gemma 3 12B itself. What is said here of the reports' order is therefore an
account of how it can come about, and no measurement of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import spearmanr

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import read_claims
from emotion_utils.wider.claims import MODELS
from emotion_utils.wider.lengths import Sweep

FAMILIES = {"llama3-8b": "Llama 3.1 8B", "qwen3-8b": "Qwen3 8B", "gemma3-12b": "Gemma 3 270M"}
"""The reports' wider models, and whose lengths stand for them."""


def real_lengths(
    sets: Mapping[str, tuple[Sequence[int], Float[np.ndarray, "_ _ _"]]],
) -> pd.DataFrame:
    """How long the vectors of emotions are, after the mean over the emotions is taken away, by model and layer.

    Parameters
    ----------
    sets
        By model: its layers and its vectors, shape (layer, emotion, d_model), in units of its residual stream.

    Returns
    -------
    Columns ``model, layer, low, median, high`` (over the emotions) and ``n`` (emotions).

    Raises
    ------
    UserError
        For fewer than two emotions, layers that are not those of the vectors, and values that are not finite.
    """
    out = []
    for model, (layers, values) in sets.items():
        vectors = np.asarray(values, dtype=np.float64)
        if len(layers) != len(vectors) or vectors.shape[1] < 2 or not np.isfinite(vectors).all():
            raise UserError(
                f"The vectors of {model} have the shape {vectors.shape} for {len(layers)} layers: pass finite ones of "
                "at least two emotions at each layer."
            )
        sizes = np.linalg.norm(vectors - vectors.mean(axis=1, keepdims=True), axis=2)
        ends = np.quantile(sizes, [0, 0.5, 1], axis=1).T
        out += [(model, layer, *own, vectors.shape[1]) for layer, own in zip(layers, ends, strict=True)]
    return pd.DataFrame(out, columns=["model", "layer", "low", "median", "high", "n"])


class Ordering(NamedTuple):
    """The reports' scores after the map beside the lengths of the models' families.

    Attributes
    ----------
    table
        Columns ``claim, report`` (mean score after the map), ``lengths_of, shortest, longest, middle`` (medians of
        layers: least, largest and their median), from the highest score.
    correlation
        Of ranks, score with ``middle``.
    p, least
        Share of all orders of the lengths that are as contrary, and the smallest share that there can be.
    apart
        Whether the ranges over the layers do not overlap.
    """

    table: pd.DataFrame
    correlation: float
    p: float
    least: float
    apart: bool


def ordering(lengths: pd.DataFrame, families: Mapping[str, str] | None = None) -> Ordering:
    """Ask whether the reports' scores fall as the lengths of the models' families grow.

    Three models have six orders, so that p is 1/6 at best: the order alone decides nothing. What decides is the
    score over all lengths, :func:`emotion_utils.wider.lengths.sweep`.

    Parameters
    ----------
    lengths
        From :func:`real_lengths`.
    families
        By the report's model, whose lengths stand for it; by default :data:`FAMILIES`.

    Raises
    ------
    UserError
        For a model whose lengths are not there.
    """
    table = _families(lengths, families)
    correlation = float(spearmanr(table["report"], table["middle"]).statistic)
    drawn = np.array([spearmanr(table["report"], order).statistic for order in permutations(table["middle"])])
    share, least = (float((drawn <= value + 1e-9).mean()) for value in (correlation, drawn.min()))
    by_length = table.sort_values("shortest")
    apart = bool((by_length["longest"].to_numpy()[:-1] < by_length["shortest"].to_numpy()[1:]).all())
    return Ordering(table, correlation, share, least, apart)


def _families(lengths: pd.DataFrame, families: Mapping[str, str] | None) -> pd.DataFrame:
    """The reports' mean scores after the map, from the highest, with the lengths that stand for each model."""
    reports = read_claims().set_index("id")["lo"]
    rows = []
    for model, other in (families or FAMILIES).items():
        own = lengths.loc[lengths["model"] == other, "median"]
        if model not in MODELS or own.empty:
            raise UserError(
                f"There are no lengths of {other} for {model}: give those of {', '.join(FAMILIES.values())}."
            )
        claim = f"P8.{model}.mean.after"
        rows.append((claim, float(reports[claim]), other, own.min(), own.max(), own.median()))
    columns = ["claim", "report", "lengths_of", "shortest", "longest", "middle"]
    return pd.DataFrame(rows, columns=columns).sort_values("report", ascending=False, ignore_index=True)


def at_real_lengths(
    found: Sweep, lengths: pd.DataFrame, own: float, families: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """What the published score of a sweep is where its target is as long as the reports' models or their families.

    Parameters
    ----------
    found
        From :func:`emotion_utils.wider.lengths.sweep`.
    lengths
        From :func:`real_lengths`.
    own
        Length of the sweep's target at its layer, as in ``lengths``.
    families
        As of :func:`ordering`.

    Returns
    -------
    One row per report's model, from the highest score: ``claim, report, lengths_of, factor_low, factor_high`` (of the
    target), ``after_low, after_high`` and ``permuted_low, permuted_high`` (score of true pairs and mean of wrong ones,
    lowest and highest over these factors, straight lines between the logarithms; NaN beyond the factors that were
    tried) and ``inside`` (whether the report's value lies between the ends of true pairs; None with NaN).

    Raises
    ------
    UserError
        For a length that is not above 0, and a model whose lengths are not there.
    """
    if not own > 0:
        raise UserError(f"The target's own length is {own}: give the one of its layer, above 0.")
    rows = []
    for row in _families(lengths, families).itertuples(index=False):
        factors = row.shortest / own, row.longest / own
        true, wrong = (
            _between(found.factors, values, factors)
            for values in (found.published[0], found.published[1:].mean(axis=0))
        )
        known = not np.isnan([*true, *wrong]).any()
        inside = bool(true[0] <= row.report <= true[1]) if known else None
        rows.append((row.claim, row.report, row.lengths_of, *factors, *true, *wrong, inside))
    columns = ["claim", "report", "lengths_of", "factor_low", "factor_high", "after_low", "after_high"]
    table = pd.DataFrame(rows, columns=[*columns, "permuted_low", "permuted_high", "inside"])
    return table.astype({"inside": object})


def _between(
    factors: Sequence[float], values: Float[np.ndarray, " factor"], ends: tuple[float, float]
) -> tuple[float, float]:
    """Lowest and highest value between two factors; scores fall as the factor grows."""
    order = np.argsort(factors)
    known = np.log(np.array(factors)[order]), np.log(values[order])
    high, low = np.exp(np.interp(np.log(ends), *known, left=np.nan, right=np.nan))
    return float(low), float(high)
