"""What a model computes on prompts, read at chosen hooks, layers and positions.

One forward pass per batch of prompts of similar length, stopped at the last layer that is needed; only what was asked
for leaves the pass. What a prompt gives does not depend on the batch that it is in. Passes are gathered in shards of
bounded size, so that :func:`stream` holds one shard at a time, however many prompts there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from emotion_utils.activations.passes import ForwardPasses, Shard
from emotion_utils.activations.shards import ShardStore, StoredValues
from emotion_utils.activations.token_spans import find_spans
from emotion_utils.core.errors import UserError
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.models.hooks import HookPoint

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

BATCH_TOKENS = 8192
CPU_BATCH_TOKENS = 768
"""On a CPU a batch is fastest while its activations fit into the cache."""
SHARD_BYTES = 64 * 2**20
READABLE = ("resid_pre", "attn_out", "neurons", "mlp_out", "resid_post")


@dataclass(frozen=True)
class Activations:
    """Activations of prompts at hook points, and what each row of them is.

    Attributes
    ----------
    values
        Hook point to a tensor of shape (read, d_model), of neurons (read, d_mlp), float32 on the CPU. Of activations
        in a store, each is read from there whenever it is asked for.
    reads
        One row per read, in the order of the tensors: ``id``, ``position``, ``row``, ``first``, ``last``,
        ``sink``.
    """

    values: Mapping[HookPoint, Float[Tensor, "read width"]] = field(repr=False)
    reads: pd.DataFrame

    def layers(self, kind: str = "resid_post") -> list[int]:
        """Layers at which this kind was read."""
        return sorted(point.layer for point in self.values if point.kind == kind)

    def at(
        self, position: str, kind: str = "resid_post"
    ) -> tuple[pd.Series, Float[Tensor, "prompt layer d_model"]]:
        """One kind at one position, all its layers: the prompt ids and a tensor whose rows belong to them."""
        chosen = (self.reads["position"] == position).to_numpy()
        if not chosen.any():
            raise UserError(
                f'No activation was read at the position "{position}": read were '
                f"{', '.join(sorted(set(self.reads['position']))) or 'none'}."
            )
        layers = self.layers(kind)
        if not layers:
            kinds = ", ".join(sorted({point.kind for point in self.values}))
            raise UserError(f'No activation of the kind "{kind}" was read: read were {kinds}.')
        rows = torch.from_numpy(np.flatnonzero(chosen))
        stacked = torch.empty(0)
        for i, layer in enumerate(layers):
            taken = self.values[HookPoint(layer, kind)][rows]
            if i == 0:
                stacked = torch.empty(len(rows), len(layers), taken.shape[1])
            stacked[:, i] = taken
        return self.reads.loc[chosen, "id"].reset_index(drop=True), stacked

    def ragged(self, kind: str = "resid_post") -> list[list[Tensor]]:
        """The reports' layout ``[layer][prompt]`` of tensors (position, d_model); needs the position ``all``."""
        ids, stacked = self.at("all", kind)
        rows = [np.flatnonzero(ids.to_numpy() == name) for name in ids.drop_duplicates()]
        return [[stacked[torch.from_numpy(r), i] for r in rows] for i in range(stacked.shape[1])]


def points(
    model: Model, kinds: Sequence[str] = ("resid_post",), layers: Sequence[int] | None = None
) -> list[HookPoint]:
    """Hook points of these kinds at these layers (all by default)."""
    chosen = range(model.n_layers) if layers is None else layers
    return [HookPoint(layer, kind) for layer in chosen for kind in kinds]


def _made_from(model: Model) -> dict[str, Any]:
    """What can change the activations of a model beside prompts and positions, for a store."""
    return {**model.identity, "code": code_of(__name__)}


