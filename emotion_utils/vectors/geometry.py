"""Angles, lengths and reliability of emotion vectors, each beside what no emotion would give.

Two nulls say two things:

``no emotion``
    Labels say nothing: at the sentence end all labels are permuted between template families; of the differences
    between an emotion word and the word in its place the signs are flipped, unit by unit. Vectors that share a neutral
    mean, or neutral partners, share their noise: their cosine is then not 0. Where each label stands against all
    others, the vectors push each other apart, and their cosine is below 0.
``one emotion``
    Labels are permuted among the emotional prompts alone: what the cosines would be if the emotions were one. Without a
    reference label these are all prompts, so that this null is the first one and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import norm
from torch import Tensor

from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL, TIE, permutation_p, permute_blocks
from emotion_utils.statistics.power import POWER
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights
from emotion_utils.vectors.contrasts import Contrasts

ALL_PAIRS = "all pairs"
"""What the mean over the pairs of emotions is called, in the column ``pair``."""
MANY = 6
"""Pairs and labels beyond which a page shows averages of all, and some by layer."""


def pairs(emotions: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The pairs of some emotions, in their order."""
    return tuple(combinations(emotions, 2))


def pair_names(emotions: Sequence[str]) -> list[str]:
    """What tables call them."""
    return [" – ".join(pair) for pair in pairs(emotions)]


def _normed(products: np.ndarray) -> np.ndarray:
    """Cosines from inner products of vectors with themselves, shape (..., emotion, emotion)."""
    norms = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return products / (norms[..., :, None] * norms[..., None, :])


def pair_cosines(
    given: Contrasts, weights: Float[np.ndarray, "draw emotion row"]
) -> Float[np.ndarray, "draw pair layer"]:
    """Cosines of the pairs of emotions, in the order of :func:`pairs`."""
    cosine = _normed(given.products(weights))
    first, second = np.triu_indices(len(given.emotions), 1)
    return np.moveaxis(cosine[..., first, second], -1, 1)


def cosines(
    given: Contrasts, n_permutations: int = 199, n_resamples: int = 500, seed: int = 0, *, mean: bool = False
) -> pd.DataFrame:
    """Cosine of each pair of emotion vectors at each layer, with its interval and both nulls.

    Parameters
    ----------
    given
    n_permutations, n_resamples, seed
        Of the nulls and of the bootstrap.
    mean
        Average over the layers, draw by draw: one test per pair instead of one per pair and layer; of three or more
        emotions the last row is the mean over the pairs, called :data:`ALL_PAIRS`.

    Returns
    -------
    Columns ``reading, pair, layer, value, low, high`` (bootstrap over units), ``no_emotion, no_emotion_low,
    no_emotion_high, one_emotion, one_emotion_low, one_emotion_high`` (means and 95 % ranges of the nulls), ``p_no,
    p_one`` (two-sided against the first, "as small as this" against the second), ``least`` (the smallest distance from
    no emotion that is found in four of five cases), ``n, n_units``. Without a reference
    label the columns of the second null are not there. One emotion alone has no pair, and no row.
    """
    draws = {
        "value": given.observed(),
        "bootstrap": given.bootstrap(n_resamples, seed),
        "none": given.no_emotion(n_permutations, seed),
    }
    if given.has_reference:
        draws["one"] = given.one_emotion(n_permutations, seed)
    by_draw = {name: pair_cosines(given, weights) for name, weights in draws.items()}
    if mean:
        by_draw = {name: values.mean(axis=2, keepdims=True) for name, values in by_draw.items()}
    pairs_shown = [*pair_names(given.emotions), *([ALL_PAIRS] if mean and len(given.emotions) > 2 else [])]
    if ALL_PAIRS in pairs_shown:  # one test of what several weak ones ask
        by_draw = {
            name: np.concatenate([values, values.mean(axis=1, keepdims=True)], axis=1)
            for name, values in by_draw.items()
        }
    rows, units = [], effective_units(given.units)
    sizes = {"n": len(given.labels), "n_units": len(set(given.units))}
    for i, pair in enumerate(pairs_shown):
        for k, layer in enumerate(["mean"] if mean else given.layers):
            at = {name: values[:, i, k] for name, values in by_draw.items()}
            about = {"reading": given.place, "pair": pair, "layer": layer}
            rows.append({**about, **_beside_nulls(at, units), **sizes})
    columns = [name for name in COSINES if given.has_reference or name not in ONE_EMOTION]
    return pd.DataFrame(rows, columns=columns)


