"""The pass over the prompts of many conditions, in which nothing is computed twice.

Each different prompt goes through the untouched model once, and what several texts begin with alike goes through it
once where only their last positions are wanted. A row takes over from it whatever its condition leaves as
it is: keys and values of all blocks before its first edit, of all positions before its first edit, or everything. Only
the rest is computed for the row itself, from the residual stream that the untouched model had there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers.cache_utils import DynamicCache

from emotion_utils.core.budget import spend
from emotion_utils.engine.caches import Pair, RowCache, of_rows, pairs_of, taken
from emotion_utils.engine.requests import ConditionBatch
from emotion_utils.models.hooks import HookPoint, attached, resumed

TAIL = 4
"""Rows whose last columns are their own compute a multiple of so many."""
PASS = 40
"""Tokens that cost as much as it does to read the weights of a block."""


@dataclass(frozen=True)
class _Share:
    """What rows have in common: the first block, and the first column, that they compute themselves."""

    block: int
    column: int


@dataclass
class Prefill:
    """Prompts, or whole texts, under the conditions of some rows.

    Attributes
    ----------
    batch
        The rows.
    keep
        Last positions whose logits are wanted.
    slots
        Slots of the cache that is filled for the rows; 0 is without a cache.
    share
        Whether rows take over what the untouched model computes. Without, each row computes all.
    """

    batch: ConditionBatch
    keep: int = 1
    slots: int = 0
    share: bool = True
    cache: RowCache | None = field(init=False, default=None)
    logits: Float[Tensor, "row keep vocabulary"] = field(init=False)

    def __post_init__(self) -> None:
        self.model, self.which = self.batch.model, self.batch.which
        self.device = self.model.device
        self.inputs = self.model.padded(self.batch.ids, self.batch.side)
        self.width = self.inputs["input_ids"].shape[1]
        self.lengths = np.array([len(ids) for ids in self.batch.ids])
        self.seen_from = 0
        if self.slots:
            self.cache = RowCache(self.model.n_layers, len(self.which), self.slots)

    @torch.no_grad()
    def run(self) -> Prefill:
        """Fill the cache, and ``logits`` with those of the last positions of each row, biases added."""
        self._run_rows(self._shares())
        lengths = torch.from_numpy(self.lengths[self.which])[:, None]
        keep = self.logits.shape[1]
        self.logits = self.batch.packed.biased(self.logits, lengths - keep + torch.arange(keep))
        return self

    def _run_rows(self, shares: dict[_Share, list[int]]) -> None:
        everything = _Share(0, 0)
        if set(shares) == {everything}:
            self._own(everything, shares[everything], {}, [])
            return
        states, pairs, logits = self._untouched(shares)
        for share, rows in shares.items():
            if share.column >= self.width:
                self._take_over(rows, pairs, logits)
            else:
                self._own(share, rows, states, pairs)

    def _shares(self) -> dict[_Share, list[int]]:
        """The rows by what they compute themselves."""
        found: dict[_Share, list[int]] = defaultdict(list)
        for row, prompt in enumerate(self.which.tolist()):
            found[self._share(row, int(self.lengths[prompt]))].append(row)
        return self._joined(found)

    def _joined(self, found: dict[_Share, list[int]]) -> dict[_Share, list[int]]:
        """Rows that begin at a late block begin at an earlier one with others, where a pass of their own costs more."""
        layers = self.model.n_layers
        joined: dict[_Share, list[int]] = {}
        for share in sorted(found, key=lambda share: (share.column, -share.block)):
            rows = found[share]
            last = next(reversed(joined), None)
            if last is not None and last.column == share.column < self.width:
                more = (last.block - share.block) * len(joined[last]) * (self.width - share.column)
                if more < PASS * (layers - last.block):
                    rows = [*joined.pop(last), *rows]
            joined[share] = rows
        return joined

    def _share(self, row: int, length: int) -> _Share:
        if not self.share:
            return _Share(0, 0)
        first = self.batch.packed.first_position(row)
        if first >= length:
            return _Share(0, self.width)
        block = self.batch.packed.first_block(row, length)
        if self.batch.side != "left":
            return _Share(block, 0)
        tail = length - first
        # few sizes, so that many rows have one in common
        tail = self.keep if tail <= self.keep else -(-tail // TAIL) * TAIL
        return _Share(block, max(0, self.width - tail))

    def _untouched(self, shares: Collection[_Share]) -> tuple[dict[int, Tensor], list[Pair], Tensor]:
        """The untouched model on each prompt: residual streams before some blocks, keys and values, logits.

        The streams begin at the column ``seen_from``, where not even it computes those before it.
        """
        states: dict[int, Tensor] = {}

        def keeper(block: int) -> Any:
            def keep(hidden: Tensor) -> None:
                states[block] = hidden

            return keep

        starts = {share.block for share in shares if share.block > 0}
        known = self._beginnings(shares)
        seen = {name: tensor[:, self.seen_from :] for name, tensor in self.inputs.items()}
        if known is not None:
            seen["attention_mask"] = self.inputs["attention_mask"]
        with attached(
            self.model.network, {HookPoint(block - 1, "resid_post"): keeper(block) for block in starts}
        ):
            out = self._forward(seen, DynamicCache() if known is None else known)
        logits = self._last(out.logits, np.arange(len(self.batch.ids)))
        return states, list(pairs_of(out.past_key_values)), logits

    def _beginnings(self, shares: Collection[_Share]) -> DynamicCache | None:
        """Keys and values of the columns that no row computes itself, where texts begin alike there."""
        column = min(self.width - self.keep, *(share.column for share in shares))
        tail = self.width - column
        if self.batch.side != "left" or min(map(len, self.batch.ids)) <= tail:
            return None
        ids = [tuple(row[: len(row) - tail]) for row in self.batch.ids]
        read, which = _longest(ids)
        if len(read) == len(ids):
            return None
        first = self._forward(self.model.padded(read, "right"), DynamicCache(), keep=1)
        pairs = list(pairs_of(first.past_key_values))
        self.seen_from = column
        lengths = torch.tensor([len(row) for row in ids], device=self.device)
        place = torch.arange(column, device=self.device) - (column - lengths[:, None])
        at = place.clamp(min=0)[:, None, :, None]  # (text, 1, slot, 1); what is before a text is masked
        rows = torch.tensor(which, device=self.device)
        cache = DynamicCache()
        for layer, pair in enumerate(pairs):
            own = [
                taken(part, rows).gather(2, at.to(part.device).expand(-1, part.shape[1], -1, part.shape[3]))
                for part in pair
            ]
            cache.update(own[0], own[1], layer)
        return cache

    def _take_over(self, rows: Sequence[int], pairs: Sequence[Pair], logits: Tensor) -> None:
        """Rows that differ in nothing."""
        at = torch.tensor(rows, device=self.device)
        prompts = torch.from_numpy(self.which[rows]).to(self.device)
        self._put(at, logits[prompts])
        self._fill(at, prompts, [(taken(keys, prompts), taken(values, prompts)) for keys, values in pairs])

    def _own(
        self, share: _Share, rows: Sequence[int], states: dict[int, Tensor], pairs: Sequence[Pair]
    ) -> None:
        """Rows that compute the same blocks and columns themselves."""
        prompts = torch.from_numpy(self.which[rows]).to(self.device)
        inputs = {name: tensor[prompts] for name, tensor in self.inputs.items()}
        seen = {name: x if name == "attention_mask" else x[:, share.column :] for name, x in inputs.items()}
        functions = self.batch.packed.part(rows).functions(self._places(inputs)[:, share.column :])
        hidden = (
            taken(states[share.block], prompts)[:, share.column - self.seen_from :] if share.block else None
        )
        cached = bool(self.slots) or share.column > 0
        known = of_rows(pairs if share.column else [], prompts, share.column) if cached else None
        with attached(self.model.network, functions), resumed(self.model.network, share.block, hidden):
            out = self._forward(seen, known, share.block)
        at = torch.tensor(rows, device=self.device)
        self._put(at, self._last(out.logits, self.which[rows]))
        if self.slots:
            own = list(pairs_of(out.past_key_values))
            before = [(taken(keys, prompts), taken(values, prompts)) for keys, values in pairs[: share.block]]
            self._fill(at, prompts, [*before, *own[share.block :]])

    def _forward(self, inputs: dict[str, Tensor], cache: Any, block: int = 0, keep: int | None = None) -> Any:
        columns = inputs["input_ids"].shape[1]
        read = float(inputs["attention_mask"][:, -columns:].sum())
        spend(read * (1 - block / self.model.n_layers))
        # on the right, the last positions differ from row to row
        keep = keep or (self.keep if self.batch.side == "left" else 0)
        return self.model.network(
            **inputs, past_key_values=cache, use_cache=cache is not None, logits_to_keep=keep
        )

    def _places(self, inputs: dict[str, Tensor]) -> Int[Tensor, "row position"]:
        """Position of each token in its row, on the CPU; -1 for padding."""
        return torch.where(inputs["attention_mask"].bool(), inputs["position_ids"], -1).cpu()

    def _last(self, logits: Tensor, prompts: np.ndarray) -> Tensor:
        """Logits at the last positions of each row, wherever its padding is."""
        if self.batch.side == "left":
            return logits
        ends = torch.from_numpy(self.lengths[prompts]).to(logits.device)[:, None]
        at = (ends - self.keep + torch.arange(self.keep, device=logits.device)).clamp(min=0)
        return logits[torch.arange(len(logits), device=logits.device)[:, None], at]

    def _put(self, rows: Tensor, logits: Tensor) -> None:
        if not hasattr(self, "logits"):
            self.logits = logits.new_empty(len(self.which), *logits.shape[1:])
        self.logits[rows] = logits

    def _fill(self, rows: Tensor, prompts: Tensor, pairs: Sequence[Pair]) -> None:
        """Keys and values of rows, with the padding on the left, into the cache."""
        if self.cache is None:
            return
        lengths = torch.from_numpy(self.lengths).to(self.device)[prompts]
        for layer, (keys, values) in enumerate(pairs):
            if self.batch.side == "right":
                keys, values = (_to_the_right(part, lengths.to(part.device)) for part in (keys, values))
            self.cache.fill(layer, rows, keys, values)


def _longest(texts: Sequence[tuple[int, ...]]) -> tuple[list[tuple[int, ...]], list[int]]:
    """The texts that are no beginning of another one, and which of them each text begins."""
    read: list[tuple[int, ...]] = []
    which = [0] * len(texts)
    for i in sorted(range(len(texts)), key=texts.__getitem__, reverse=True):
        if not read or read[-1][: len(texts[i])] != texts[i]:
            read.append(texts[i])
        which[i] = len(read) - 1
    return read, which


def _to_the_right(part: Float[Tensor, "row head slot d"], lengths: Int[Tensor, " row"]) -> Tensor:
    """Move the first slots of each row, which hold its tokens, to the end."""
    width = part.shape[2]
    slot = (torch.arange(width, device=part.device) - (width - lengths[:, None])) % width
    return part.gather(2, slot[:, None, :, None].expand_as(part))
