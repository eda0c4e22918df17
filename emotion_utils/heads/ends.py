"""What a model has at the last token of prompts, from which the prediction is read, and a neutral state to add to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.captured import BATCH
from emotion_utils.heads.capture import norm_factors
from emotion_utils.hooks import HookFunction, HookPoint, forward_until, n_layers
from emotion_utils.prefill import padded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Neutral", "at_the_end", "neutral_end"]


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


def neutral_end(model: PreTrainedModel, pad: int, ids: Sequence[Sequence[int]]) -> Neutral:
    """Read neutral prompts, given as token ids, at their last token; ``pad`` fills the rows of a batch."""
    layers = n_layers(model)
    kinds = ("z", "attn_out")
    last = HookPoint(layers - 1, "resid_post")
    where = [last, *(HookPoint(layer, kind) for layer in range(layers) for kind in kinds)]
    found = at_the_end(model, pad, ids, where)
    z, added = (torch.stack([found[HookPoint(i, kind)] for i in range(layers)], dim=1) for kind in kinds)
    return Neutral(found[last].mean(dim=0), norm_factors(model, z, added).mean(dim=0), z)


@torch.no_grad()
def at_the_end(
    model: PreTrainedModel, pad: int, ids: Sequence[Sequence[int]], where: Sequence[HookPoint]
) -> dict[HookPoint, Float[Tensor, "prompt ..."]]:
    """Activations of hook points at the last token of prompts (token ids), in float32 on the CPU."""
    found: dict[HookPoint, list[Tensor]] = {point: [] for point in where}
    device = model.get_input_embeddings().weight.device

    def keeper(point: HookPoint) -> HookFunction:
        return lambda hidden: found[point].append(hidden[:, -1].float().cpu())

    order = np.argsort([len(row) for row in ids], kind="stable")
    for rows in np.split(order, range(BATCH, len(order), BATCH)):
        inputs = padded([ids[row] for row in rows.tolist()], pad, "left", device)
        forward_until(model, {point: keeper(point) for point in where}, **inputs)
    back = torch.from_numpy(np.argsort(order))
    return {point: torch.cat(parts)[back] for point, parts in found.items()}