COSINES = [
    *["reading", "pair", "layer", "value", "low", "high", "no_emotion", "no_emotion_low", "no_emotion_high"],
    *["one_emotion", "one_emotion_low", "one_emotion_high", "p_no", "p_one", "least", "n", "n_units"],
]
ONE_EMOTION = ("one_emotion", "one_emotion_low", "one_emotion_high", "p_one")


def _beside_nulls(at: Mapping[str, np.ndarray], units: float) -> dict[str, float]:
    """One cosine with its interval and its nulls, from its draws."""
    (ours,), null = at["value"], at["none"]
    centre = null.mean()
    low, high = np.clip(interval(at["bootstrap"], units, float(ours)), -1, 1)
    row = {"value": ours, "low": low, "high": high, "no_emotion": centre}
    row["no_emotion_low"], row["no_emotion_high"] = interval(null)
    away, null_away = _distance(ours, centre), _distance(null, centre)
    row["p_no"] = float(permutation_p(away, null_away))
    row["least"] = _least_found(null_away, at["bootstrap"])
    if "one" in at:
        row["one_emotion"], row["p_one"] = at["one"].mean(), float(permutation_p(-ours, -at["one"]))
        row["one_emotion_low"], row["one_emotion_high"] = interval(at["one"])
    return row


def _distance(values: np.ndarray | float, centre: float) -> np.ndarray:
    """How far cosines lie from one; 0 where only rounding parts them, as between the vectors of two labels."""
    away = np.abs(np.asarray(values, dtype=np.float64) - centre)
    return np.where(away <= TIE, 0.0, away)


def _least_found(null: Float[np.ndarray, " draw"], drawn: Float[np.ndarray, " resample"]) -> float:
    """The smallest true distance whose estimate passes the null's 95th percentile with a power of 80 %.

    Parameters
    ----------
    null
        Distances without emotion.
    drawn
        Bootstrap draws of the estimate, for its standard error.
    """
    return float(np.quantile(null, 1 - LEVEL) + norm.ppf(POWER) * np.nanstd(drawn))


def of_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of single pairs in :func:`cosines`."""
    return table[table["pair"] != ALL_PAIRS]


def of_all_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the mean over all pairs in :func:`cosines`, or those of the only pair."""
    pooled = table[table["pair"] == ALL_PAIRS]
    return pooled if len(pooled) else table


