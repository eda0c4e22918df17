"""An emotion vector as the sum of what was predictable of the states that it is made from, and what is new in them.

A vector is a difference of class means of h = h_hat + r: the sum of the same difference of h_hat and that of r.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.nulls import against_null
from emotion_utils.vectors.probing import Contrast, permutations

if TYPE_CHECKING:
    from emotion_utils.models.model import Model
    from emotion_utils.steering.subject import SteeredModel

Predict = Callable[[Float[Tensor, "text position d_model"]], Float[Tensor, "text target d_model"]]
"""From states to predictions of those at position 1 and later; what is behind a position plays no part in its own."""
WHOLE, PREDICTED, NEW = "whole vector", "predictable part", "new part"


@dataclass(frozen=True, eq=False)
class VectorParts:
    """An emotion vector at one layer, and what it is made from.

    Attributes
    ----------
    given
        The contrast: which reads are of the emotion, and their units.
    layer
    states, predicted
        h and h_hat at the end of each prompt of the contrast.
    """

    given: Contrast = field(repr=False)
    layer: int
    states: Float[Tensor, "read d_model"] = field(repr=False)
    predicted: Float[Tensor, "read d_model"] = field(repr=False)

    @property
    def vectors(self) -> dict[str, Float[Tensor, " d_model"]]:
        """The whole vector and its two parts, which sum to it, in float64."""
        weights = _signed(np.ones((1, len(self.states))), self.given.positive)
        whole, predicted = (torch.from_numpy(part[0]) for part in self._differences(weights))
        return {WHOLE: whole, PREDICTED: predicted, NEW: whole - predicted}

    def _differences(
        self, weights: Float[np.ndarray, "draw read"]
    ) -> tuple[Float[np.ndarray, "draw d_model"], Float[np.ndarray, "draw d_model"]]:
        return weights @ self.states.double().numpy(), weights @ self.predicted.double().numpy()

    def along(self, weights: Float[np.ndarray, "draw read"]) -> Float[np.ndarray, " draw"]:
        """How much of the vector its predictable part is, along the vector itself; the new part is the rest of 1."""
        whole, predicted = self._differences(weights)
        return np.asarray((whole * predicted).sum(axis=1) / (whole**2).sum(axis=1))


def _signed(
    weights: Float[np.ndarray, "draw read"], positive: Bool[np.ndarray, "... read"]
) -> Float[np.ndarray, "draw read"]:
    """Weights of a difference of two means."""
    one, other = weights * positive, weights * ~positive
    return np.asarray(one / one.sum(axis=1, keepdims=True) - other / other.sum(axis=1, keepdims=True))


def end_states(
    model: Model, prompts: pd.DataFrame, layer: int, predict: Predict, longest: int | None = None
) -> tuple[Float[Tensor, "prompt d_model"], Float[Tensor, "prompt d_model"]]:
    """Read h and h_hat at the last token of prompts, a prompt being a window of its own length.

    Parameters
    ----------
    model
    prompts
        With ``id`` and ``text``.
    layer
        Whose output is read.
    predict
        The predictor of that layer.
    longest
        Tokens that the predictor has positions for.

    Raises
    ------
    UserError
        For a prompt of one token, whose state has no past, and for one that is longer than the predictor's windows.
    """
    ids, point = model.encode(prompts["text"].tolist()).ids, HookPoint(layer, "resid_post")
    for name, row in zip(prompts["id"], ids, strict=True):
        if len(row) < 2 or len(row) > (longest or len(row)):
            raise UserError(
                f"The prompt {name} has {len(row)} tokens, and a prediction of its last one takes 2 to "
                f"{longest or 'as many as there are'}: leave it out, or train the predictor on longer windows."
            )
    states, predicted = (torch.empty(len(ids), model.d_model) for _ in range(2))
    for rows, lengths, caught in forward_batches(model, ids, [point]):
        hidden = caught[point].float()
        told = predict(hidden)
        at, last = torch.arange(len(rows)), torch.from_numpy(lengths - 1)
        states[torch.from_numpy(rows)] = hidden[at, last].cpu()
        predicted[torch.from_numpy(rows)] = told[at, last - 1].float().cpu()
    return states, predicted


def vector_parts(
    steered: SteeredModel, prompts: pd.DataFrame, layer: int, predict: Predict, longest: int | None = None
) -> dict[str, VectorParts]:
    """The vector of every emotion, minus its neutral partners as in chapter 05, and its parts.

    Parameters
    ----------
    steered
        Its contrasts say which prompts of the build split a vector is made from.
    prompts
        Those that it was prepared with.
    layer, predict, longest
        As of :func:`end_states`.
    """
    wanted = {name for given in steered.built.values() for name in given.prompts["id"]}
    table = prompts[prompts["id"].isin(wanted)].reset_index(drop=True)
    states, predicted = end_states(steered.model, table, layer, predict, longest)
    place = pd.Series(np.arange(len(table)), table["id"].to_numpy())
    found = {}
    for emotion, given in steered.built.items():
        rows = torch.from_numpy(place.loc[given.prompts["id"]].to_numpy(copy=True))
        found[emotion] = VectorParts(given, layer, states[rows], predicted[rows])
    return found


def geometry(parts: Mapping[str, VectorParts], n_permutations: int = 199, seed: int = 0) -> pd.DataFrame:
    """How long the parts of each vector are, how they stand to each other, and how much of it each is.

    Parameters
    ----------
    parts
        From :func:`vector_parts`.
    n_permutations, seed
        Of the null: vectors of labels exchanged between families of prompts.

    Returns
    -------
    One row per emotion: ``emotion, layer, length`` (of the whole), ``predictable, new`` (lengths of the parts over it),
    ``cosine`` (between the parts), ``along, low, high`` (how much of the vector the predictable part is, along it;
    interval over families, none with fewer than eight), ``null, null_high, p`` and ``prompts``.
    """
    rows = []
    for emotion, one in parts.items():
        whole, predicted, new = (vector.numpy() for vector in one.vectors.values())
        lengths = [float(np.linalg.norm(vector)) for vector in (whole, predicted, new)]
        product = lengths[1] * lengths[2]
        cosine = float(predicted @ new) / product if product > 0 else np.nan
        drawn = permutations(one.given, n_permutations, seed)
        drawn = drawn[drawn.any(axis=1) & ~drawn.all(axis=1)]
        value = float(one.along(_signed(np.ones((1, len(one.states))), one.given.positive))[0])
        held = against_null(value, one.along(_signed(np.ones(drawn.shape), drawn)))
        about = (emotion, one.layer, lengths[0], lengths[1] / lengths[0], lengths[2] / lengths[0], cosine)
        rows.append((*about, value, *_jackknife(one, value), *held[1:], len(one.states)))
    columns = ["emotion", "layer", "length", "predictable", "new", "cosine", "along", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "null", "null_high", "p", "prompts"])


def _jackknife(one: VectorParts, value: float) -> tuple[float, float]:
    """Interval from leaving out each family of prompts."""
    codes, names = pd.factorize(one.given.prompts["unit"])
    kept = (codes[None] != np.arange(len(names))[:, None]).astype(float)
    left = one.along(_signed(kept, one.given.positive))
    return jackknife_interval(value, left, np.bincount(codes))
