"""Hidden states of windows of tokens: one pass of the model for all layers, kept in memory or in shards on disk.

Every window has the same number of tokens, so that nothing is padded. What is kept lies in a store, a shard of windows
at a time: a run that is killed repeats at most one shard. States that are larger than the memory they may take stay
there, and are mapped into memory where they are used; :class:`LiveStates` keeps nothing and computes them anew.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from torch import Tensor
from tqdm.auto import tqdm

from emotion_utils.activations.extraction import points
from emotion_utils.activations.forward import forward_batches
from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import DamagedArtefact, Store, artefact_key
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.parts.reading import DTYPES, check_windows, narrowed, read_batch, windows_at_once

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

MEMORY = 2 * 2**30
"""Bytes of states that are held in memory."""
SHARD_BYTES = 64 * 2**20


class StateSource(ABC):
    """Whatever gives the states of windows by their numbers."""

    layers: tuple[int, ...]

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """All that can change the states, as JSON: for the key of what is computed from them."""

    @abstractmethod
    def at(self, rows: Int[np.ndarray, " row"]) -> dict[int, Float[Tensor, "row position d_model"]]:
        """Layer to the states of these windows, in float32 on the CPU."""


@dataclass(frozen=True, eq=False)
class MappedStates:
    """States of one layer in shards that are mapped into memory: only rows that are asked for are read.

    Attributes
    ----------
    shards
        Each of shape (window, position, d_model).
    """

    shards: Sequence[Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the whole tensor."""
        return (sum(map(len, self.shards)), *self.shards[0].shape[1:])

    def __getitem__(self, rows: Int[Tensor, " row"]) -> Float[Tensor, "row position d_model"]:
        starts = torch.tensor([0, *(len(shard) for shard in self.shards)]).cumsum(0)
        owner = torch.searchsorted(starts, rows, right=True) - 1
        found = torch.empty(len(rows), *self.shape[1:], dtype=self.shards[0].dtype)
        for shard in owner.unique().tolist():
            mine = owner == shard
            found[mine] = self.shards[shard][rows[mine] - starts[shard]]
        return found


@dataclass(frozen=True, eq=False)
class WindowStates(StateSource):
    """Hidden states of windows at some layers: the residual stream after a block, counted from 0.

    Attributes
    ----------
    layers
    values
        Layer to its states, shape (window, position, d_model), in the dtype that they are kept in.
    surprisal
        Nats of the token at a position given those before it; position 0 is NaN.
    origin
        What they were made from, as JSON.
    """

    layers: tuple[int, ...]
    values: Mapping[int, Tensor | MappedStates] = field(repr=False)
    surprisal: Float[Tensor, "window position"] = field(repr=False)
    origin: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def about(self) -> dict[str, Any]:
        """What they were made from."""
        return dict(self.origin)

    def at(self, rows: Int[np.ndarray, " row"]) -> dict[int, Float[Tensor, "row position d_model"]]:
        """Layer to the states of these windows, in float32."""
        chosen = torch.from_numpy(np.asarray(rows))
        return {layer: self.values[layer][chosen].float() for layer in self.layers}


@dataclass(frozen=True, eq=False)
class LiveStates(StateSource):
    """Hidden states that are computed when they are asked for, and not kept.

    Attributes
    ----------
    model
    ids
        Windows of tokens.
    layers
        Counted from 0.
    """

    model: Model
    ids: Int[Tensor, "window position"] = field(repr=False)
    layers: tuple[int, ...]

    def about(self) -> dict[str, Any]:
        """What they are made from."""
        return made_from(self.model, self.ids, self.layers, "float32")

    def at(self, rows: Int[np.ndarray, " row"]) -> dict[int, Float[Tensor, "row position d_model"]]:
        """Layer to the states of these windows, in float32 on the CPU."""
        check_windows(self.model, self.ids, self.layers)
        where = points(self.model, layers=self.layers)
        chosen = self.ids[torch.from_numpy(np.asarray(rows))].tolist()
        passes = forward_batches(self.model, chosen, where, take=lambda hidden: hidden.float().cpu())
        caught = [part for _, _, part in passes]
        return {point.layer: torch.cat([part[point] for part in caught]) for point in where}

    def stream(
        self, batch: int
    ) -> Iterator[tuple[np.ndarray, dict[int, Float[Tensor, "row position d_model"]]]]:
        """Numbers of so many windows at a time, with their states."""
        for rows in np.split(np.arange(len(self.ids)), range(batch, len(self.ids), batch)):
            yield rows, self.at(rows)


def made_from(
    model: Model, ids: Int[Tensor, "window position"], layers: Sequence[int], dtype: str
) -> dict[str, Any]:
    """What can change hidden states: the model, the windows, the layers, the dtype and the code."""
    windows = hashlib.sha256(f"{tuple(ids.shape)}".encode() + ids.numpy().tobytes()).hexdigest()
    about = {"windows": windows, "layers": list(layers), "states": dtype, "code": code_of(__name__)}
    return {**model.identity, **about}


