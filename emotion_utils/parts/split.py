"""Hidden states as the sum of what the past predicts and what is new, and what the model does with either alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.models.hooks import HookPoint, attached, resumed
from emotion_utils.parts.baselines import Baselines, in_chunks
from emotion_utils.parts.predictor import Predictor
from emotion_utils.parts.reading import check_windows, token_losses
from emotion_utils.parts.states import StateSource
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

WAYS = ("untouched", "both", "predictable", "novel", "novel around the mean", "mean")
"""What is written in place of h: nothing else, h_hat + r, h_hat, r, r with the position mean, the position mean."""


@dataclass(frozen=True, eq=False)
class Parts:
    """States of one layer at the positions 1, 2, ... of windows, and both parts of them.

    Attributes
    ----------
    layer
    h
        The states.
    predicted
        What the predictor makes of those before: h_hat, the predictable part.
    """

    layer: int
    h: Float[Tensor, "window target d_model"] = field(repr=False)
    predicted: Float[Tensor, "window target d_model"] = field(repr=False)

    @property
    def novel(self) -> Float[Tensor, "window target d_model"]:
        """The rest: r = h - h_hat."""
        return self.h - self.predicted

    def at(self, position: int) -> dict[str, Float[Tensor, "window d_model"]]:
        """``h``, ``predicted`` and ``novel`` at one position of the windows.

        Raises
        ------
        UserError
            For position 0, which nothing predicts, and for positions beyond the windows.
        """
        last = self.h.shape[1]
        if not 1 <= position <= last:
            raise UserError(f"Predicted positions are 1 to {last}, not {position}.")
        parts = {"h": self.h, "predicted": self.predicted, "novel": self.novel}
        return {name: part[:, position - 1] for name, part in parts.items()}


def split(
    source: StateSource, predictors: Mapping[int, Predictor], rows: Int[np.ndarray, " row"]
) -> dict[int, Parts]:
    """Both parts of the states of some windows, at all layers of a source.

    Raises
    ------
    UserError
        Without a window, and without the predictor of a layer.
    """
    missing = [layer for layer in source.layers if layer not in predictors]
    if missing or not len(rows):
        what = f"the predictor of layer {missing[0]}" if missing else "a window"
        raise UserError(f"States cannot be split without {what}: train it, or choose others.")
    found: dict[int, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in source.layers}
    for some in in_chunks(rows):
        for layer, h in source.at(some).items():
            with torch.no_grad():
                found[layer].append((h[:, 1:], predictors[layer].predict(h)))
    return {
        layer: Parts(layer, *(torch.cat(each) for each in zip(*own, strict=True)))
        for layer, own in found.items()
    }


def written_back(
    model: Model,
    ids: Int[Tensor, "window position"],
    layer: int,
    predictor: Predictor,
    baselines: Baselines,
    *,
    batch: int = 16,
) -> pd.DataFrame:
    """What the model loses when parts of its states are written in place of them, at every position after the first.

    Parameters
    ----------
    model
    ids
        Windows of tokens.
    layer
        Block after which is written, counted from 0.
    predictor, baselines
        Of this layer.
    batch
        Windows of a forward pass.

    Returns
    -------
    One row per window, and for each of :data:`WAYS` its mean loss in nats per token over the tokens 2, 3, ..., whose
    prediction the writing can change; ``largest`` is the largest difference of a logit between ``untouched`` and
    ``both``.

    Raises
    ------
    UserError
        For windows that the model cannot read, or of fewer than three tokens.
    """
    check_windows(model, ids, [layer])
    if ids.shape[1] < 3:
        raise UserError(
            f"Windows of {ids.shape[1]} tokens have none whose prediction could change: cut longer ones."
        )
    run = partial(_losses, model, ids, layer, predictor, baselines)
    return pd.concat([part for _, part in in_pieces(range(len(ids)), batch, run)], ignore_index=True)


def _losses(
    model: Model, ids: Tensor, layer: int, predictor: Predictor, baselines: Baselines, rows: range
) -> pd.DataFrame:
    own = ids[list(rows)].to(model.device)
    states: list[Tensor] = []
    with torch.no_grad(), attached(model.network, {HookPoint(layer, "resid_post"): states.append}):
        clean = model.network(input_ids=own, use_cache=False).logits
    h = states[0].float().cpu()
    columns, largest = {"untouched": _mean_losses(clean, own)}, np.zeros(len(own))
    for way, value in _values(h, own.cpu(), predictor, baselines).items():
        hidden = torch.cat([h[:, :1], value], dim=1).to(states[0])
        with torch.no_grad(), resumed(model.network, layer + 1, hidden):
            logits = model.network(input_ids=own, use_cache=False).logits
        columns[way] = _mean_losses(logits, own)
        if way == "both":
            largest = (logits - clean).abs().flatten(1).max(dim=1).values.float().cpu().numpy()
    return pd.DataFrame({**columns, "largest": largest})


def _values(h: Tensor, ids: Tensor, predictor: Predictor, baselines: Baselines) -> dict[str, Tensor]:
    with torch.no_grad():
        predicted = predictor.predict(h)
    novel = h[:, 1:] - predicted
    mean = baselines.predictions()["position mean"](h, ids)
    values = (predicted + novel, predicted, novel, novel + mean, mean)
    return dict(zip(WAYS[1:], values, strict=True))


def _mean_losses(logits: Tensor, ids: Tensor) -> Float[np.ndarray, " window"]:
    # token 1 is predicted at position 0, where nothing is written
    return token_losses(logits, ids)[:, 1:].mean(dim=1).cpu().numpy()


def loss_recovered(
    losses: pd.DataFrame, documents: Shaped[np.ndarray, " window"], *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Share of the loss between the position mean and the untouched model that each way of writing recovers.

    Parameters
    ----------
    losses
        From :func:`written_back`.
    documents
        Of its rows: the unit that is resampled.
    n_resamples, seed
        Of the bootstrap.

    Returns
    -------
    One row for each of :data:`WAYS`: ``way, loss`` (nats per token), ``recovered``, ``low, high``: (loss of the mean -
    loss) / (loss of the mean - untouched loss).
    """
    weights = unit_weights(documents, n_resamples, np.random.default_rng(seed))
    units = effective_units(documents)
    one = np.ones((1, len(losses)))
    share: Callable[[np.ndarray, str], np.ndarray] = partial(_recovered, losses)
    rows = []
    for way in WAYS:
        value = float(share(one, way)[0])
        ends = interval(share(weights, way), units, value)
        rows.append((way, float(losses[way].mean()), value, *ends))
    return pd.DataFrame(rows, columns=["way", "loss", "recovered", "low", "high"])


def _recovered(losses: pd.DataFrame, weights: np.ndarray, way: str) -> np.ndarray:
    mean, untouched, own = (weights @ losses[name].to_numpy() for name in ("mean", "untouched", way))
    return np.divide(mean - own, mean - untouched, out=np.full(len(own), np.nan), where=mean != untouched)
