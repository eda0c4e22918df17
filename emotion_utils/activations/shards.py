"""Activations in a store: shard by shard, one artefact per hook point, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.core.store import Store, artefact_key
from emotion_utils.models.hooks import HookPoint


@dataclass(frozen=True)
class ShardStore:
    """The shards of one request in a store.

    Attributes
    ----------
    store
    made_from
        What can change the result beside hook points, texts and reads.
    """

    store: Store
    made_from: Mapping[str, Any]

    def key(self, point: HookPoint, fingerprint: str) -> str:
        """Where the activations of a shard at a hook point are."""
        return artefact_key("activations", self._parameters(point, fingerprint))

    def keep(
        self,
        fingerprint: str,
        where: Sequence[HookPoint],
        compute: Callable[[], Mapping[HookPoint, Tensor]],
        *,
        again: bool = False,
    ) -> Mapping[HookPoint, Tensor] | None:
        """Compute a shard and store it, unless all of it is there; processes that ask together compute it once.

        Returns
        -------
        What was computed, or None where all of it was there.
        """
        keys = {point: self.key(point, fingerprint) for point in where}
        if not again and all(key in self.store for key in keys.values()):
            return None
        with self.store.locked(artefact_key("shard", {**self.made_from, "shard": fingerprint})):
            missing = [point for point, key in keys.items() if again or key not in self.store]
            if not missing:
                return None
            values = compute()
            for point in missing:
                tensors = {"activations": values[point]}
                self.store.put(keys[point], tensors, self._parameters(point, fingerprint))
            return values

    def read(self, point: HookPoint, fingerprint: str) -> Float[Tensor, "read width"]:
        """One shard at one hook point."""
        return self.store.get(self.key(point, fingerprint))["activations"]

    def _parameters(self, point: HookPoint, fingerprint: str) -> dict[str, Any]:
        return {**self.made_from, "hook": str(point), "shard": fingerprint}


@dataclass(frozen=True, eq=False)
class StoredValues(Mapping[HookPoint, Float[Tensor, "read width"]]):
    """Hook point to its activations, read from the shards each time, so that only what is in use takes memory.

    Attributes
    ----------
    shards
        Where they are.
    where
        Hook points.
    parts
        The reads that each shard holds, and its fingerprint; together they are the reads 0, 1, ...
    """

    shards: ShardStore
    where: Sequence[HookPoint]
    parts: Sequence[tuple[Int[np.ndarray, " read"], str]]

    def __getitem__(self, point: HookPoint) -> Float[Tensor, "read width"]:
        if point not in self.where:
            raise KeyError(point)
        n_reads = sum(len(numbers) for numbers, _ in self.parts)
        whole = torch.empty(0)
        for numbers, fingerprint in self.parts:
            part = self.shards.read(point, fingerprint)
            if not len(whole):
                whole = torch.empty(n_reads, part.shape[1])
            whole[torch.from_numpy(numbers)] = part
        return whole

    def __contains__(self, point: object) -> bool:
        return point in self.where

    def __iter__(self) -> Iterator[HookPoint]:
        return iter(self.where)

    def __len__(self) -> int:
        return len(self.where)
