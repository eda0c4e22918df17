"""Which MLP neurons write an emotion vector, and which of them respond to the emotion.

A neuron writes a fixed direction, scaled by its activation. Two questions can be asked of it: is that direction
aligned with the vector, and does its activation differ between emotional and neutral prompts? The product of both
answers is what it contributes to the vector directly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import spearmanr

from emotion_utils.activations import extract, identity, points
from emotion_utils.hooks import written_by_neurons
from emotion_utils.probing import EMOTIONAL, Contrast, contrast, shuffled

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from emotion_utils.store import Store
    from emotion_utils.vectors import EmotionVector

__all__ = ["Neurons", "rank_neurons", "responses", "summary"]


@dataclass(frozen=True, eq=False)
class Neurons:
    """What is known of the neurons up to one layer.

    Attributes
    ----------
    table
        One row per neuron, columns ``layer, neuron, alignment`` (cosine of what it writes with the vector),
        ``difference`` (of its mean activation), ``t`` (that difference over its standard error), ``contribution``
        (difference times what it writes along the vector, as a share of the vector's length).
    threshold
        95th percentile of the largest absolute ``t`` of all neurons after the labels were permuted.
    agreement
        Spearman correlation of absolute alignment and absolute ``t``, and its 95th percentile under permuted labels.
    """

    table: pd.DataFrame = field(repr=False)
    threshold: float
    agreement: tuple[float, float]

    @property
    def exceeding(self) -> int:
        """How many neurons respond beyond the family-wise threshold."""
        return int((self.table["t"].abs() > self.threshold).sum())


def rank_neurons(
    model: PreTrainedModel,
    vector: EmotionVector,
    responses: Contrast,
    layer: int,
    n_permutations: int = 199,
    seed: int = 0,
) -> Neurons:
    """Rank the neurons of all layers up to one by what they contribute to a vector.

    Parameters
    ----------
    model
    vector
        With the layer ``layer``.
    responses
        Activations of the kind ``neurons`` at the end of the prompts, all layers up to ``layer``.
    layer
        Where the vector is read.
    n_permutations, seed
        Of the null.
    """
    kept = [i for i, own in enumerate(responses.layers) if own <= layer]
    values = responses.values[:, kept].double().numpy()  # (read, layer, neuron)
    unit = (vector.at(layer) / vector.at(layer).norm()).numpy()
    written = np.stack([written_by_neurons(model, responses.layers[i]).numpy() for i in kept])
    alignment = (written @ unit) / np.maximum(np.linalg.norm(written, axis=-1), 1e-12)  # (layer, neuron)
    difference = values[responses.positive].mean(0) - values[~responses.positive].mean(0)
    t = _t(values, responses.positive, difference)
    null = shuffled(responses, "sentence end", n_permutations, seed)[:, kept].double().numpy()
    drawn = null / _error(values, responses.positive)  # (permutation, layer, neuron)
    ours = float(spearmanr(np.abs(alignment).ravel(), np.abs(t).ravel()).statistic)
    theirs = [float(spearmanr(np.abs(alignment).ravel(), np.abs(one).ravel()).statistic) for one in drawn]
    at = np.indices(alignment.shape)
    table = pd.DataFrame(
        {
            "layer": np.array(responses.layers)[kept][at[0].ravel()],
            "neuron": at[1].ravel(),
            "alignment": alignment.ravel(),
            "difference": difference.ravel(),
            "t": t.ravel(),
            "contribution": (difference * (written @ unit)).ravel() / float(vector.at(layer).norm()),
        }
    )
    order = table["contribution"].abs().sort_values(ascending=False, kind="stable").index
    threshold = float(np.quantile(np.abs(drawn).reshape(len(drawn), -1).max(axis=1), 0.95))
    return Neurons(
        table.loc[order].reset_index(drop=True), threshold, (ours, float(np.quantile(theirs, 0.95)))
    )


def responses(
    name: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: pd.DataFrame,
    layers: Sequence[int],
    store: Store | None = None,
) -> dict[str, Contrast]:
    """Read the neurons of some layers at the end of all prompts, as one contrast per emotion."""
    made_from = identity(name, model) if store is not None else None
    where = points(model, ("neurons",), layers)
    found = extract(model, tokenizer, prompts, where, ["end"], store=store, made_from=made_from)
    present = [emotion for emotion in EMOTIONAL if emotion in set(prompts["emotion"])]
    return {emotion: contrast(prompts, found, emotion, "end", "neurons") for emotion in present}


def summary(ranked: Mapping[str, Neurons], top: int = 5) -> pd.DataFrame:
    """The neurons of each emotion that contribute most, with the counts over all neurons.

    Returns
    -------
    Columns ``emotion, layer, neuron, alignment, t, contribution`` and, the same in all rows of an emotion,
    ``exceeding`` (neurons beyond the family-wise threshold), ``of``, ``agreement`` and ``agreement_null``.
    """
    parts = []
    for emotion, found in ranked.items():
        ours, null = found.agreement
        about = {
            "exceeding": found.exceeding,
            "of": len(found.table),
            "agreement": ours,
            "agreement_null": null,
        }
        best = found.table.head(top)[["layer", "neuron", "alignment", "t", "contribution"]]
        parts.append(best.assign(**about).assign(emotion=emotion))
    table = pd.concat(parts, ignore_index=True)
    return table[["emotion", *(column for column in table if column != "emotion")]]


def _error(values: np.ndarray, positive: np.ndarray) -> Float[np.ndarray, "layer neuron"]:
    """Standard error of a difference of means (Welch); a neuron that never moves has none, and a t of 0."""
    parts = [values[side].var(axis=0, ddof=1) / side.sum() for side in (positive, ~positive)]
    return np.maximum(np.sqrt(sum(parts)), 1e-9)


def _t(values: np.ndarray, positive: np.ndarray, difference: np.ndarray) -> np.ndarray:
    return difference / _error(values, positive)
