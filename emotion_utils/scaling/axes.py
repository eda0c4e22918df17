"""Axes of emotion in a set of vectors, and whether an emotion that was left out finds its place in another model.

An axis is a difference of means between two groups of emotions. Each emotion is projected on the axis that was made
without it, so that no emotion votes for itself; the groups are those of the stories' clusters, given from outside. A
map from one set to another is made without an emotion as well, and must then bring that emotion next to its own vector
among all. Every score is judged by permuted labels, with the largest over layers in each permutation.

The separation along the first principal component of vectors as they are is shown beside these: it follows the length
of the vectors, and so the model's unit and not its geometry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from emotion_utils.alignment.align import PENALTY
from emotion_utils.alignment.maps import MAPS
from emotion_utils.alignment.ridge import Ridge
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.scaling.geometry import label_orders, shared_emotions
from emotion_utils.scaling.published import VectorSet
from emotion_utils.statistics.auc import areas, auroc
from emotion_utils.statistics.nulls import against_null

POSITIVE = ("Positive Anchors",)
AROUSED, CALM = ("Fear & Overwhelm", "Hostile Anger"), ("Depleted Disengagement",)
"""High and low arousal as the clusters' names have it: an assignment, not a rating by people."""
PERMUTATIONS = 999
FITS = 99
"""Permutations of a null that fits maps anew."""
PAIRS = 4
"""Pairs of layers at which maps are fitted."""
LEAST = 2
"""Emotions of each side of an axis: one of them is left out."""


class Axis(NamedTuple):
    """Two groups of emotions; others are left out of both."""

    name: str
    high: tuple[str, ...]
    low: tuple[str, ...]


