"""What heads give on many prompts, position by position, counted from the last token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.forward import chunks, head_outputs, last_token_states
from emotion_utils.models.families import blocks, normalises, written_by_heads
from emotion_utils.models.hooks import HookPoint

if TYPE_CHECKING:
    from emotion_utils.models.model import Model


def norm_factors(
    model: Model,
    z: Float[Tensor, "prompt layer head d_head"],
    added: Float[Tensor, "prompt layer d_model"],
) -> Float[Tensor, "prompt layer"]:
    """By what each block multiplies the sum of its heads before it is added: 1 but in Gemma, which normalises it.

    Parameters
    ----------
    model
    z, added
        What heads give, and what attention adds to the residual stream, at one position.
    """
    if not normalises(blocks(model.network)[0]):
        return torch.ones(added.shape[:2])
    weights = torch.stack([written_by_heads(model.network, layer) for layer in range(z.shape[1])])
    plain = torch.einsum("blhd,lhdm->blm", z, weights)
    return (added * plain).sum(-1) / plain.square().sum(-1)


def mean_outputs(model: Model, ids: Sequence[Sequence[int]]) -> Float[Tensor, "layer head d_head"]:
    """Mean of what each head gives, over all tokens of all prompts but the first of each, which is of another kind."""
    total, count = torch.zeros(1), 0
    for part in chunks(model, ids):
        outputs = head_outputs(model, ids[part])
        later = outputs.real & outputs.real.cumsum(dim=1).gt(1)
        total = total + torch.einsum("plthd,pt->lhd", outputs.values.double(), later.double())
        count += int(later.sum())
    return (total / max(count, 1)).float()


@dataclass(frozen=True, eq=False)
class Neutral:
    """What a model has at the last token of neutral prompts.

    Attributes
    ----------
    state
        Before the final norm, the mean over prompts: what heads write is added to it.
    factors
        By what each block multiplies the sum of its heads before it is added, the mean over prompts: 1 but in Gemma,
        which normalises that sum.
    z
        What each head gives.
    """

    state: Float[Tensor, " d_model"]
    factors: Float[Tensor, " layer"]
    z: Float[Tensor, "prompt layer head d_head"] = field(repr=False)


def neutral_last_token(model: Model, ids: Sequence[Sequence[int]]) -> Neutral:
    """Read neutral prompts, given as token ids, at their last token."""
    layers = model.n_layers
    kinds = ("z", "attn_out")
    last = HookPoint(layers - 1, "resid_post")
    where = [last, *(HookPoint(layer, kind) for layer in range(layers) for kind in kinds)]
    states = last_token_states(model, ids, where)
    z, added = (torch.stack([states[HookPoint(i, kind)] for i in range(layers)], dim=1) for kind in kinds)
    return Neutral(states[last].mean(dim=0), norm_factors(model, z, added).mean(dim=0), z)
