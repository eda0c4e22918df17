"""What a language model loses when the states after one block are replaced by what a dictionary makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.functional import cross_entropy

from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import HookPoint, attached, resumed
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

Replacement = Callable[[Tensor], Tensor]
"""States, shape (state, d_model) in float32, to what takes their place."""
CLEAN, ABLATED = "clean", "ablated"
COLUMNS = ("method", "layer", "loss", "loss_low", "loss_high", "recovered", "low", "high")
"""Of :func:`recovered`."""


def replaced_losses(
    model: Model,
    rows: Sequence[Sequence[int]],
    layer: int,
    replacements: Mapping[str, Replacement],
    *,
    mean: Float[Tensor, " d_model"] | None = None,
    first: int = 0,
    batch: int = 16,
) -> pd.DataFrame:
    """Next-token losses of texts, with the residual stream after one block replaced.

    Parameters
    ----------
    model
    rows
        Token ids of the texts; see ``Model.encode``.
    layer
        Block after which states are replaced, counted from 0.
    replacements
        Name to a function such as ``Dictionary.reconstruct``, on the model's device.
    mean
        What takes the place of every state where it is ablated: the mean of training states; None for zeros.
    first
        Position from which states are replaced. A dictionary that was not trained on the first token of texts, whose
        state is often hundreds of times as long as others, is to be judged from 1.
    batch
        Texts of a forward pass.

    Returns
    -------
    One row per text: ``layer, tokens`` (whose prediction a replacement can change) and the mean loss over them, in nats
    per token: ``clean``, ``ablated`` and each replacement.

    Raises
    ------
    UserError
        For a layer that the model does not have, a name that is taken, and a text without a token to predict.
    """
    _check(model, rows, layer, replacements, first)
    ablated: Replacement = partial(constant, torch.zeros(model.d_model) if mean is None else mean)
    ways = {ABLATED: ablated, **replacements}
    parts = []
    for numbers in similar_lengths([len(row) for row in rows], batch):
        work = partial(_losses, model, rows, layer, ways, first)
        parts += [part for _, part in in_pieces(numbers.tolist(), len(numbers), work)]
    found = pd.concat(parts).sort_index()
    found.insert(0, "layer", layer)
    return found


def _check(
    model: Model,
    rows: Sequence[Sequence[int]],
    layer: int,
    replacements: Mapping[str, Replacement],
    first: int,
) -> None:
    if not 0 <= layer < model.n_layers:
        raise UserError(f"There is no layer {layer}: {model.label} has the layers 0 to {model.n_layers - 1}.")
    if taken := sorted({CLEAN, ABLATED, "layer", "tokens"} & set(replacements)):
        raise UserError(f'A replacement cannot be called "{taken[0]}": choose another name.')
    short = [at for at, row in enumerate(rows) if len(row) < first + 2]
    if short or not len(rows) or first < 0:
        raise UserError(
            f"{len(short)} of {len(rows)} texts have fewer than {first + 2} tokens, so that none is predicted "
            f"from position {first} on: leave them out, and give at least one other."
        )
    model.check_mode()


def constant(value: Float[Tensor, " d_model"], states: Tensor) -> Tensor:
    """One value in the place of all states."""
    return value.to(states).expand_as(states)


@torch.no_grad()
def _losses(
    model: Model,
    rows: Sequence[Sequence[int]],
    layer: int,
    ways: Mapping[str, Replacement],
    first: int,
    numbers: Sequence[int],
) -> pd.DataFrame:
    inputs = model.padded([rows[at] for at in numbers])
    real = inputs["attention_mask"].bool()
    real[:, :first] = False
    caught: list[Tensor] = []
    with attached(model.network, {HookPoint(layer, "resid_post"): caught.append}):
        logits = model.network(**inputs, use_cache=False).logits
    columns = {CLEAN: _means(logits, inputs["input_ids"], real)}
    for name, replace in ways.items():
        hidden = caught[0].clone()
        hidden[real] = replace(hidden[real].float()).to(hidden)
        with resumed(model.network, layer + 1, hidden):
            logits = model.network(**inputs, use_cache=False).logits
        columns[name] = _means(logits, inputs["input_ids"], real)
    tokens = _targets(real).sum(dim=1).cpu().numpy()
    return pd.DataFrame({"tokens": tokens, **columns}, index=list(numbers))


def _targets(real: Tensor) -> Tensor:
    """Which tokens are predicted at a position that is replaced; the last position of a text predicts nothing."""
    return real[:, :-1] & real[:, 1:]


def _means(logits: Tensor, ids: Tensor, real: Tensor) -> np.ndarray:
    flat = cross_entropy(logits[:, :-1].float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    kept = _targets(real)
    losses = flat.unflatten(0, (len(ids), -1)).where(kept, 0.0).sum(dim=1) / kept.sum(dim=1)
    return losses.double().cpu().numpy()


def recovered(
    losses: pd.DataFrame,
    units: Shaped[np.ndarray, " text"] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of the loss between ablation and the clean model that each replacement recovers.

    Parameters
    ----------
    losses
        From :func:`replaced_losses`.
    units
        Of the texts, which are resampled together; by default each text for itself.
    n_resamples, seed
        Of the bootstrap.

    Returns
    -------
    One row for ``clean``, ``ablated`` and each replacement, :data:`COLUMNS`: loss in nats per token over all texts, and
    (ablated - loss) / (ablated - clean), each with an interval (95 %). Not bounded: a replacement can be worse than
    ablation. NaN where ablation costs nothing.

    Raises
    ------
    UserError
        For another number of units than texts.
    """
    units = np.arange(len(losses)) if units is None else units
    if len(units) != len(losses):
        raise UserError(f"There are {len(units)} units for {len(losses)} texts: give one for each.")
    draws = unit_weights(units, n_resamples, np.random.default_rng(seed))
    size = effective_units(units)
    tokens = losses["tokens"].to_numpy(float)
    names = [name for name in losses if name not in ("layer", "tokens")]
    drawn, own = _pooled(losses, names, draws * tokens), _pooled(losses, names, tokens[None])
    rows = []
    for name in names:
        value, share = float(own[name][0]), _share(own, name)
        ends = interval(drawn[name], size, value)
        shares = interval(_share(drawn, name), size, float(share[0]))
        rows.append((name, int(losses["layer"].iloc[0]), value, *ends, float(share[0]), *shares))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _pooled(losses: pd.DataFrame, names: Sequence[str], weights: np.ndarray) -> dict[str, np.ndarray]:
    return {name: weights @ losses[name].to_numpy() / weights.sum(axis=1) for name in names}


def _share(pooled: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    most = pooled[ABLATED] - pooled[CLEAN]
    return np.divide(pooled[ABLATED] - pooled[name], most, out=np.full(len(most), np.nan), where=most != 0)
