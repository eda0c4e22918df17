"""What a model computes on prompts, read at chosen hooks, layers and positions.

One forward pass per batch of prompts of similar length, stopped at the last layer that is needed; only what was asked
for leaves the pass. What a prompt gives does not depend on the batch that it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from emotion_utils.canonical import digest
from emotion_utils.dependencies import fingerprint, model_files
from emotion_utils.errors import UserError
from emotion_utils.hooks import HookPoint, forward_until, n_layers
from emotion_utils.models import context_of
from emotion_utils.positions import Encoded, encode, find_reads
from emotion_utils.provenance import versions
from emotion_utils.store import Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Activations", "extract", "identity", "model_inputs", "points"]

BATCH_TOKENS = 8192
SHARD_BATCHES = 4
CODE = ("activations", "hooks", "positions")
READABLE = ("resid_pre", "attn_out", "mlp_out", "resid_post")


@dataclass(frozen=True)
class Activations:
    """Activations of prompts at hook points, and what each row of them is.

    Attributes
    ----------
    values
        Hook point to a tensor of shape (read, d_model), float32 on the CPU.
    reads
        One row per read, in the order of the tensors: ``id``, ``position``, ``row``, ``first``, ``last``.
    """

    values: dict[HookPoint, Float[Tensor, "read d_model"]] = field(repr=False)
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
        if not self.layers(kind):
            kinds = ", ".join(sorted({point.kind for point in self.values}))
            raise UserError(f'No activation of the kind "{kind}" was read: read were {kinds}.')
        rows = torch.from_numpy(np.flatnonzero(chosen))
        stacked = torch.stack(
            [self.values[HookPoint(layer, kind)][rows] for layer in self.layers(kind)], dim=1
        )
        return self.reads.loc[chosen, "id"].reset_index(drop=True), stacked

    def ragged(self, kind: str = "resid_post") -> list[list[Tensor]]:
        """The reports' layout ``[layer][prompt]`` of tensors (position, d_model); needs the position ``all``."""
        ids, stacked = self.at("all", kind)
        rows = [np.flatnonzero(ids.to_numpy() == name) for name in ids.drop_duplicates()]
        return [[stacked[torch.from_numpy(r), i] for r in rows] for i in range(stacked.shape[1])]


def points(
    model: PreTrainedModel, kinds: Sequence[str] = ("resid_post",), layers: Sequence[int] | None = None
) -> list[HookPoint]:
    """Hook points of these kinds at these layers (all by default)."""
    chosen = range(n_layers(model)) if layers is None else layers
    return [HookPoint(layer, kind) for layer in chosen for kind in kinds]


def model_inputs(rows: Sequence[Sequence[int]], pad: int, side: str = "right") -> dict[str, Tensor]:
    """Rows of token ids as a padded batch with its mask, and positions that start at each row's first token.

    Parameters
    ----------
    rows
        Token ids.
    pad
        Id that fills a row.
    side
        ``right`` or ``left``. Learned positions make left padding silently wrong without explicit positions.
    """
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        where = slice(0, len(row)) if side == "right" else slice(width - len(row), width)
        ids[i, where], mask[i, where] = torch.tensor(row), 1
    position = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return {"input_ids": ids, "attention_mask": mask, "position_ids": position}


def identity(name: str, model: PreTrainedModel) -> dict[str, Any]:
    """What can change the activations of a model beside prompts and positions, for a store.

    Parameters
    ----------
    name
        Registry name, hub id or directory that ``model`` was loaded from.
    model

    Returns
    -------
    Name, hash of the files of weights and tokenizer (of a hub model its commit), dtype, attention implementation,
    package versions, and a hash of the code that reads activations.
    """
    return {
        "model": name,
        "files": fingerprint(model_files(name)),
        "revision": getattr(model.config, "_commit_hash", None),
        "dtype": str(model.dtype),
        "attention": model.config._attn_implementation,
        "packages": versions(),
        "code": fingerprint(Path(__file__).parent / f"{module}.py" for module in CODE),
    }


