"""Keys and values of a batch in buffers that are as long as they will ever get, so that no step copies them.

A row's tokens end at the same slot as those of all other rows; what is before its first token is never attended to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache

Pair = tuple[Float[Tensor, "row head slot d_head"], Float[Tensor, "row head slot d_head"]]


class _Layer(CacheLayerMixin):
    """Keys and values of one layer, up to ``length`` slots of a fixed number."""

    is_sliding = False

    def __init__(self, rows: int, capacity: int) -> None:
        super().__init__()
        self.rows, self.capacity, self.length = rows, capacity, 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        def buffer(like: Tensor) -> Tensor:
            return like.new_empty(self.rows, like.shape[1], self.capacity, like.shape[3])

        self.keys, self.values = buffer(key_states), buffer(value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any) -> Pair:
        """Append new slots of all rows, and give all there are."""
        stop = self.length + key_states.shape[2]
        keys: Any = self.keys
        values: Any = self.values
        keys[:, :, self.length : stop], values[:, :, self.length : stop] = key_states, value_states
        self.length = stop
        return keys[:, :, :stop], values[:, :, :stop]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Slots that a query of this length attends to, and where they begin."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """Slots that are filled."""
        return self.length

    def get_max_length(self) -> int:
        """Slots that there are."""
        return self.capacity


class RowCache(Cache):
    """The cache of a batch of rows.

    Parameters
    ----------
    n_layers
    rows
    capacity
        Slots of each row: the longest prompt and all that will be generated.
    """

    def __init__(self, n_layers: int, rows: int, capacity: int) -> None:
        super().__init__(layers=[_Layer(rows, capacity) for _ in range(n_layers)])

    def fill(self, layer: int, rows: Int[Tensor, " some"], keys: Tensor, values: Tensor) -> None:
        """Put the first slots of some rows in place."""
        one: Any = self.layers[layer]
        if not one.is_initialized:
            one.lazy_initialization(keys, values)
        width = keys.shape[2]
        rows = rows.to(keys.device)  # layers may be on several devices
        one.keys[rows, :, :width], one.values[rows, :, :width] = keys, values
        one.length = width

    def keep(self, rows: Int[Tensor, " some"]) -> None:
        """Forget all other rows."""
        for one in self.layers:
            kept: Any = one
            kept.keys, kept.values, kept.rows = taken(kept.keys, rows), taken(kept.values, rows), len(rows)


def of_rows(pairs: Sequence[Pair], rows: Int[Tensor, " some"], slots: int) -> DynamicCache:
    """A cache of the library that holds the first slots of some rows."""
    cache = DynamicCache()
    for layer, (keys, values) in enumerate(pairs):
        cache.update(taken(keys[:, :, :slots], rows), taken(values[:, :, :slots], rows), layer)
    return cache


def taken(part: Float[Tensor, "row ..."], rows: Int[Tensor, " some"]) -> Float[Tensor, "some ..."]:
    """Some rows of a tensor, on the device that it is on: the layers of a large model are on several."""
    return part[rows.to(part.device)]


def pairs_of(cache: DynamicCache) -> Iterator[Pair]:
    """Keys and values of each layer; empty ones of layers that did not run."""
    for layer in cache.layers:
        one: Any = layer
        yield (one.keys, one.values) if one.is_initialized else (torch.empty(0), torch.empty(0))
