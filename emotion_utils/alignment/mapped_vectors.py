"""Emotion vectors of one model in another one: by a map of neutral rows, at the same depth, and as long as its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from emotion_utils.alignment.maps import MAPS, Affine, Kernel
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.emotions import REFERENCE
from emotion_utils.core.errors import UserError
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import SteeringSetting

MAPPED_BY = ("nested", "procrustes")
"""Kinds of map, keys of `maps.MAPS`. The penalty of ridge is chosen again for every pairing."""
MAPPED, WRONG_PAIRS = "mapped vector", "map of wrong pairs"
OTHER, BLIND, ITSELF = "another emotion, mapped", "blind source, mapped", "own vector, mapped to itself"
MAP_ARMS = (MAPPED, WRONG_PAIRS, OTHER, BLIND, ITSELF)
"""What stands under each kind of map; the last is what a map from the target to itself leaves of its own vector."""
ROUNDING = 1e-12
"""An image that is a smaller share of what the map could make of a vector is none."""


@dataclass(frozen=True, eq=False)
class NeutralRows:
    """States of a model at the end of the neutral prompts of the build split: what maps are fitted on.

    Attributes
    ----------
    ids
        Of the prompts.
    groups
        What is resampled together, by row.
    values
        Of every layer, float64.
    """

    ids: Sequence[str] = field(repr=False)
    groups: np.ndarray = field(repr=False)
    values: Float[np.ndarray, "row layer d_model"] = field(repr=False)


def neutral_rows(steered: SteeredModel) -> NeutralRows:
    """The neutral prompts that a model was read on for its vectors, those of both prompt sets, each once."""
    parts, values = [], []
    for name, contrasts in (("implicit", steered.built), ("keywords", steered.named)):
        for contrast in contrasts.values():
            kept = np.flatnonzero(contrast.prompts["emotion"] == REFERENCE)
            about = contrast.prompts.iloc[kept]
            parts.append(pd.DataFrame({"id": about["id"], "group": [f"{name}/{u}" for u in about["unit"]]}))
            values.append(contrast.values[torch.from_numpy(kept)].double().numpy())
    table = pd.concat(parts, ignore_index=True)
    first = ~table["id"].duplicated().to_numpy()
    groups = table["group"].to_numpy(dtype=object)[first]
    return NeutralRows(table["id"][first].tolist(), groups, np.concatenate(values)[first])


def layer_at_same_depth(layer: int, n_layers: int, n_source: int) -> int:
    """The source's layer nearest to the relative depth of a target's layer, the earlier one of two as near.

    >>> layer_at_same_depth(17, 18, 30), layer_at_same_depth(1, 4, 30)
    (29, 14)
    """
    depths = (np.arange(n_source) + 1) / n_source
    return int(np.abs(depths - (layer + 1) / n_layers).argmin())


def map_images(
    vectors: Float[np.ndarray, "vector d_source"],
    rows: Float[np.ndarray, "row d_source"],
    goal: Float[np.ndarray, "row d_target"],
    groups: np.ndarray,
    kind: str,
    orders: Int[np.ndarray, "draw row"],
) -> Float[np.ndarray, "draw vector d_target"]:
    """Directions of one model in another one, of length 1, by a map that is fitted anew to every pairing.

    Parameters
    ----------
    vectors
        Differences of states: the linear part of a map alone acts on them.
    rows, goal, groups
        Paired states of the source and of the target, and what keeps together among them.
    kind
        A key of `maps.MAPS` whose maps are affine.
    orders
        The target's row of each place.

    Raises
    ------
    UserError
        For a vector that a map makes nothing of, a map without a linear part, and what the maps refuse.
    """
    fitter = MAPS[kind][1](rows, groups)
    maps = (_linear_part(fitter(goal[order]), kind) for order in orders)
    found, reach = zip(*((vectors @ linear, np.linalg.norm(linear)) for linear in maps), strict=True)
    lengths = np.linalg.norm(found, axis=-1, keepdims=True)
    rounding = ROUNDING * np.outer(reach, np.linalg.norm(vectors, axis=1))
    if not (lengths[..., 0] > rounding).all():
        raise UserError(
            f"The map ({MAPS[kind][0]}) makes nothing of a vector: its direction does not occur among the {len(rows)} "
            "neutral rows that it was fitted on. Take more neutral prompts, or another layer."
        )
    return np.asarray(np.stack(found) / lengths)


def _linear_part(fitted: Affine | Kernel, kind: str) -> Float[np.ndarray, "d_source d_target"]:
    if isinstance(fitted, Kernel):
        raise UserError(
            f"The map ({MAPS[kind][0]}) has no linear part, which is what acts on a vector: take one of "
            f"{', '.join(MAPPED_BY)}."
        )
    return fitted.coefficients


def mapped_settings(
    source: SteeredModel, target: SteeredModel, native: SteeringSetting, wrong_pairs: int, seed: int
) -> list[SteeringSetting]:
    """The source's vectors in the place of the target's own one: by every kind of map, and by maps of wrong pairs.

    Parameters
    ----------
    source, target
        Read on the same prompts.
    native
        What the target chose for an emotion: layer, kind of vector, window, strength and length are kept.
    wrong_pairs
        Maps whose rows are paired at random, template families kept together.
    seed
        Of the pairing.

    Returns
    -------
    Settings whose ``kind`` is from :func:`kind_of`: :data:`MAPPED`, :data:`OTHER` (the vectors of the other emotions,
    by the true map) and :data:`WRONG_PAIRS`.

    Raises
    ------
    UserError
        Where the models were not read on the same prompts, or the source lacks the emotion or the kind of vector.
    """
    one, other = neutral_rows(source), neutral_rows(target)
    _check(source, target, native, one.ids == other.ids)
    layer = layer_at_same_depth(native.layer, len(target.layers), len(source.layers))
    emotions = [native.emotion, *(e for e in target.emotions if e != native.emotion)]
    vectors = np.stack([source.vectors[native.made][e].at(layer).double().numpy() for e in emotions])
    true = np.arange(len(one.ids))[None]
    orders = np.concatenate([true, permute_pairing(one.groups, wrong_pairs, seed)])
    settings = []
    for name in MAPPED_BY:
        goal = other.values[:, native.layer]
        found = map_images(vectors, one.values[:, layer], goal, one.groups, name, orders)
        arms = {MAPPED: found[0, :1], OTHER: found[0, 1:], WRONG_PAIRS: found[1:, 0]}
        settings += [
            replace(
                native, vector=_as_long(target, native, direction), kind=kind_of(name, arm), number=number
            )
            for arm, directions in arms.items()
            for number, direction in enumerate(directions)
        ]
    return settings


def _check(source: SteeredModel, target: SteeredModel, native: SteeringSetting, same: bool) -> None:
    pair = f"{source.name} and {target.name}"
    if not same:
        raise UserError(f"{pair} were not read on the same neutral prompts: prepare both with the same sets.")
    if native.made not in source.vectors or set(source.emotions) != set(target.emotions):
        raise UserError(
            f'{pair} do not have the same emotions and kinds of vectors: the target needs "{native.made}" for '
            f"{', '.join(target.emotions)}. Prepare both with the same sets."
        )


def _as_long(
    target: SteeredModel, native: SteeringSetting, direction: Float[np.ndarray, " d_target"]
) -> Float[torch.Tensor, " d_target"]:
    """A direction as long as the target's own vector: one unit of strength at its layer."""
    return torch.from_numpy(direction).to(native.vector) * target.unit[native.layer]


def kind_of(name: str, arm: str) -> str:
    """What a setting of an arm by a kind of map is called."""
    return f"{arm} ({MAPS[name][0]})"