def extract(
    model: Model,
    prompts: pd.DataFrame,
    where: Sequence[HookPoint],
    positions: Sequence[str] = ("end",),
    *,
    batch_tokens: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    store: Store | None = None,
    again: bool = False,
    progress: bool = True,
) -> Activations:
    """Read activations of prompts.

    Parameters
    ----------
    model
        On any device, in any dtype; what comes back is float32 on the CPU.
    prompts
        One row per prompt, as `prompts.loading.load_prompts` gives them.
    where
        Hook points of the residual stream or of what is added to it, for example from :func:`points`.
    positions
        Some of `token_spans.POSITIONS`.
    batch_tokens
        Rows times width of a batch; by default 768 on a CPU and 8192 elsewhere.
    shard_bytes
        Size of a shard, all hook points together.
    store
        Keeps finished shards, one artefact per hook point, so that a run that was killed repeats at most one shard;
        ``values`` then reads a hook point from there when it is asked for. Without a store all is held in memory.
    again
        With a store: compute all anew, for example in place of a damaged artefact.
    progress
        Show a bar where it takes longer than two seconds.

    Raises
    ------
    UserError
        For a NaN or infinity, with the layer, hook and prompt where it was met; for a prompt longer than the context.
    """
    _check_request(where)
    job = _Job.of(model, prompts, where, positions, batch_tokens, shard_bytes)
    if store is not None:
        shards = ShardStore(store, _made_from(model))
        for _ in job.run(shards, again, progress):
            pass
        parts = [(shard.numbers, job.passes.fingerprint(shard)) for shard in job.shards]
        return Activations(StoredValues(shards, job.passes.where, parts), job.reads)
    values = {point: torch.empty(len(job.reads), width) for point, width in job.passes.widths.items()}
    for shard, part in job.run(None, again, progress):
        for point in where:
            values[point][torch.from_numpy(shard.numbers)] = part[point]
    return Activations(values, job.reads)


def stream(
    model: Model,
    prompts: pd.DataFrame,
    where: Sequence[HookPoint],
    positions: Sequence[str] = ("end",),
    *,
    batch_tokens: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    store: Store | None = None,
    again: bool = False,
    progress: bool = True,
) -> Iterator[Activations]:
    """Read activations of prompts, a shard at a time, in memory that does not grow with their number.

    Takes and raises what :func:`extract` does. With a store, shards that are in it are read instead of computed.

    Yields
    ------
    The activations of the prompts of one shard, whose ``reads`` are a part of those of :func:`extract`: each read is in
    one shard, and those of a prompt in the same one, except that its ``match`` goes with the partner that is read.
    """
    _check_request(where)
    job = _Job.of(model, prompts, where, positions, batch_tokens, shard_bytes)
    shards = None if store is None else ShardStore(store, _made_from(model))
    return (
        Activations(part, job.reads.iloc[shard.numbers].reset_index(drop=True))
        for shard, part in job.run(shards, again, progress)
    )


def _check_request(where: Sequence[HookPoint]) -> None:
    wrong = [str(point) for point in where if point.kind not in READABLE]
    if wrong or not where:
        raise UserError(
            f"Activations are read at {', '.join(READABLE)}, not at {', '.join(wrong) or 'nothing'}."
        )


@dataclass(frozen=True, eq=False)
class _Job:
    """A request, planned: what to read, and in which shards."""

    passes: ForwardPasses
    reads: pd.DataFrame
    shards: list[Shard]

    @classmethod
    def of(
        cls,
        model: Model,
        prompts: pd.DataFrame,
        where: Sequence[HookPoint],
        positions: Sequence[str],
        batch_tokens: int | None,
        shard_bytes: int,
    ) -> _Job:
        encoded = model.encode(prompts["text"].tolist())
        reads = find_spans(prompts, encoded, positions)
        if reads.empty:
            raise UserError("No prompt has a token to read at these positions: see token_spans.unmatched.")
        passes = ForwardPasses(model, encoded.ids, reads, where, prompts["id"].tolist())
        tokens = batch_tokens or (CPU_BATCH_TOKENS if passes.device.type == "cpu" else BATCH_TOKENS)
        return cls(passes, reads, list(passes.shards(tokens, shard_bytes)))

    def run(
        self, kept: ShardStore | None, again: bool, progress: bool
    ) -> Iterator[tuple[Shard, Mapping[HookPoint, Tensor]]]:
        """Each shard with its activations; of one that was in the store already, they are read when asked for."""
        total = sum(shard.n_texts for shard in self.shards)
        with tqdm(total=total, desc="activations", unit="prompt", disable=not progress, delay=2) as bar:
            for shard in self.shards:
                compute = partial(self.passes.run, shard, bar.update)
                if kept is None:
                    yield shard, compute()
                    continue
                name = self.passes.fingerprint(shard)
                part = kept.keep(name, self.passes.where, compute, again=again)
                if part is None:
                    bar.update(shard.n_texts)
                stored = StoredValues(kept, self.passes.where, [(np.arange(len(shard.numbers)), name)])
                yield shard, stored if part is None else part
