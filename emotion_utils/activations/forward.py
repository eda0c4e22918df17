"""The one loop that reads activations: batches of texts of similar length through the model, whole tensors out.

What is read at the last token only, and what heads give counted from there, are built on it. (Activations of many
prompts that are kept in a store come from :mod:`activations.extraction`, whose passes fill shards.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.engine.backoff import in_pieces
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import HookFunction, HookPoint, eager, forward_until, shape_at

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

BATCH = 32
"""Prompts of a forward pass."""
CHUNK_BYTES = 2**29
"""Of what is held of one kind of activation at a time."""


def forward_batches(
    model: Model,
    ids: Sequence[Sequence[int]],
    where: Sequence[HookPoint],
    *,
    side: str = "right",
    batch: int = BATCH,
    take: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[HookPoint, Tensor]]]:
    """Activations at hook points, a batch of texts of similar length at a time; one that does not fit comes in parts.

    Parameters
    ----------
    model
        For the kind ``pattern`` its attention is computed by the implementation ``eager`` meanwhile.
    ids
        Token ids of the texts, special tokens included: from :meth:`Model.encode`.
    where
        Hook points of any kind.
    side
        Where shorter texts are padded: ``right`` or ``left``.
    batch
        Texts of a forward pass.
    take
        What is kept of each tensor, for example its last position; by default all of it.

    Yields
    ------
    Row numbers of the texts, their numbers of tokens, and the tensors, on the model's device.
    """
    model.check_mode()
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    has_pattern = any(point.kind == "pattern" for point in where)

    def read(rows: Sequence[int]) -> dict[HookPoint, Tensor]:
        caught: dict[HookPoint, Tensor] = {}
        functions = {point: _catching(caught, point, take) for point in where}
        # a decorator would not hold inside a generator
        with torch.no_grad(), eager(model.network) if has_pattern else nullcontext():
            forward_until(model.network, functions, **model.padded([ids[row] for row in rows], side))
        return caught

    for together in similar_lengths(lengths, batch):
        for piece, caught in in_pieces(together.tolist(), len(together), read):
            yield np.asarray(piece), lengths[piece], caught


def _catching(
    caught: dict[HookPoint, Tensor], point: HookPoint, take: Callable[[Tensor], Tensor] | None
) -> HookFunction:
    def catch(tensor: Tensor) -> None:
        caught[point] = tensor if take is None else take(tensor)

    return catch


def last_token_states(
    model: Model, ids: Sequence[Sequence[int]], where: Sequence[HookPoint]
) -> dict[HookPoint, Float[Tensor, "prompt ..."]]:
    """Activations of hook points at the last token of prompts (token ids), in float32 on the CPU."""
    parts = list(forward_batches(model, ids, where, side="left", take=_last_token))
    back = torch.from_numpy(np.argsort(np.concatenate([rows for rows, _, _ in parts])))
    return {point: torch.cat([caught[point] for _, _, caught in parts])[back] for point in where}


def _last_token(hidden: Float[Tensor, "prompt position ..."]) -> Float[Tensor, "prompt ..."]:
    return hidden[:, -1].float().cpu()


@dataclass(frozen=True, eq=False)
class HeadOutputs:
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


def chunks(model: Model, ids: Sequence[Sequence[int]], copies: int = 1) -> Iterator[slice]:
    """Runs of prompts of which so many copies of what all heads give fit into memory."""
    heads, width = shape_at(model.network, HookPoint(0, "z"))
    longest = max(map(len, ids), default=1)
    size = max(1, CHUNK_BYTES // (copies * 4 * model.n_layers * longest * heads * width))
    for start in range(0, len(ids), size):
        yield slice(start, start + size)


def head_outputs(
    model: Model, ids: Sequence[Sequence[int]], kind: str = "z", batch: int = BATCH
) -> HeadOutputs:
    """Read what every head of every layer gives at every position, in float32 on the CPU.

    Parameters
    ----------
    model
    ids
        Token ids of the prompts.
    kind
        ``z``, ``v`` or ``pattern``.
    batch
        Prompts of a forward pass.
    """
    where = [HookPoint(layer, kind) for layer in range(model.n_layers)]
    longest, (heads, width) = max(map(len, ids)), shape_at(model.network, HookPoint(0, "z"))
    shape = (heads, longest, longest) if kind == "pattern" else (longest, heads, width)
    values = torch.zeros(len(ids), len(where), *shape)
    real = torch.arange(longest) >= longest - torch.tensor([len(row) for row in ids])[:, None]
    passes = forward_batches(
        model, ids, where, side="left", batch=batch, take=lambda hidden: hidden.float().cpu()
    )
    for rows, lengths, caught in passes:
        at, filled = torch.from_numpy(rows), slice(longest - int(lengths.max()), None)
        tokens = real[at, filled]
        for point, hidden in caught.items():
            if kind == "pattern":
                both = tokens[:, None, :, None] & tokens[:, None, None, :]  # (prompt, 1, query, key)
                values[at, point.layer, :, filled, filled] = torch.where(both, hidden, 0)
            else:
                values[at, point.layer, filled] = torch.where(tokens[:, :, None, None], hidden, 0)
    return HeadOutputs(values, real)