def axes_of(clusters: Mapping[str, Sequence[str]]) -> list[Axis]:
    """Valence (positive anchors against all others) and arousal, as far as there are clusters of these names."""

    def members(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(emotion for name in names for emotion in clusters.get(name, ()))

    others = tuple(name for name in clusters if name not in POSITIVE)
    found = [
        Axis("valence", members(POSITIVE), members(others)),
        Axis("arousal", members(AROUSED), members(CALM)),
    ]
    return [axis for axis in found if min(len(axis.high), len(axis.low)) >= LEAST]


def held_out_axis(
    own: VectorSet, axis: Axis, *, n_permutations: int = PERMUTATIONS, seed: int = 0
) -> dict[str, float | int | str]:
    """How well an axis orders the emotions that were left out of it, at the best layer.

    Returns
    -------
    ``model, axis, layer``, ``value`` (area under the ROC curve over the emotions left out one by one), ``null,
    null_high, p`` (labels permuted, the largest over layers each time) and ``n`` (emotions).

    Raises
    ------
    UserError
        For a side with fewer than two emotions, and an emotion that the set lacks.
    """
    if min(len(axis.high), len(axis.low)) < LEAST:
        raise UserError(
            f"The axis {axis.name} has {len(axis.high)} and {len(axis.low)} emotions: each side needs {LEAST}, one of "
            "them left out."
        )
    values = own.at([*axis.high, *axis.low])
    high = np.arange(values.shape[1]) < len(axis.high)
    labels = high[label_orders(len(high), n_permutations, seed)]  # (draw, emotion)
    scores = np.stack([projections(layer, labels) for layer in values])  # (layer, draw, emotion)
    found = areas(scores.transpose(2, 0, 1), labels.T[:, None])  # (layer, draw)
    top = found.max(axis=0)
    told = against_null(top[0], top[1:])
    layer = own.layers[int(found[:, 0].argmax())]
    return {"model": own.name, "axis": axis.name, "layer": layer, **told._asdict(), "n": len(high)}


def projections(
    vectors: Float[np.ndarray, "emotion d_model"], labels: Bool[np.ndarray, "draw emotion"]
) -> Float[np.ndarray, "draw emotion"]:
    """Each emotion on the axis of all others: its distance from the middle of their two means, along unit length.

    All is made of inner products, so that thousands of labellings cost little.
    """
    gram = vectors @ vectors.T
    n = len(gram)
    kept = 1.0 - np.eye(n)  # (left out, kept)
    high = labels[:, None] * kept
    low = ~labels[:, None] * kept
    high, low = (side / side.sum(axis=2, keepdims=True) for side in (high, low))
    direction = (high - low) @ gram  # (draw, left out, inner product with each emotion)
    length = np.sqrt(np.maximum(((high - low) * direction).sum(axis=2), 1e-300))
    own = np.einsum("dii->di", direction)
    middle = (direction * (high + low) / 2).sum(axis=2)
    found: np.ndarray = (own - middle) / length
    return found


def held_out_emotions(
    one: VectorSet,
    other: VectorSet,
    kind: str = "ridge",
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    n_permutations: int = FITS,
    seed: int = 0,
) -> dict[str, float | int | str]:
    """Whether a map that was fitted without an emotion brings it next to its own vector in the other set.

    Parameters
    ----------
    one, other
        Maps lead from the first to the second.
    kind
        Of `maps.MAPS`, such as ``ridge`` or ``procrustes``.
    pairs
        Of layers, as the sets count them; by default :data:`PAIRS` of like relative depth.
    n_permutations, seed
        Of the null: the labels of the rows that a map is fitted on are permuted, never those of the emotion left out.

    Returns
    -------
    ``one, other, map, layer_one, layer_other`` (the best pair), ``value`` (share of the pairwise choices between the
    emotion left out and each other one that are right, over all left out), ``first`` (share that is nearest to its own
    vector among all), ``null, null_high, p`` (the largest over pairs of layers each time) and ``n``.

    Raises
    ------
    UserError
        For an unknown map, and sets that share too few emotions.
    """
    if kind not in MAPS:
        raise UserError(f'There is no map "{kind}": {suggestion(kind, MAPS)}')
    names = shared_emotions(one, other)
    orders = label_orders(len(names) - 1, n_permutations, seed)
    chosen = list(pairs or like_depths(one, other))
    found = []
    for layer_one, layer_other in chosen:
        a = coordinates(one.at(names)[one.layers.index(layer_one)])
        b = coordinates(other.at(names)[other.layers.index(layer_other)])
        found.append(_choices(a, b, kind, orders))
    right = np.stack([choice.mean(axis=1) for choice in found])  # (pair, draw)
    at = int(right[:, 0].argmax())
    top = right.max(axis=0)
    return {
        "one": one.name,
        "other": other.name,
        "map": MAPS[kind][0],
        "layer_one": chosen[at][0],
        "layer_other": chosen[at][1],
        "first": float((found[at][0] == 1).mean()),
        **against_null(top[0], top[1:])._asdict(),
        "n": len(names),
    }


def held_out_table(pairs: Iterable[tuple[VectorSet, VectorSet]], n_permutations: int) -> pd.DataFrame:
    """Maps with emotions held out, of every pair in both directions, ridge and Procrustes."""
    return pd.DataFrame(
        held_out_emotions(one, other, kind, n_permutations=n_permutations)
        for pair in pairs
        for one, other in (pair, pair[::-1])
        for kind in ("ridge", "procrustes")
    )


def _choices(
    a: Float[np.ndarray, "emotion k"],
    b: Float[np.ndarray, "emotion k_other"],
    kind: str,
    orders: Int[np.ndarray, "draw train"],
) -> Float[np.ndarray, "draw emotion"]:
    """Share of right choices for each emotion left out, under each order of the labels of the fit."""
    n = len(a)
    out = np.empty((len(orders), n))
    for left in range(n):
        train = np.delete(np.arange(n), left)
        goal = b - b[train].mean(axis=0)
        images = _images(a[train], a[[left]], goal[train], kind, orders)  # (draw, k)
        near = images @ (goal / np.maximum(np.linalg.norm(goal, axis=1, keepdims=True), 1e-300)).T
        own, others = near[:, [left]], near[:, train]
        out[:, left] = ((own > others) + 0.5 * (own == others)).mean(axis=1)
    return out


def _images(
    rows: Float[np.ndarray, "train k"],
    point: Float[np.ndarray, "1 k"],
    goal: Float[np.ndarray, "train k_other"],
    kind: str,
    orders: Int[np.ndarray, "draw train"],
) -> Float[np.ndarray, "draw k_other"]:
    """Of a point, under maps to centred rows in each order; a ridge map is linear in them and takes no refit."""
    if kind == "ridge":
        weights = Ridge.fit(rows, PENALTY).dual(point)[0]
        found: np.ndarray = np.einsum("t,dtk->dk", weights, goal[orders])
        return found
    fit = MAPS[kind][1](rows, np.arange(len(rows)))
    return np.stack([fit(goal[order])(point)[0] for order in orders])


def coordinates(vectors: Float[np.ndarray, "emotion d_model"]) -> Float[np.ndarray, "emotion k"]:
    """Vectors in the space that they span, all distances kept, in units of their root mean square length."""
    centred = vectors - vectors.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    found: np.ndarray = left * (singular / np.sqrt((singular**2).sum() / len(vectors)))
    return found[:, : len(vectors) - 1]


def like_depths(one: VectorSet, other: VectorSet, n: int = PAIRS) -> list[tuple[int, int]]:
    """Pairs of layers of like relative depth, spread over the set that has fewer layers."""
    few, many = sorted((one, other), key=lambda own: len(own.layers))
    depths = [_depths(own) for own in (few, many)]
    rows = np.unique(np.linspace(0, len(few.layers) - 1, min(n, len(few.layers))).round().astype(int))
    near = [int(np.abs(depths[1] - depths[0][row]).argmin()) for row in rows]
    found = [(few.layers[row], many.layers[column]) for row, column in zip(rows, near, strict=True)]
    return found if few is one else [(b, a) for a, b in found]


def _depths(own: VectorSet) -> Float[np.ndarray, " layer"]:
    """Relative depths; where the number of blocks is not known, places among the layers of the file."""
    places: np.ndarray = (np.arange(len(own.layers)) + 1) / len(own.layers)
    return own.depths if own.blocks else places


def first_component(sets: Iterable[VectorSet], positive: Sequence[str]) -> pd.DataFrame:
    """Separation of positive emotions from the others along the first principal component, beside lengths.

    Returns
    -------
    One row per model and layer: ``model, layer``, ``length`` (mean length of the emotion vectors as the set has them,
    centred), ``separation`` (distance of the two means along the first component, in the model's own unit),
    ``scale_free`` (the same over the root mean square length) and ``auroc`` (along it, the better direction).
    """
    rows = []
    for own in sets:
        is_positive = np.isin(own.emotions, positive)
        if not 0 < is_positive.sum() < len(is_positive):
            raise UserError(
                f"{own.name} needs some positive emotions and some others: name some of {own.emotions}."
            )
        for layer, vectors in zip(own.layers, own.centred(), strict=True):
            along = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][0]
            apart = abs(float(along[is_positive].mean() - along[~is_positive].mean()))
            lengths = np.linalg.norm(vectors, axis=1)
            area = auroc(along, is_positive)
            rows.append((own.name, layer, float(lengths.mean()), apart,
                         apart / float(np.sqrt((lengths**2).mean())), max(area, 1 - area)))  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "layer", "length", "separation", "scale_free", "auroc"])