def strongest(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """The rows of :func:`cosines` that lie furthest from no emotion, the furthest first; all in their order if few."""
    table = of_pairs(table)
    far = (table["value"] - table["no_emotion"]).abs().sort_values(ascending=False, kind="stable")
    return table if len(table) <= n else table.loc[far.index[:n]]


def mean_cosine_draws(given: Contrasts, n_resamples: int, seed: int) -> tuple[float, np.ndarray]:
    """Mean cosine over pairs and layers, and its bootstrap draws; equal sets of units are resampled alike."""
    value = float(pair_cosines(given, given.observed()).mean())
    drawn = unit_weights(given.units, n_resamples, np.random.default_rng(seed))
    weights = np.stack([given.weights(given.labels, counts) for counts in drawn])
    return value, pair_cosines(given, np.nan_to_num(weights)).mean(axis=(1, 2))


def lengths(
    given: Contrasts,
    scale: Float[np.ndarray, " layer"],
    n_permutations: int = 199,
    n_resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Length of each emotion vector at each layer, raw and in units of the residual norm, beside its null.

    Parameters
    ----------
    given
    scale
        Mean norm of the residual stream at the rows that vectors are made from, by layer.

    Returns
    -------
    Columns ``reading, emotion, layer, l1, l2, scale, relative, low, high`` (of the relative L2 length), ``null,
    null_high`` (mean and 95th percentile without emotion).
    """

    def relative(weights: np.ndarray) -> Float[np.ndarray, "draw layer emotion"]:
        squared = np.diagonal(given.products(weights), axis1=-2, axis2=-1)
        return np.sqrt(np.maximum(squared, 0)) / scale[:, None]

    ours = given.vectors(given.observed())[0]  # (emotion, layer, d_model)
    value, drawn, null = (
        relative(weights)
        for weights in (
            given.observed(),
            given.bootstrap(n_resamples, seed),
            given.no_emotion(n_permutations, seed),
        )
    )
    rows, units = [], effective_units(given.units)
    for i, emotion in enumerate(given.emotions):
        for k, layer in enumerate(given.layers):
            l1, l2 = float(np.abs(ours[i, k]).sum()), float(np.linalg.norm(ours[i, k]))
            low, high = interval(drawn[:, k, i], units, float(value[0, k, i]))
            held = against_null(value[0, k, i], null[:, k, i])
            ends = max(low, 0.0), high, held.null, held.null_high
            rows.append((given.place, emotion, layer, l1, l2, scale[k], held.value, *ends))
    columns = ["reading", "emotion", "layer", "l1", "l2", "scale", "relative", "low", "high", "null"]
    return pd.DataFrame(rows, columns=[*columns, "null_high"])


def halves(given: Contrasts, n: int = 100, seed: int = 0) -> pd.DataFrame:
    """Split-half reliability: cosine between vectors from disjoint halves of the units.

    Returns
    -------
    Columns ``reading, emotion, layer, value, low, high`` (mean and 95 % range over splits), ``other`` (mean cosine
    with the other emotions' vectors of the other half, which a specific vector has to exceed), ``lead_low`` (2.5 %
    point of the difference) and ``null`` (the same with labels permuted before the split). One emotion alone has no
    others.
    """
    columns = ["reading", "emotion", "layer", "value", "low", "high", "other", "lead_low", "null"]
    agreement = _between(given, *given.split(n, seed))
    if not len(agreement):
        return pd.DataFrame(columns=columns)
    rng = np.random.default_rng(seed)
    shuffled = [permute_blocks(given.labels, given.blocks, rng) for _ in range(max(n // 5, 5))]
    null = np.concatenate(
        [_between(given, *given.split(2, seed + i, labels)) for i, labels in enumerate(shuffled)]
    )
    rows = []
    for i, emotion in enumerate(given.emotions):
        others = [j for j in range(len(given.emotions)) if j != i]
        for k, layer in enumerate(given.layers):
            same = agreement[:, k, i, i]
            cross = agreement[:, k, i, others].mean(axis=1) if others else np.full(len(same), np.nan)
            spread = same.mean(), *interval(same), cross.mean(), interval(same - cross)[0]
            rows.append((given.place, emotion, layer, *spread, null[:, k, i, i].mean()))
    return pd.DataFrame(rows, columns=columns)


def _between(
    given: Contrasts, one: np.ndarray, two: np.ndarray
) -> Float[np.ndarray, "draw layer emotion emotion"]:
    """Cosines of the vectors of one half with those of the other."""
    norms = [np.sqrt(np.diagonal(given.products(half), axis1=-2, axis2=-1)) for half in (one, two)]
    return given.products(one, two) / np.maximum(norms[0][..., :, None] * norms[1][..., None, :], 1e-300)


def residual_scale(states: Float[Tensor, "read layer d_model"]) -> Float[np.ndarray, " layer"]:
    """Mean norm of states by layer."""
    return states.norm(dim=-1).double().mean(dim=0).numpy()
