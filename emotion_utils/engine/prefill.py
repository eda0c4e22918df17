"""The pass over the prompts of many conditions, in which nothing is computed twice.

Each different prompt goes through the untouched model once. A row takes over from it whatever its condition leaves as
it is: keys and values of all blocks before its first edit, of all positions before its first edit, or everything. Only
the rest is computed for the row itself, from the residual stream that the untouched model had there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers.cache_utils import DynamicCache

from emotion_utils.core.budget import spend
from emotion_utils.engine.caches import Pair, RowCache, of_rows, pairs_of
from emotion_utils.engine.requests import ConditionBatch
from emotion_utils.models.hooks import HookPoint, attached, resumed


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
        if self.slots:
            self.cache = RowCache(self.model.n_layers, len(self.which), self.slots)

    @torch.no_grad()
    def run(self) -> Prefill:
        """Fill the cache, and ``logits`` with those of the last positions of each row."""
        shares = self._shares()
        everything = _Share(0, 0)
        if set(shares) == {everything}:
            self._own(everything, shares[everything], {}, [])
            return self
        states, pairs, logits = self._untouched({share.block for share in shares})
        for share, rows in shares.items():
            if share.column >= self.width:
                self._take_over(rows, pairs, logits)
            else:
                self._own(share, rows, states, pairs)
        return self

    def _shares(self) -> dict[_Share, list[int]]:
        """The rows by what they compute themselves."""
        found: dict[_Share, list[int]] = defaultdict(list)
        for row, prompt in enumerate(self.which.tolist()):
            found[self._share(row, int(self.lengths[prompt]))].append(row)
        return found

    def _share(self, row: int, length: int) -> _Share:
        if not self.share:
            return _Share(0, 0)
        first = self.batch.packed.first_position(row)
        if first >= length:
            return _Share(0, self.width)
        late = self.batch.side == "left" and first >= length - self.keep
        block = self.batch.packed.first_block(row, length)
        return _Share(block, self.width - self.keep if late else 0)

    def _untouched(self, starts: set[int]) -> tuple[dict[int, Tensor], list[Pair], Tensor]:
        """The untouched model on each prompt: residual streams before some blocks, keys and values, logits."""
        states: dict[int, Tensor] = {}

        def keeper(block: int) -> Any:
            def keep(hidden: Tensor) -> None:
                states[block] = hidden

            return keep

        where = {HookPoint(block - 1, "resid_post"): keeper(block) for block in starts if block > 0}
        with attached(self.model.network, where):
            out = self._forward(self.inputs, DynamicCache())
        logits = self._last(out.logits, np.arange(len(self.batch.ids)))
        return states, list(pairs_of(out.past_key_values)), logits

    def _take_over(self, rows: Sequence[int], pairs: Sequence[Pair], logits: Tensor) -> None:
        """Rows that differ in nothing."""
        at = torch.tensor(rows, device=self.device)
        prompts = torch.from_numpy(self.which[rows]).to(self.device)
        self._put(at, logits[prompts])
        self._fill(at, prompts, [(keys[prompts], values[prompts]) for keys, values in pairs])

    def _own(
        self, share: _Share, rows: Sequence[int], states: dict[int, Tensor], pairs: Sequence[Pair]
    ) -> None:
        """Rows that compute the same blocks and columns themselves."""
        prompts = torch.from_numpy(self.which[rows]).to(self.device)
        inputs = {name: tensor[prompts] for name, tensor in self.inputs.items()}
        seen = {name: x if name == "attention_mask" else x[:, share.column :] for name, x in inputs.items()}
        functions = self.batch.packed.part(rows).functions(self._places(inputs)[:, share.column :])
        hidden = states[share.block][prompts, share.column :] if share.block else None
        cached = bool(self.slots) or share.column > 0
        known = of_rows(pairs if share.column else [], prompts, share.column) if cached else None
        with attached(self.model.network, functions), resumed(self.model.network, share.block, hidden):
            out = self._forward(seen, known, share.block)
        at = torch.tensor(rows, device=self.device)
        self._put(at, self._last(out.logits, self.which[rows]))
        if self.slots:
            own = list(pairs_of(out.past_key_values))
            before = [(keys[prompts], values[prompts]) for keys, values in pairs[: share.block]]
            self._fill(at, prompts, [*before, *own[share.block :]])

    def _forward(self, inputs: dict[str, Tensor], cache: Any, block: int = 0) -> Any:
        columns = inputs["input_ids"].shape[1]
        read = float(inputs["attention_mask"][:, -columns:].sum())
        spend(read * (1 - block / self.model.n_layers))
        # on the right, the last positions differ from row to row
        keep = self.keep if self.batch.side == "left" else 0
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
                keys, values = (_to_the_right(part, lengths) for part in (keys, values))
            self.cache.fill(layer, rows, keys, values)


def _to_the_right(part: Float[Tensor, "row head slot d"], lengths: Int[Tensor, " row"]) -> Tensor:
    """Move the first slots of each row, which hold its tokens, to the end."""
    width = part.shape[2]
    slot = (torch.arange(width, device=part.device) - (width - lengths[:, None])) % width
    return part.gather(2, slot[:, None, :, None].expand_as(part))