def extract(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: pd.DataFrame,
    where: Sequence[HookPoint],
    positions: Sequence[str] = ("end",),
    *,
    batch_tokens: int = BATCH_TOKENS,
    store: Store | None = None,
    made_from: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Activations:
    """Read activations of prompts.

    Parameters
    ----------
    model, tokenizer
        On any device, in any dtype; what comes back is float32 on the CPU.
    prompts
        One row per prompt, as `prompts.load_prompts` gives them.
    where
        Hook points of the residual stream or of what is added to it, for example from :func:`points`.
    positions
        Some of `positions.POSITIONS`.
    batch_tokens
        Rows times width of a batch.
    store
        Keeps shards of finished batches, so that a run that was killed repeats at most one of them.
    made_from
        With a store: what :func:`identity` says of the model.
    progress
        Show a bar where it takes longer than two seconds.

    Raises
    ------
    UserError
        For a NaN or infinity, with the layer, hook and prompt where it was met; for a prompt longer than the context.
    """
    _check_request(where, store, made_from)
    context = context_of(model.config, model.config.name_or_path)
    encoded = encode(tokenizer, prompts["text"].tolist(), context)
    reads = find_reads(prompts, encoded, positions)
    job = _Job(model, int(tokenizer.pad_token_id or 0), encoded, reads, tuple(where), prompts["id"].tolist())
    shards = list(_shards(job.batches(batch_tokens)))
    filled = _Filled(where, len(reads))
    described = {} if store is None else {**(made_from or {}), **job.described()}
    with tqdm(total=len(prompts), desc="activations", unit="prompt", disable=not progress, delay=2) as bar:
        for batches in shards:
            compute = partial(job.run, batches)
            if store is None:
                filled.add(compute())
            else:
                filled.add(store.compute("activations", described | {"batches": digest(batches)}, compute))
            bar.update(sum(map(len, batches)))
    return Activations(filled.values(), reads)


def _check_request(
    where: Sequence[HookPoint], store: Store | None, made_from: Mapping[str, Any] | None
) -> None:
    wrong = [str(point) for point in where if point.kind not in READABLE]
    if wrong or not where:
        raise UserError(
            f"Activations are read at {', '.join(READABLE)}, not at {', '.join(wrong) or 'nothing'}."
        )
    if store is not None and not {"model", "files"} <= set(made_from or {}):
        raise UserError(
            "A store needs made_from, which says what model was read: pass identity(name, model)."
        )


@dataclass(frozen=True)
class _Job:
    """All that a batch needs to be read."""

    model: PreTrainedModel
    pad: int
    encoded: Encoded
    reads: pd.DataFrame
    where: tuple[HookPoint, ...]
    names: list[str]

    def described(self) -> dict[str, Any]:
        """What decides the result beside the model."""
        return {
            "hooks": [str(point) for point in self.where],
            "reads": digest(self.reads.to_dict(orient="list")),
            "ids": digest(self.encoded.ids),
        }

    def batches(self, batch_tokens: int) -> list[list[int]]:
        """Texts with a read, those of similar length together, as lists of row numbers."""
        wanted = sorted(set(self.reads["row"]), key=lambda row: (len(self.encoded.ids[row]), row))
        groups: list[list[int]] = []
        for row in wanted:
            width = len(self.encoded.ids[row])
            if not groups or (len(groups[-1]) + 1) * width > batch_tokens:
                groups.append([])
            groups[-1].append(row)
        return groups

    @torch.no_grad()
    def run(self, batches: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Activations of some batches: hook point to (read, d_model), and under ``read`` the numbers of the reads."""
        parts = [self._batch(rows) for rows in batches]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _batch(self, rows: Sequence[int]) -> dict[str, Tensor]:
        inputs = model_inputs([self.encoded.ids[row] for row in rows], self.pad)
        device = self.model.get_input_embeddings().weight.device
        inputs = {name: tensor.to(device) for name, tensor in inputs.items()}
        numbers, gather = self._gather(rows)
        out: dict[str, Tensor] = {"read": torch.from_numpy(numbers)}

        def reader(point: HookPoint) -> Callable[[Tensor], None]:
            def read(hidden: Float[Tensor, "batch position d_model"]) -> None:
                self._check(hidden, inputs["attention_mask"], point, rows)
                out[str(point)] = gather(hidden)

            return read

        forward_until(self.model, {point: reader(point) for point in self.where}, **inputs)
        return out

    def _gather(self, rows: Sequence[int]) -> tuple[np.ndarray, Callable[[Tensor], Tensor]]:
        """The reads that these texts have, and the function that takes their means out of a batch."""
        own = self.reads[self.reads["row"].isin(rows)]
        at = own["row"].map({row: i for i, row in enumerate(rows)}).to_numpy()
        sizes = (own["last"] - own["first"]).to_numpy(copy=True)
        segment = torch.from_numpy(np.repeat(np.arange(len(own)), sizes))
        batch = torch.from_numpy(np.repeat(at, sizes))
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        token = torch.from_numpy(np.repeat(own["first"].to_numpy(), sizes) + offsets)

        def gather(hidden: Tensor) -> Tensor:
            taken = hidden[batch.to(hidden.device), token.to(hidden.device)].float().cpu()  # (token, d_model)
            if len(taken) == len(own):
                return taken
            sums = torch.zeros(len(own), taken.shape[1]).index_add_(0, segment, taken)
            return sums / torch.from_numpy(sizes)[:, None]

        return own.index.to_numpy(copy=True), gather

    def _check(self, hidden: Tensor, mask: Tensor, point: HookPoint, rows: Sequence[int]) -> None:
        """Refuse NaN and infinity anywhere in the batch; one sum finds both, and padding may hold anything."""
        if torch.isfinite(hidden.sum(dtype=torch.float32)):
            return
        bad = ~torch.isfinite(hidden).all(dim=-1) & mask.to(hidden.device).bool()  # (batch, position)
        if not bad.any():
            return
        row, position = (int(i) for i in bad.nonzero()[0])
        raise UserError(
            f"The activation {point} of {self.model.config.name_or_path or type(self.model).__name__} is "
            f'{float(hidden[row, position].float().sum())} at token {position} of the prompt "{self.names[rows[row]]}" '
            f"(dtype {str(hidden.dtype).removeprefix('torch.')}): use float32 or bfloat16, or leave the prompt out."
        )


def _shards(batches: Sequence[list[int]]) -> Iterator[list[list[int]]]:
    for start in range(0, len(batches), SHARD_BATCHES):
        yield list(batches[start : start + SHARD_BATCHES])


class _Filled:
    """One tensor per hook point, filled shard by shard, so that nothing is held twice."""

    def __init__(self, where: Sequence[HookPoint], n_reads: int) -> None:
        self.where, self.n_reads = where, n_reads
        self.tensors: dict[HookPoint, Tensor] = {}
        self.seen = torch.zeros(n_reads, dtype=torch.bool)

    def add(self, shard: Mapping[str, Tensor]) -> None:
        rows = shard["read"]
        for point in self.where:
            part = shard[str(point)]
            if point not in self.tensors:
                self.tensors[point] = torch.empty(self.n_reads, part.shape[1])
            self.tensors[point][rows] = part
        self.seen[rows] = True

    def values(self) -> dict[HookPoint, Tensor]:
        if not self.n_reads:
            raise UserError("No prompt has a token to read at these positions: see positions.unmatched.")
        if not bool(self.seen.all()):
            raise RuntimeError(f"{int((~self.seen).sum())} of {self.n_reads} reads were in no batch.")
        return self.tensors