def read_states(
    model: Model,
    ids: Int[Tensor, "window position"],
    layers: Sequence[int],
    *,
    dtype: str = "float32",
    store: Store | None = None,
    memory: int = MEMORY,
    shard_bytes: int = SHARD_BYTES,
    batch_tokens: int | None = None,
    progress: bool = True,
) -> WindowStates:
    """Read the residual stream after some blocks at every position of windows, and the surprisal of their tokens.

    Parameters
    ----------
    model
    ids
        Windows of tokens, special tokens included.
    layers
        Blocks, counted from 0.
    dtype
        In which states are kept: ``float32``, ``bfloat16`` or ``float16``.
    store
        Keeps finished shards.
    memory
        Bytes that states may take; larger ones are mapped from the store.
    shard_bytes, batch_tokens
        Size of a shard, and tokens of a forward pass.
    progress
        Show a bar where it takes longer than two seconds.

    Raises
    ------
    UserError
        For windows longer than the context or of fewer than two tokens, unknown tokens, layers and dtypes, values
        beyond float16 or not finite, and for states that are larger than ``memory`` without a store.
    """
    layers = tuple(layers)
    check_windows(model, ids, layers)
    if dtype not in DTYPES:
        raise UserError(f'States are kept as {listing(DTYPES)}, not as "{dtype}".')
    each = DTYPES[dtype].itemsize * len(layers) * ids.shape[1] * model.d_model
    size = each * len(ids)
    if size > memory and store is None:
        raise UserError(
            f"The states of {len(ids)} windows at {len(layers)} layers take {size / 2**30:.2f} GiB, and "
            f"{memory / 2**30:.2f} may be held in memory: give a store, which keeps them on disk, fewer windows or "
            "layers, or a smaller dtype."
        )
    per_shard = max(1, shard_bytes // each)
    job = _Job(model, ids, layers, dtype, windows_at_once(model, ids.shape[1], batch_tokens))
    shards = np.split(np.arange(len(ids)), range(per_shard, len(ids), per_shard))
    about = made_from(model, ids, layers, dtype)
    with tqdm(total=len(ids), desc="hidden states", unit="window", disable=not progress, delay=2) as bar:
        found = [job.shard(rows, about, store, bar, mapped=size > memory) for rows in shards]
    return _gathered(found, layers, about, mapped=size > memory)


@dataclass(frozen=True, eq=False)
class _Job:
    """What is read of which windows."""

    model: Model
    ids: Tensor
    layers: tuple[int, ...]
    dtype: str
    batch: int

    def shard(
        self, rows: np.ndarray, about: Mapping[str, Any], store: Store | None, bar: Any, *, mapped: bool
    ) -> dict[str, Tensor]:
        """The tensors of a shard, from the store where they are there."""
        compute = partial(self.compute, rows)
        if store is None:
            tensors = compute()
        else:
            parameters = {**about, "rows": [int(rows[0]), int(rows[-1]) + 1]}
            tensors = store.compute("states", parameters, compute)
            if mapped:
                tensors = _mapped(store, artefact_key("states", parameters))
        bar.update(len(rows))
        return tensors

    def compute(self, rows: np.ndarray) -> dict[str, Tensor]:
        shape = (len(rows), self.ids.shape[1])
        found = {
            str(layer): torch.empty(*shape, self.model.d_model, dtype=DTYPES[self.dtype])
            for layer in self.layers
        }
        found["surprisal"] = torch.empty(shape)
        read = partial(_read_rows, self.model, self.ids, self.layers)
        for piece, (states, surprisal) in in_pieces(rows.tolist(), self.batch, read):
            at = torch.tensor(piece) - int(rows[0])
            found["surprisal"][at] = surprisal.cpu()
            for layer, hidden in states.items():
                found[str(layer)][at] = narrowed(hidden, self.dtype, layer)
        return found


def _read_rows(
    model: Model, ids: Tensor, layers: Sequence[int], rows: Sequence[int]
) -> tuple[dict[int, Tensor], Tensor]:
    return read_batch(model, ids[list(rows)], layers)


def _mapped(store: Store, key: str) -> dict[str, Tensor]:
    """Tensors of an artefact mapped into memory; its payload was hashed when it was read or written just now."""
    path = store.folder / store.manifest(key)["file"]
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except OSError as error:
        raise DamagedArtefact(f"The stored states {path} cannot be mapped ({error}): delete them.") from error


def _gathered(
    shards: Sequence[Mapping[str, Tensor]],
    layers: tuple[int, ...],
    about: Mapping[str, Any],
    *,
    mapped: bool,
) -> WindowStates:
    parts = {layer: [shard[str(layer)] for shard in shards] for layer in layers}
    values: dict[int, Tensor | MappedStates] = {
        layer: MappedStates(own) if mapped else torch.cat(own) for layer, own in parts.items()
    }
    return WindowStates(layers, values, torch.cat([shard["surprisal"] for shard in shards]), about)
