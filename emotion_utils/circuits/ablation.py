"""Heads taken out, exactly: what they give is replaced at every position, and everything after it is computed again.

The effect of a head is the log-odds of the untouched model minus those without the head; on a pair of prompts, that of
the emotional one minus that of its neutral partner: what the head adds to the *difference* that the emotion makes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.forward import HeadOutputs, chunks, head_outputs
from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import EVERYWHERE, FROM_END, UNTOUCHED, Condition, Edit, Window
from emotion_utils.heads.outputs import mean_outputs
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.models.hooks import HookPoint, shape_at

ABLATIONS = ("mean", "zero", "resample")


def means_of(pairs: Pairs) -> Float[Tensor, "layer head d_head"]:
    """What each head gives on average over the tokens of these prompts, emotional and neutral."""
    return mean_outputs(pairs.model, pairs.ids)


def window_of(pairs: Pairs, layer: int) -> Window:
    """Where a head has to be changed: in the last block only the last position reaches the prediction."""
    return FROM_END if layer == pairs.model.n_layers - 1 else EVERYWHERE


def without(
    pairs: Pairs, heads: Sequence[Head], values: Float[Tensor, "layer head d_head"], name: str
) -> Condition:
    """Set some heads to given values at all positions."""
    edits = []
    for layer in sorted({layer for layer, _ in heads}):
        own = tuple(head for at, head in heads if at == layer)
        point = HookPoint(layer, "z")
        edits.append(Edit(point, values[layer], "set", heads=own, window=window_of(pairs, layer)))
    return Condition(name, tuple(edits))


def ablated(
    pairs: Pairs,
    kind: str = "mean",
    *,
    means: Float[Tensor, "layer n_head d_head"] | None = None,
    heads: Sequence[Head] | None = None,
    donors: Pairs | None = None,
    seed: int = 0,
    share: bool = True,
) -> Float[np.ndarray, "side pair head"]:
    """Effect of each head on each prompt: log-odds (nats) of the untouched model minus those without the head.

    Parameters
    ----------
    pairs
    kind
        ``mean``, ``zero``, or ``resample``: what the head gives on another prompt, counted from the end.
    means
        For ``mean``: from :func:`means_of`, of the build split where effects are scored on another one.
    heads
        By default all.
    donors, seed
        For ``resample``: the pairs whose prompts are drawn from, by default the same, and the seed of the draw.
    share
        Compute what an ablation leaves unchanged once: a head of a late layer costs little.
    """
    heads = pairs.heads if heads is None else list(heads)
    if kind == "resample":
        return _resample(pairs, heads, donors or pairs, seed, share)
    if kind not in ABLATIONS:
        raise UserError(f'There is no ablation "{kind}": choose one of {", ".join(ABLATIONS)}.')
    if kind == "mean":
        values = means_of(pairs) if means is None else means
    else:
        values = torch.zeros(pairs.model.n_layers, *shape_at(pairs.model.network, HookPoint(0, "z")))
    conditions = [without(pairs, [head], values, name_of(head)) for head in heads]
    odds = pairs.log_odds([UNTOUCHED, *conditions], share=share)
    return odds[:, :, :1] - odds[:, :, 1:]


def pair_effects(effects: Float[np.ndarray, "side pair head"]) -> Float[np.ndarray, "pair head"]:
    """What each head adds to the difference between the prompts of a pair."""
    return effects[0] - effects[1]


def _resample(
    pairs: Pairs, heads: Sequence[Head], donors: Pairs, seed: int, share: bool
) -> Float[np.ndarray, "side pair head"]:
    ids, other = pairs.ids, donors.ids
    drawn = np.random.default_rng(seed).integers(len(other), size=len(ids))
    parts = []
    for part in chunks(pairs.model, ids, copies=2):
        rows = range(*part.indices(len(ids)))
        given = head_outputs(pairs.model, [other[i] for i in drawn[part]])
        values = [resampled(given, i, len(ids[row])) for i, row in enumerate(rows)]
        conditions = [UNTOUCHED]
        for own, row in zip(values, rows, strict=True):
            conditions += [by_position(pairs, [head], own, f"{row} {name_of(head)}") for head in heads]
        plan = [
            (row, 0 if k == 0 else 1 + i * len(heads) + k - 1)
            for i, row in enumerate(rows)
            for k in range(len(heads) + 1)
        ]
        parts.append(pairs.log_odds(conditions, np.array(plan), share=share).reshape(len(rows), -1))
    odds = np.concatenate(parts).reshape(2, len(pairs), -1)
    return odds[:, :, :1] - odds[:, :, 1:]


def resampled(given: HeadOutputs, prompt: int, tokens: int) -> Float[Tensor, "layer tokens head d_head"]:
    """What heads give on another prompt, for so many tokens from the end; earlier ones get that of its first token."""
    real = int(given.real[prompt].sum())
    back = torch.arange(tokens).flip(0).clamp(max=real - 1)  # distance from the end
    return given.values[prompt][:, given.values.shape[2] - 1 - back]


def by_position(
    pairs: Pairs, heads: Sequence[Head], values: Float[Tensor, "layer position head d_head"], name: str
) -> Condition:
    """Set some heads to given values, position by position."""
    edits = []
    for layer in sorted({layer for layer, _ in heads}):
        own = tuple(head for at, head in heads if at == layer)
        window = window_of(pairs, layer)
        edits.append(Edit(HookPoint(layer, "z"), values[layer], "set", heads=own, window=window))
    return Condition(name, tuple(edits))
