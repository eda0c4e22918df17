"""Which MLP neurons write an emotion vector, and which of them respond to the emotion.

A neuron writes a fixed direction, scaled by its activation. Two questions can be asked of it: is that direction
aligned with the vector, and does its activation differ between emotional and neutral prompts? The vector is made from
one part of the prompts and the responses are measured on another, since a vector is in part the sum of such responses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from emotion_utils.activations.extraction import extract, points
from emotion_utils.models.families import written_by_neurons
from emotion_utils.statistics.nulls import are_means
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.vectors.probing import Contrast, by_emotion, fit, permutations, shuffled

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

SHOWN = 3
"""Emotions whose neurons are read, where there are more."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """What is known of the neurons up to one layer.

    Attributes
    ----------
    table
        One row per neuron, columns ``layer, neuron, alignment`` (cosine of what it writes with the vector),
        ``difference`` (of its mean activation on held-out prompts), ``t`` (that difference over its standard error),
        in the order of ``|alignment x t|``.
    threshold
        95th percentile of the largest absolute ``t`` of all neurons after the labels were permuted.
    agreement
        Spearman correlation of absolute alignment and absolute ``t``, mean over layers, and its 95th percentile where
        vector and responses were both made with permuted labels.
    """

    table: pd.DataFrame = field(repr=False)
    threshold: float
    agreement: tuple[float, float]

    @property
    def exceeding(self) -> int:
        """How many neurons respond beyond the family-wise threshold."""
        return int((self.table["t"].abs() > self.threshold).sum())


def rank_neurons(
    model: Model,
    built: Contrast,
    answered: Contrast,
    layer: int,
    n_permutations: int = 199,
    seed: int = 0,
) -> Neurons:
    """Rank the neurons of all layers up to one by alignment with a vector times response to the emotion.

    Parameters
    ----------
    model
    built
        Residual streams that the vector (a difference of means) is made from.
    answered
        Activations of the kind ``neurons``, all layers up to ``layer``, on prompts that the vector was not made from.
    layer
        Where the vector is read.
    n_permutations, seed
        Of the null.
    """
    at = built.layers.index(layer)
    vectors = torch.cat(
        [fit(built, "sentence end").values[None], shuffled(built, "sentence end", n_permutations, seed)]
    )
    directions = vectors[:, at] / vectors[:, at].norm(dim=1, keepdim=True)  # (1 + permutation, d_model)
    labels = np.concatenate([answered.positive[None], permutations(answered, n_permutations, seed)])
    tables, agreement, largest = [], [], np.zeros(len(labels))
    for i, depth in enumerate(answered.layers):
        if depth > layer:
            continue
        written = written_by_neurons(model.network, depth)
        aligned = (directions @ (written / written.norm(dim=1, keepdim=True).clamp_min(1e-12)).T).numpy()
        difference, t = welch(answered.values[:, i].double().numpy(), labels)
        largest = np.maximum(largest, np.abs(t).max(axis=1))
        agreement.append(rank_correlation(np.abs(aligned), np.abs(t)))
        columns = {"alignment": aligned[0], "difference": difference[0], "t": t[0]}
        tables.append(pd.DataFrame({"layer": depth, "neuron": range(len(written)), **columns}))
    table = pd.concat(tables, ignore_index=True)
    order = (table["alignment"] * table["t"]).abs().sort_values(ascending=False, kind="stable").index
    ours, *theirs = np.mean(agreement, axis=0)
    return Neurons(
        table.loc[order].reset_index(drop=True),
        float(np.quantile(largest[1:], 1 - LEVEL)),
        (float(ours), float(np.quantile(theirs, 1 - LEVEL))),
    )


def welch(
    values: Float[np.ndarray, "read neuron"], labels: Bool[np.ndarray, "draw read"]
) -> tuple[Float[np.ndarray, "draw neuron"], Float[np.ndarray, "draw neuron"]]:
    """Difference of means and Welch's t of every neuron under every labelling; 0 where a neuron never moves."""
    parts = []
    for side in (labels, ~labels):
        n = np.maximum(side.sum(axis=1, keepdims=True), 2)
        mean = side @ values / n
        parts.append((mean, np.maximum(side @ values**2 / n - mean**2, 0) / (n - 1)))
    (high, a), (low, b) = parts
    error = np.sqrt(a + b)
    difference = high - low
    return difference, np.divide(difference, error, out=np.zeros_like(error), where=error > 1e-12)


def rank_correlation(
    one: Float[np.ndarray, "draw neuron"], other: Float[np.ndarray, "draw neuron"]
) -> Float[np.ndarray, " draw"]:
    """Spearman correlation, row by row."""
    ranks = [rankdata(values, axis=1) for values in (one, other)]
    a, b = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(axis=1) / np.maximum(norms, 1e-300)


def responses(
    model: Model,
    prompts: pd.DataFrame,
    layers: Sequence[int],
    store: Store | None = None,
    emotions: Sequence[str] | None = None,
) -> dict[str, Contrast]:
    """Read the neurons of some layers at the end of the select and test prompts, as one contrast per emotion."""
    where = points(model, ("neurons",), layers)
    activations = extract(model, prompts, where, ["end"], store=store)
    whole = by_emotion(prompts, activations, "end", "neurons", emotions)
    return {emotion: given.only("select", "test") for emotion, given in whole.items()}


def few(scores: pd.DataFrame, name: str) -> list[str]:
    """The emotions whose neurons are shown: all of at most :data:`SHOWN`, else those that are told apart best.

    Parameters
    ----------
    scores
        From :func:`held_out.held_out`; the first method decides.
    name
        Of the set.
    """
    rows = scores[(scores["set"] == name) & ~are_means(scores)]
    rows = rows[rows["method"] == rows["method"].iloc[0]]
    best = (
        rows if len(rows) <= SHOWN else rows.sort_values("value", ascending=False, kind="stable").head(SHOWN)
    )
    return best["emotion"].tolist()


def summary(ranked: Mapping[str, Neurons], top: int = 5) -> pd.DataFrame:
    """The neurons of each emotion that are aligned and respond most, with the counts over all neurons.

    Returns
    -------
    Columns ``emotion, layer, neuron, alignment, difference, t`` and, the same in all rows of an emotion,
    ``exceeding`` (neurons beyond the family-wise threshold), ``of``, ``agreement`` and ``agreement_null``.
    """
    parts = []
    for emotion, neurons in ranked.items():
        ours, null = neurons.agreement
        about = {
            "exceeding": neurons.exceeding,
            "of": len(neurons.table),
            "agreement": ours,
            "agreement_null": null,
        }
        best = neurons.table.head(top)[["layer", "neuron", "alignment", "difference", "t"]]
        parts.append(best.assign(**about).assign(emotion=emotion))
    table = pd.concat(parts, ignore_index=True)
    return table[["emotion", *(column for column in table if column != "emotion")]]
