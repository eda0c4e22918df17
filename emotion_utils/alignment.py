"""How much two models have in common: maps fitted on neutral prompts, scored on emotions that they never saw.

Everything is computed for all pairs of layers and for thousands of other pairings of the neutral rows at once. The null
keeps what every pair of models has (spectra, template families, a map fitted to as many rows) and breaks only which row
of one model goes with which row of the other. The best pair of layers is compared with the best pair of every other
pairing, so that looking at many pairs costs what it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from emotion_utils.errors import UserError
from emotion_utils.pairings import Ridge, held_out_hat, permute_pairing, r_squared
from emotion_utils.probing import areas
from emotion_utils.subspaces import emotion_subspace

__all__ = ["PENALTY", "Alignment", "Side", "align"]

PENALTY = 0.1
"""Ridge penalty over the mean eigenvalue: fixed beforehand, since one that is chosen on the true pairing would have to
be chosen again for every other one."""
CHUNK = 64 * 2**20
"""Bytes of images held at once."""


@dataclass(frozen=True, eq=False)
class Side:
    """What is compared of one model, all in float64.

    Attributes
    ----------
    model
        Registry name.
    layers
        Of the first axis of all arrays.
    neutral
        States of neutral prompts, shape (layer, row, d_model).
    groups
        Template family of each row.
    emotional, partners
        By emotion: states of emotional prompts and of their matched neutral ones, shape (layer, prompt, d_model).
    """

    model: str
    layers: tuple[int, ...]
    neutral: Float[np.ndarray, "layer row d_model"] = field(repr=False)
    groups: np.ndarray = field(repr=False)
    emotional: Mapping[str, Float[np.ndarray, "layer prompt d_model"]] = field(repr=False)
    partners: Mapping[str, Float[np.ndarray, "layer prompt d_model"]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Alignment:
    """Scores of all pairs of layers, and of other pairings of the rows.

    Attributes
    ----------
    source, target
        The two models.
    layers
        Of both.
    scores
        By name (``r2``, ``overlap``, ``probe``): shape (1 + draw, source layer, target layer); the first is the true
        pairing.
    """

    source: str
    target: str
    layers: tuple[tuple[int, ...], tuple[int, ...]]
    scores: Mapping[str, Float[np.ndarray, "draw source target"]] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """One row per score and pair of layers.

        Returns
        -------
        Columns ``source, target, score, source_layer, target_layer, value, null, null_high`` (mean and 95th percentile
        over other pairings) and ``p`` (of this pair of layers alone).
        """
        rows = []
        for name, values in self.scores.items():
            for i, one in enumerate(self.layers[0]):
                for j, other in enumerate(self.layers[1]):
                    ours, null = values[0, i, j], values[1:, i, j]
                    p = (1 + (null >= ours).sum()) / (1 + len(null))
                    numbers = ours, null.mean(), np.quantile(null, 0.95), p
                    rows.append((self.source, self.target, name, one, other, *numbers))
        columns = [
            "source",
            "target",
            "score",
            "source_layer",
            "target_layer",
            "value",
            "null",
            "null_high",
            "p",
        ]
        return pd.DataFrame(rows, columns=columns)

    def best(self, ceiling: Mapping[str, float] | None = None) -> pd.DataFrame:
        """The best pair of layers by each score, against the best pair of every other pairing.

        Parameters
        ----------
        ceiling
            By score: what the same model reaches with itself, where it is known.

        Returns
        -------
        Columns ``source, target, score, source_layer, target_layer, value, null, null_high, p, calibrated``; the last
        is (value - null) / (ceiling - null), with a ceiling of 1 where none is given.
        """
        rows = []
        for name, values in self.scores.items():
            i, j = np.unravel_index(int(values[0].argmax()), values[0].shape)
            ours, null = values[0, i, j], values[1:].reshape(len(values) - 1, -1).max(axis=1)
            top = (ceiling or {}).get(name, 1.0)
            rows.append(
                {
                    "source": self.source,
                    "target": self.target,
                    "score": name,
                    "source_layer": self.layers[0][int(i)],
                    "target_layer": self.layers[1][int(j)],
                    "value": ours,
                    "null": null.mean(),
                    "null_high": np.quantile(null, 0.95),
                    "p": (1 + (null >= ours).sum()) / (1 + len(null)),
                    "calibrated": (ours - null.mean()) / (top - null.mean()),
                }
            )
        return pd.DataFrame(rows)


def align(
    source: Side,
    target: Side,
    k: int = 5,
    n_permutations: int = 999,
    seed: int = 0,
    *,
    penalty: float = PENALTY,
) -> Alignment:
    """Score maps from one model to another, for all pairs of layers and many pairings.

    Three scores: ``r2``, held-out on neutral rows of other template families; ``overlap`` of the mapped emotion
    subspaces (principal components of emotional minus matched neutral) with the target's own, mean over the emotions;
    ``probe``, the area under the curve with which the mapped emotion vectors tell the target's emotional prompts from
    their partners, mean over the emotions.

    Parameters
    ----------
    source, target
        With the same neutral prompts in the same order; widths and depths may differ.
    k
        Dimensions of the subspaces.
    n_permutations, seed
        Of the pairing.
    penalty
        Of the ridge map.

    Raises
    ------
    UserError
        Where the two have not the same rows or emotions.
    """
    if not np.array_equal(source.groups, target.groups) or set(source.emotional) != set(target.emotional):
        raise UserError(
            f"{source.model} and {target.model} were not read on the same prompts: pass the same rows in one order."
        )
    n = source.neutral.shape[1]
    orders = np.concatenate([np.arange(n)[None], permute_pairing(source.groups, n_permutations, seed)])
    shape = len(orders), len(source.layers), len(target.layers)
    scores = {name: np.empty(shape) for name in ("r2", "overlap", "probe")}
    hats = np.stack([held_out_hat(rows, source.groups, penalty) for rows in source.neutral])
    centred = target.neutral - target.neutral.mean(axis=1, keepdims=True)
    scores["r2"] = r_squared(hats, centred @ centred.transpose(0, 2, 1), orders)
    goals = [_goal(target, j, centred[j], k) for j in range(len(target.layers))]
    for i in range(len(source.layers)):
        permuted = _permuted(_duals(source, i, k, penalty), orders)
        for j, goal in enumerate(goals):
            scores["overlap"][:, i, j], scores["probe"][:, i, j] = _transferred(permuted, goal)
    return Alignment(source.model, target.model, (source.layers, target.layers), scores)


@dataclass(frozen=True, eq=False)
class _Goal:
    """One layer of the target, in the coordinates of its neutral rows."""

    rows: Float[np.ndarray, "row r"]
    subspaces: Mapping[str, Float[np.ndarray, "k r"]]
    states: Mapping[str, Float[np.ndarray, "state r"]]
    positive: Mapping[str, Bool[np.ndarray, " state"]]


def _goal(target: Side, layer: int, centred: Float[np.ndarray, "row d"], k: int) -> _Goal:
    """Images of any map lie in the span of the target's neutral rows: what lies outside cannot matter."""
    left, singular, basis = np.linalg.svd(centred, full_matrices=False)
    kept = singular > singular[0] * 1e-10
    left, singular, basis = left[:, kept], singular[kept], basis[kept]
    subspaces, states, positive = {}, {}, {}
    for emotion in sorted(target.emotional):
        own, partner = target.emotional[emotion], target.partners[emotion][layer]
        subspaces[emotion] = emotion_subspace(own[layer], partner, k) @ basis.T
        states[emotion] = np.concatenate([own[layer], partner]) @ basis.T
        positive[emotion] = np.arange(2 * len(partner)) < len(partner)
    return _Goal(left * singular, subspaces, states, positive)


