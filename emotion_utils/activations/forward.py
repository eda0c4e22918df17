"""The one loop that reads activations: batches of texts of similar length through the model, whole tensors out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.models.hooks import HookFunction, HookPoint, eager, forward_until, shape_at

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

BATCH = 32
"""Prompts of a forward pass of :func:`forward_batches`."""


def forward_batches(
    model: Model,
    texts: Sequence[str],
    where: Sequence[HookPoint],
    *,
    batch: int = BATCH,
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[HookPoint, Tensor]]]:
    """Whole tensors of hook points, special tokens included, a batch of texts of similar length at a time.

    Parameters
    ----------
    model
        For the kind ``pattern`` the attention implementation must be ``eager``.
    texts
    where
        Hook points of any kind.
    batch
        Texts of a forward pass.

    Yields
    ------
    Row numbers of the texts, their numbers of tokens, and the tensors, padded on the right, on the model's device.
    """
    ids = list(model.encode(list(texts)).ids)
    lengths = np.array([len(row) for row in ids])
    order = np.argsort(lengths, kind="stable")
    for rows in np.split(order, range(batch, len(order), batch)):
        inputs = model.padded([ids[row] for row in rows.tolist()])
        caught: dict[HookPoint, Tensor] = {}

        functions = {point: partial(_keep, caught, point) for point in where}
        with torch.no_grad():  # a decorator would not hold inside a generator
            forward_until(model.network, functions, **inputs)
        yield rows, lengths[rows], caught


def _keep(caught: dict[HookPoint, Tensor], point: HookPoint, hidden: Tensor) -> None:
    caught[point] = hidden


BATCH = 32
CHUNK_BYTES = 2**29
"""Of what is held of one kind of activation at a time."""


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


@torch.no_grad()
def capture(model: Model, ids: Sequence[Sequence[int]], kind: str = "z", batch: int = BATCH) -> HeadOutputs:
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
    layers, longest = model.n_layers, max(map(len, ids))
    heads, width = shape_at(model.network, HookPoint(0, "z"))
    shape = (heads, longest, longest) if kind == "pattern" else (longest, heads, width)
    values = torch.zeros(len(ids), layers, *shape)
    real = torch.zeros(len(ids), longest, dtype=torch.bool)
    if kind == "pattern":
        with eager(model.network):
            _fill(model, ids, kind, batch, values, real)
    else:
        _fill(model, ids, kind, batch, values, real)
    return HeadOutputs(values, real)


def _fill(
    model: Model,
    ids: Sequence[Sequence[int]],
    kind: str,
    batch: int,
    values: Tensor,
    real: Tensor,
) -> None:
    order = np.argsort([len(row) for row in ids], kind="stable")
    for rows in np.split(order, range(batch, len(order), batch)):
        inputs = model.padded([ids[row] for row in rows.tolist()], "left")
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
        forward_until(model.network, where, **inputs)


@torch.no_grad()
def at_the_end(
    model: Model, ids: Sequence[Sequence[int]], where: Sequence[HookPoint]
) -> dict[HookPoint, Float[Tensor, "prompt ..."]]:
    """Activations of hook points at the last token of prompts (token ids), in float32 on the CPU."""
    found: dict[HookPoint, list[Tensor]] = {point: [] for point in where}

    def keeper(point: HookPoint) -> HookFunction:
        return lambda hidden: found[point].append(hidden[:, -1].float().cpu())

    order = np.argsort([len(row) for row in ids], kind="stable")
    for rows in np.split(order, range(BATCH, len(order), BATCH)):
        inputs = model.padded([ids[row] for row in rows.tolist()], "left")
        forward_until(model.network, {point: keeper(point) for point in where}, **inputs)
    back = torch.from_numpy(np.argsort(order))
    return {point: torch.cat(parts)[back] for point, parts in found.items()}