def follows_length(sets: Sequence[VectorSet], positive: Sequence[str]) -> pd.DataFrame:
    """How the scores of :func:`first_component` go with the length of the vectors, over models and layers.

    Returns
    -------
    One row per score: ``score, r`` (Pearson, with the mean length), ``r_log`` (of the logarithms), ``tenfold`` (by
    which factor the score changes, at the layer where it changes most, when all vectors are ten times as long),
    ``layers`` and ``models``. Layers of one model are not independent, so that no p is given.
    """
    table = first_component(sets, positive)
    longer = first_component([replace(own, values=10 * own.values) for own in sets], positive)
    length = table["length"].to_numpy()
    rows = []
    for score in ("separation", "scale_free", "auroc"):
        values, ratios = table[score].to_numpy(), (longer[score] / table[score]).to_numpy()
        r, r_log = pearson(length, values), pearson(np.log(length), np.log(values))
        tenfold = ratios[np.abs(np.log(ratios)).argmax()]
        rows.append((score, r, r_log, float(tenfold), len(table), table["model"].nunique()))
    return pd.DataFrame(rows, columns=["score", "r", "r_log", "tenfold", "layers", "models"])


def pearson(x: Float[np.ndarray, " row"], y: Float[np.ndarray, " row"]) -> float:
    """Correlation; NaN where one of the two does not vary."""
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) and np.ptp(y) else float("nan")
