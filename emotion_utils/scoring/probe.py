"""A judge that reads states: a linear probe on what another model computes on a text.

It learns from the labelled texts that the word classifier learns from. It knows a text as the mean of the residual
stream over its tokens after one block, and that block is chosen on folds of its training texts alone. What it says of
a model's texts owes nothing to that model's own states, which are what is steered: the reader is another model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.core.sources import code_of
from emotion_utils.models.batches import by_length
from emotion_utils.models.hooks import HookPoint, forward_until
from emotion_utils.scoring.classifier import FOLDS, UNDECIDED, training_texts
from emotion_utils.scoring.replies import first_reply

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

DEPTHS = (0.25, 0.375, 0.5, 0.625)
"""Of the blocks that are tried, as shares of all: later ones cost more and turn to the next token."""
PENALTY = 0.01
"""Inverse strength of the L2 penalty, on dimensions with a standard deviation of 1, of which there are hundreds."""
BATCH_TOKENS = 768


@dataclass(frozen=True, eq=False)
class TextProbe:
    """A trained probe and the model that it reads.

    Attributes
    ----------
    model
        The reader.
    layer
        The block after which it reads.
    pipeline
        From states to emotions.
    folds
        Share of training texts that are told right by probes that saw no text of their family, by layer.
    whole
        Whether it reads whole texts; else up to the end of the first reply.
    """

    model: Model
    layer: int
    pipeline: Pipeline = field(repr=False)
    folds: pd.Series = field(repr=False)
    whole: bool = False
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The most probable emotion of the first reply of each text, `undecided` where there is none."""
        replies = [_part_read(text, self.whole) for text in texts]
        new = sorted({reply for reply in replies if reply} - self._known.keys())
        if new:
            states = mean_states(self.model, new, [self.layer])[:, 0]
            self._known.update(zip(new, self.pipeline.predict(states.numpy()).tolist(), strict=True))
        return [self._known.get(reply, UNDECIDED) for reply in replies]


def train_probe(
    model: Model,
    texts: pd.DataFrame | None = None,
    *,
    whole: bool = False,
    store: Store | None = None,
    seed: int = 0,
) -> TextProbe:
    """Train a probe on labelled texts.

    Parameters
    ----------
    model
        The reader.
    texts
        With ``text, emotion, group``; by default those of the word classifier (:func:`classifier.training_texts`).
    whole
        Whether texts are read whole; else up to the end of the first reply.
    store
        Keeps the states of the training texts, most of the cost.
    seed
        Of the texts and of the folds.

    Returns
    -------
    The probe at the block with the largest share of held-out families told right, among equals the earliest.

    Raises
    ------
    UserError
        Where the texts are too few for folds of more than one label.
    """
    texts = training_texts(seed) if texts is None else texts
    layers = tried_layers(model.n_layers)
    states = _kept_states(model, [_part_read(text, whole) for text in texts["text"]], layers, store).numpy()
    labels = texts["emotion"].to_numpy(dtype=str)
    folds = _folds(labels, texts["group"].to_numpy(), seed)
    shares = {layer: _held_out_share(states[:, i], labels, folds) for i, layer in enumerate(layers)}
    best = max(layers, key=lambda layer: (shares[layer], -layer))
    fitted = _pipeline().fit(states[:, layers.index(best)], labels)
    return TextProbe(model, best, fitted, pd.Series(shares, name="held out").rename_axis("layer"), whole)


def _folds(labels: np.ndarray, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of whole groups, as many as the rarest label allows; those that would learn one label are left out."""
    n = max(2, min(FOLDS, int(np.unique(labels, return_counts=True)[1].min())))
    if len(set(groups.tolist())) < n:
        raise UserError(f"A probe is chosen on folds of {n} groups at least: label more texts.")
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    found = [fold for fold in splitter.split(labels, labels, groups) if len(set(labels[fold[0]])) > 1]
    if not found:
        raise UserError("A probe needs texts of two labels in each fold: label more texts.")
    return found


def _part_read(text: str, whole: bool) -> str:
    return text.strip() if whole else first_reply(text)


def tried_layers(n_layers: int) -> list[int]:
    """The blocks at :data:`DEPTHS` of so many, counted from 0."""
    return sorted({max(0, round(depth * n_layers) - 1) for depth in DEPTHS})


@torch.no_grad()
def mean_states(
    model: Model, texts: Sequence[str], layers: Sequence[int]
) -> Float[Tensor, "text layer d_model"]:
    """Mean of the residual stream after some blocks over the tokens of each text, float32 on the CPU.

    The first position is left out wherever there is another, since its state is of another kind. The model runs up to
    the last of these blocks only.

    Raises
    ------
    UserError
        For a blank text, and for one that is longer than the model's context.
    """
    encoded = model.encode(texts)
    first, stop = encoded.text_tokens()
    first = np.where(stop > 1, np.maximum(first, 1), first)
    lengths = encoded.ids.lengths
    out = torch.empty(len(texts), len(layers), model.d_model)
    for rows in by_length(np.arange(len(texts)), lengths, lengths, BATCH_TOKENS, int(lengths.sum())):
        inputs = model.padded([encoded.ids[row] for row in rows.tolist()])
        place = np.arange(inputs["input_ids"].shape[1])
        counted = (place >= first[rows, None]) & (place < stop[rows, None])  # (text, position)
        weights = torch.from_numpy(counted / counted.sum(axis=1, keepdims=True))

        def read(i: int, at: np.ndarray, weights: Tensor, hidden: Tensor) -> None:
            out[at, i] = torch.einsum("tp,tpd->td", weights.to(hidden), hidden).float().cpu()

        functions: Any = {
            HookPoint(layer, "resid_post"): partial(read, i, rows, weights) for i, layer in enumerate(layers)
        }
        forward_until(model.network, functions, **inputs)
    return out


def _kept_states(
    model: Model, texts: list[str], layers: list[int], store: Store | None
) -> Float[Tensor, "text layer d_model"]:
    if store is None:
        return mean_states(model, texts, layers)
    key = {
        **model.identity,
        "code": code_of(__name__),
        "layers": layers,
        "texts": hashlib.sha256(repr(texts).encode()).hexdigest(),
    }
    kept = store.compute("text_states", key, lambda: {"states": mean_states(model, texts, layers)})
    return kept["states"]


def _held_out_share(
    states: np.ndarray, labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> float:
    right = [
        _pipeline().fit(states[train], labels[train]).predict(states[test]) == labels[test]
        for train, test in folds
    ]
    return float(np.concatenate(right).mean())


def _pipeline() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, tol=1e-3, max_iter=1000))
