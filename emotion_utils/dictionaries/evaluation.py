"""How well dictionaries and their rivals write held-out states back, and what a model loses by it.

The measures of the states need no model; what the loss recovers is in :mod:`loss`. One table has both.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.rivals import Coder

COLUMNS = ("method", "layer", "explained", "explained_by_state", "l0", "dead")
"""Of :func:`quality`."""
CHUNK = 2048
"""States at a time."""


def quality(coders: Mapping[str, Coder], states: Float[Tensor, "_ d_model"], layer: int) -> pd.DataFrame:
    """How well states that were not trained on are written back.

    Parameters
    ----------
    coders
        Name to dictionary or rival, all on the device of the states.
    states
        Held out; token by token.
    layer
        That they are of, for the table.

    Returns
    -------
    One row per method, :data:`COLUMNS`. ``explained``: 1 - squared error / variance around the mean of these states,
    each summed over states and dimensions; ``explained_by_state``: mean over states of 1 - squared error / squared
    distance from that mean, to which a few long states cannot add much; ``l0``: active features of a state, on average;
    ``dead``: share of features that fire on none of the states.

    Raises
    ------
    UserError
        For fewer than two states, states that are not finite, and states that do not vary.
    """
    if len(states) < 2 or not bool(torch.isfinite(states.sum(dim=1, dtype=torch.float32)).all()):
        raise UserError(f"{len(states)} states were held out: at least two are needed, all of them finite.")
    variance, mean = torch.var_mean(states.float(), dim=0, correction=0)
    total = float(variance.sum()) * len(states)
    if not total > 0:
        raise UserError(
            f"The {len(states)} states of layer {layer} do not vary: there is nothing to explain."
        )
    rows = [(name, layer, *_quality(coder, states, mean, total)) for name, coder in coders.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@torch.no_grad()
def _quality(coder: Coder, states: Tensor, mean: Tensor, total: float) -> tuple[float, float, float, float]:
    errors = by_state = active = 0.0
    fired: Tensor | None = None
    for part in states.split(CHUNK):
        x = part.float()
        codes = coder.encode(x)
        error = (coder.decode(codes) - x).square().sum(dim=1).double()
        errors += float(error.sum())
        away = (x - mean).square().sum(dim=1).double()
        by_state += float((1 - error / away.clamp(min=1e-30)).sum())
        on = codes != 0
        active += float(on.sum())
        fired = on.any(dim=0) if fired is None else fired | on.any(dim=0)
    dead = 0.0 if fired is None else 1 - float(fired.float().mean())
    return 1 - errors / total, by_state / len(states), active / len(states), dead


def firing(coder: Coder, states: Float[Tensor, "_ d_model"]) -> Float[Tensor, " feature"]:
    """Share of the states on which each feature is active."""
    parts = [(coder.encode(part.float()) != 0).sum(dim=0) for part in states.split(CHUNK)]
    return torch.stack(parts).sum(dim=0).float() / len(states)


def together(qualities: pd.DataFrame, recovered: pd.DataFrame) -> pd.DataFrame:
    """One table of the measures of :func:`quality` and :func:`loss.recovered`.

    Parameters
    ----------
    qualities, recovered
        Of the same layers.

    Returns
    -------
    Columns ``method, layer, explained, explained_by_state, l0, dead, loss, loss_low, loss_high, recovered, low,
    high``. ``clean`` and ``ablated`` have no features: their measures of states are NaN; so are the losses of methods
    that no model was run with.
    """
    return qualities.merge(recovered, on=["method", "layer"], how="outer", sort=False)
