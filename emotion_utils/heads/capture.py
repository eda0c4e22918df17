"""What heads give on many prompts, position by position, counted from the last token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.attention import eager
from emotion_utils.families import blocks, normalises, written_by_heads
from emotion_utils.hooks import HookPoint, forward_until, n_layers, shape_at
from emotion_utils.prefill import padded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Captured", "capture", "chunks", "mean_outputs", "norm_factors"]

BATCH = 32
CHUNK_BYTES = 2**29
"""Of what is held of one kind of activation at a time."""


@dataclass(frozen=True, eq=False)
class Captured:
    """Activations of heads on some prompts, padded on the left, so that the last token stands last.

    Attributes
    ----------
    values
        Shape (prompt, layer, position, head, d_head); of ``pattern`` (prompt, layer, head, query, key). 0 in padding.
    real
        Which positions hold tokens.
    """

    values: Float[Tensor, ...]
    real: Bool[Tensor, "prompt position"]

    def tail(self, prompt: int, tokens: int) -> Float[Tensor, "layer tokens head d_head"]:
        """The last tokens of a prompt."""
        return self.values[prompt, :, self.values.shape[2] - tokens :]


def chunks(model: PreTrainedModel, ids: Sequence[Sequence[int]], copies: int = 1) -> Iterator[slice]:
    """Runs of prompts of which so many copies of what all heads give fit into memory."""
    heads, width = shape_at(model, HookPoint(0, "z"))
    longest = max(map(len, ids), default=1)
    size = max(1, CHUNK_BYTES // (copies * 4 * n_layers(model) * longest * heads * width))
    for start in range(0, len(ids), size):
        yield slice(start, start + size)


@torch.no_grad()
def capture(
    model: PreTrainedModel, pad: int, ids: Sequence[Sequence[int]], kind: str = "z", batch: int = BATCH
) -> Captured:
    """Read what every head of every layer gives at every position, in float32 on the CPU.

    Parameters
    ----------
    model
    pad
        Id that fills a row of a batch.
    ids
        Token ids of the prompts.
    kind
        ``z``, ``v`` or ``pattern``.
    batch
        Prompts of a forward pass.
    """
    layers, longest = n_layers(model), max(map(len, ids))
    device = model.get_input_embeddings().weight.device
    heads, width = shape_at(model, HookPoint(0, "z"))
    shape = (heads, longest, longest) if kind == "pattern" else (longest, heads, width)
    values = torch.zeros(len(ids), layers, *shape)
    real = torch.zeros(len(ids), longest, dtype=torch.bool)
    if kind == "pattern":
        with eager(model):
            _fill(model, pad, ids, kind, batch, values, real, device)
    else:
        _fill(model, pad, ids, kind, batch, values, real, device)
    return Captured(values, real)


def _fill(
    model: PreTrainedModel,
    pad: int,
    ids: Sequence[Sequence[int]],
    kind: str,
    batch: int,
    values: Tensor,
    real: Tensor,
    device: torch.device,
) -> None:
    order = np.argsort([len(row) for row in ids], kind="stable")
    for rows in np.split(order, range(batch, len(order), batch)):
        inputs = padded([ids[row] for row in rows.tolist()], pad, "left", device)
        mask = inputs["attention_mask"].bool().cpu()
        wide, at = mask.shape[1], torch.from_numpy(rows)
        real[at, real.shape[1] - wide :] = mask

        def keeper(layer: int, wide: int = wide, mask: Tensor = mask, at: Tensor = at):  # type: ignore[no-untyped-def]
            def keep(found: Tensor) -> None:
                own = found.float().cpu()
                if kind == "pattern":
                    own = own * mask[:, None, :, None] * mask[:, None, None, :]
                    values[at, layer, :, -wide:, -wide:] = own
                else:
                    values[at, layer, -wide:] = own * mask[:, :, None, None]

            return keep

        where = {HookPoint(layer, kind): keeper(layer) for layer in range(values.shape[1])}
        forward_until(model, where, **inputs)


def norm_factors(
    model: PreTrainedModel,
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
    if not normalises(blocks(model)[0]):
        return torch.ones(added.shape[:2])
    weights = torch.stack([written_by_heads(model, layer) for layer in range(z.shape[1])])
    plain = torch.einsum("blhd,lhdm->blm", z, weights)
    return (added * plain).sum(-1) / plain.square().sum(-1)


def mean_outputs(
    model: PreTrainedModel, pad: int, ids: Sequence[Sequence[int]]
) -> Float[Tensor, "layer head d_head"]:
    """Mean of what each head gives, over all tokens of all prompts but the first of each, which is of another kind."""
    total, count = torch.zeros(1), 0
    for part in chunks(model, ids):
        found = capture(model, pad, ids[part])
        later = found.real & found.real.cumsum(dim=1).gt(1)
        total = total + torch.einsum("plthd,pt->lhd", found.values.double(), later.double())
        count += int(later.sum())
    return (total / max(count, 1)).float()