def _duals(source: Side, layer: int, k: int, penalty: float) -> dict[str, Float[np.ndarray, "k_plus_1 row"]]:
    """By emotion: what turns target rows into the images of the subspace and, last, of the emotion vector."""
    fitted = Ridge.fit(source.neutral[layer], penalty)
    out = {}
    for emotion in sorted(source.emotional):
        own, partner = source.emotional[emotion], source.partners[emotion][layer]
        vector = (own[layer] - partner).mean(axis=0, keepdims=True)
        directions = np.concatenate([emotion_subspace(own[layer], partner, k), vector])
        out[emotion] = fitted.dual(directions, vectors=True)
    return out


def _permuted(
    duals: Mapping[str, Float[np.ndarray, "k_plus_1 row"]], orders: Int[np.ndarray, "draw row"]
) -> Float[np.ndarray, "draw image row"]:
    """The duals of all emotions with their columns where each pairing puts them: permuting Y would move far more."""
    stacked = np.concatenate(list(duals.values()))  # (emotion x (k + 1), row)
    return stacked[:, np.argsort(orders, axis=1)].transpose(1, 0, 2)


def _transferred(
    permuted: Float[np.ndarray, "draw image row"], goal: _Goal
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """Overlap and probe of every pairing, mean over the emotions."""
    overlaps, probes = np.zeros(len(permuted)), np.zeros(len(permuted))
    emotions, size = list(goal.subspaces), permuted.shape[1] // len(goal.subspaces)
    step = max(1, CHUNK // (permuted.shape[1] * goal.rows.shape[1] * 8))
    for start in range(0, len(permuted), step):
        part = slice(start, start + step)
        images = permuted[part] @ goal.rows  # (draw, emotion x (k + 1), r)
        for i, emotion in enumerate(emotions):
            own = images[:, i * size : (i + 1) * size]
            overlaps[part] += _overlaps(own[:, :-1], goal.subspaces[emotion])
            probes[part] += areas(goal.states[emotion] @ own[:, -1].T, goal.positive[emotion])
    return overlaps / len(emotions), probes / len(emotions)


def _overlaps(
    images: Float[np.ndarray, "draw k r"], goal: Float[np.ndarray, "m r"]
) -> Float[np.ndarray, " draw"]:
    """Overlap of the span of each set of rows with one subspace: tr((M Mᵀ)⁻¹ M Vᵀ V Mᵀ) / min(k, m)."""
    scaled = images / np.linalg.norm(
        images, axis=2, keepdims=True
    )  # rows of one length, for the solver's sake
    crossed = scaled @ goal.T  # (draw, k, m)
    solved = np.linalg.solve(scaled @ scaled.transpose(0, 2, 1), crossed)
    return (solved * crossed).sum(axis=(1, 2)) / min(crossed.shape[1:])
