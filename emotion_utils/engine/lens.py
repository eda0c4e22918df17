"""The same activations in TransformerLens and in the plain model, beside those of our hooks.

TransformerLens computes all of them in its own modules, and the plain model gives out hidden states and attention
patterns by itself: two sources that share no line with :mod:`models.hooks`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emotion_utils.models.hooks import KINDS, HookFunction, HookPoint, attached, eager
from emotion_utils.models.model import Model

BOUND = 1e-5
"""Of the largest value of a hook at a layer: as far as float32 may be off on the way through all blocks."""

Caught = Mapping[HookPoint, Tensor]


def hooks_beside(model: Model, texts: Sequence[str]) -> pd.DataFrame:
    """Read every kind of hook three times: by our hooks, by TransformerLens, and by the plain model where it tells.

    Parameters
    ----------
    model
        Its attention is computed step by step meanwhile, as patterns ask for.
    texts
        A few: everything is held at once.

    Returns
    -------
    One row per kind, and one for ``logits``: ``kind, lens`` (the name in TransformerLens, at layer 0), ``largest`` (by
    size, over layers, tokens and units), ``off_lens`` and ``off_plain`` (at the worst layer, largest difference in
    units of that layer's largest value; NaN where the plain model does not give it out), ``same`` (whether both stay
    within :data:`BOUND`).

    Examples
    --------
    >>> import emotion_utils as eu
    >>> table = eu.engine.lens.hooks_beside(eu.load("small-gpt2"), ["Tom said to Anna:", "The bus was late."])
    >>> bool(table["same"].all()), len(table)
    (True, 9)
    """
    inputs = model.padded([model.encode([text]).ids[0] for text in texts], "right")
    real = inputs["attention_mask"].bool()
    ours, logits, plain, others = _read(model, inputs)
    lens = model.bridge(shared=True)
    names = {point.lens_name: point for point in ours}
    with torch.no_grad():
        found, cache = lens.run_with_cache(
            inputs["input_ids"], attention_mask=inputs["attention_mask"], names_filter=lambda n: n in names
        )
    theirs = {point: _heads(cache[point.lens_name], values) for point, values in ours.items()}
    rows = []
    for kind in KINDS:
        own = {point: _tokens(kind, values, real) for point, values in ours.items() if point.kind == kind}
        off = [
            max(
                (_off(_tokens(kind, known[p], real), mine) for p, mine in own.items() if p in known),
                default=np.nan,
            )
            for known in (theirs, others)
        ]
        largest = max(float(values.abs().max()) for values in own.values())
        rows.append((kind, HookPoint(0, kind).lens_name, largest, *off))
    off = [_off(values[real], logits[real]) for values in (found, plain)]
    rows.append(("logits", "", float(logits[real].abs().max()), *off))
    table = pd.DataFrame(rows, columns=["kind", "lens", "largest", "off_lens", "off_plain"])
    apart = table[["off_lens", "off_plain"]]
    return table.assign(same=((apart <= BOUND) | apart.isna()).all(axis=1))


def worst_of_each(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per model, from :func:`hooks_beside`: its worst kinds, and whether all kinds are the same.

    Returns
    -------
    Columns ``model, off_lens, kind`` (of the largest difference from TransformerLens), ``off_plain, kinds`` (how many
    were compared), ``same``.
    """
    rows = [
        (name, table["off_lens"].max(), table.loc[table["off_lens"].idxmax(), "kind"], table["off_plain"].max(),
         len(table), bool(table["same"].all()))
        for name, table in tables.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "off_lens", "kind", "off_plain", "kinds", "same"])


def _read(model: Model, inputs: Mapping[str, Tensor]) -> tuple[Caught, Tensor, Tensor, Caught]:
    """What our hooks see with the logits of that pass, and what the plain model gives out without a hook."""
    ours: dict[HookPoint, Tensor] = {}

    def keeping(point: HookPoint) -> HookFunction:
        def keep(found: Tensor) -> None:
            ours[point] = found.detach().clone()

        return keep

    points = [HookPoint(layer, kind) for kind in KINDS for layer in range(model.n_layers)]
    with torch.no_grad(), eager(model.network):
        with attached(model.network, {point: keeping(point) for point in points}):
            hooked = model.network(**inputs, use_cache=False).logits
        plain: Any = model.network(
            **inputs, use_cache=False, output_hidden_states=True, output_attentions=True
        )
    # the last of the hidden states comes after the final norm, and is no state after a block
    states = plain.hidden_states[:-1]
    others = {HookPoint(layer, "resid_pre"): state for layer, state in enumerate(states)}
    others |= {HookPoint(layer - 1, "resid_post"): state for layer, state in enumerate(states) if layer}
    others |= {HookPoint(layer, "pattern"): seen for layer, seen in enumerate(plain.attentions)}
    return ours, hooked, plain.logits, others


def _heads(found: Tensor, ours: Tensor) -> Tensor:
    """Values of heads that share them, once for each query head, as our hook gives them."""
    if found.ndim == 4 and found.shape[2] < ours.shape[2] and found.shape[1] == ours.shape[1]:
        return found.repeat_interleave(ours.shape[2] // found.shape[2], dim=2)
    return found.reshape(ours.shape)


def _tokens(kind: str, values: Tensor, real: Tensor) -> Tensor:
    """What stands at tokens: padding is left out, of patterns as what looks."""
    return values.transpose(1, 2)[real] if kind == "pattern" else values[real]


def _off(values: Tensor, ours: Tensor) -> float:
    """The largest difference, in units of the largest of our values; infinite where one is no number."""
    off = float((values - ours).abs().max() / ours.abs().max())
    return off if math.isfinite(off) else math.inf
