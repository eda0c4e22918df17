"""Step after step for the rows of one batch, each with its own edits and its own random numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.caches import RowCache
from emotion_utils.errors import UserError
from emotion_utils.hooks import attached
from emotion_utils.packing import Packed
from emotion_utils.prefill import Prefill

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Batch", "NotFinite", "Sampling"]


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes
    ----------
    new_tokens
        At most so many; a row ends with its end-of-sequence token.
    temperature
        0 takes the most probable token, else tokens are drawn from the whole distribution.
    samples
        Continuations of each row; more than one needs a temperature.
    seed
        A prompt gets the same random numbers under every condition, in any batch, which makes conditions comparable.
    stop_at_end
        Whether the end-of-sequence token ends a row.
    """

    new_tokens: int = 30
    temperature: float = 0.0
    samples: int = 1
    seed: int = 0
    stop_at_end: bool = True

    def __post_init__(self) -> None:
        if self.new_tokens < 1 or self.samples < 1:
            raise UserError(
                f"At least one new token and one sample are generated, not {self.new_tokens} and {self.samples}."
            )
        if not 0 <= self.temperature < float("inf"):
            raise UserError(f"A temperature is 0 or a positive number, not {self.temperature}.")
        if self.samples > 1 and self.temperature == 0:
            raise UserError("At temperature 0 all samples are the same: choose samples=1, or a temperature.")


class NotFinite(Exception):
    """Logits of a row are not finite.

    Attributes
    ----------
    row
        Its number in the batch.
    """

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row}")
        self.row = row


@dataclass
class Batch:
    """The rows of one batch while they grow; rows that have ended are dropped once they are half of it.

    Attributes
    ----------
    model
    ids
        Tokens of the different prompts.
    which
        The prompt of each row.
    samples
        Number of the sample of each row.
    packed
        Conditions of the rows.
    how
    pad, end
        Ids that fill and end a row; no end is None.
    side
        Of the padding of prompts.
    """

    model: PreTrainedModel
    ids: Sequence[list[int]]
    which: Int[np.ndarray, " row"]
    samples: Int[np.ndarray, " row"]
    packed: Packed
    how: Sampling
    pad: int
    end: int | None
    side: str = "left"
    made: list[list[int]] = field(init=False)
    live: Int[np.ndarray, " live"] = field(init=False)
    cache: RowCache | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.made = [[] for _ in self.which]
        self.live = np.arange(len(self.which))
        self.uniform = self._uniform()

    @torch.no_grad()
    def run(self, *, cache: bool = True, share: bool = True) -> list[list[int]]:
        """New tokens of each row.

        Raises
        ------
        NotFinite
        """
        logits = self._prefill(cache, share)
        for step in range(self.how.new_tokens):
            tokens = self._choose(logits, step)
            ended = self._append(tokens)
            if ended.all() or step + 1 == self.how.new_tokens:
                break
            logits = self._step(self._compact(tokens, ended)) if cache else self._again()
        return [ids[: ids.index(self.end) + 1] if self.end in ids else ids for ids in self.made]

    def _prefill(self, cache: bool, share: bool) -> Float[Tensor, "row vocabulary"]:
        width = max(map(len, self.ids))
        slots = width + self.how.new_tokens
        first = Prefill(
            self.model,
            self.ids,
            self.which,
            self.packed,
            self.pad,
            slots=slots if cache else 0,
            side=self.side,
            share=share,
        ).run()
        self.cache, self.device, self.filled = first.cache, first.device, width
        self.next = torch.from_numpy(first.lengths[self.which])  # position of the next token of each row
        self.mask = (torch.arange(slots) >= width - self.next[:, None]).long().to(self.device)  # (row, slot)
        return first.logits[:, -1]

    def _step(self, tokens: Int[Tensor, " row"]) -> Float[Tensor, "row vocabulary"]:
        """One token of each live row."""
        self.filled += 1
        places = self.next[:, None]
        with attached(self.model, self.packed.functions(places)):
            out = self.model(
                input_ids=tokens[:, None],
                attention_mask=self.mask[:, : self.filled],
                position_ids=places.to(self.device),
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=1,
            )
        self.next = self.next + 1
        return out.logits[:, -1]

    def _again(self) -> Float[Tensor, "row vocabulary"]:
        """The same without a cache: every text from its first token on."""
        texts = [self.ids[p] + made for p, made in zip(self.which.tolist(), self.made, strict=True)]
        rows = np.arange(len(texts))
        whole = Prefill(self.model, texts, rows, self.packed, self.pad, side=self.side, share=False)
        return whole.run().logits[:, -1]

    def _choose(self, logits: Float[Tensor, "row vocabulary"], step: int) -> Int[Tensor, " row"]:
        self._check(logits)
        if self.how.temperature == 0:
            return logits.argmax(dim=-1)
        chances = torch.softmax(logits.double() / self.how.temperature, dim=-1).cumsum(dim=-1)
        drawn = torch.from_numpy(self.uniform[self.live, step]).to(logits.device)[:, None] * chances[:, -1:]
        return torch.searchsorted(chances, drawn, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)

    def _append(self, tokens: Int[Tensor, " row"]) -> np.ndarray:
        """Note the tokens; gives which live rows have ended."""
        ended = np.zeros(len(self.live), dtype=bool)
        for i, (row, token) in enumerate(zip(self.live.tolist(), tokens.tolist(), strict=True)):
            self.made[row].append(token)
            ended[i] = self.end is not None and self.end in self.made[row]
        return ended

    def _compact(self, tokens: Int[Tensor, " row"], ended: np.ndarray) -> Int[Tensor, " live"]:
        if 2 * ended.sum() < len(ended):
            return tokens
        kept = np.flatnonzero(~ended)
        index = torch.from_numpy(kept)
        self.live, self.next = self.live[kept], self.next[index]
        self.packed = self.packed.part(kept.tolist())
        index = index.to(self.device)
        if self.cache is not None:
            self.cache.keep(index)
        self.mask = self.mask[index]
        return tokens[index]

    def _check(self, logits: Float[Tensor, "row vocabulary"]) -> None:
        if torch.isfinite(logits.sum(dtype=torch.float32)):
            return
        bad = torch.nonzero(~torch.isfinite(logits).all(dim=-1))
        if len(bad):
            raise NotFinite(int(self.live[int(bad[0])]))

    def _uniform(self) -> Float[np.ndarray, "row step"]:
        """A number in [0, 1) for each row and step, from the seed, the prompt and the sample alone."""
        if self.how.temperature == 0:
            return np.zeros((len(self.which), 0))
        known: dict[tuple[int, int], np.ndarray] = {}
        pairs = list(zip(self.which.tolist(), self.samples.tolist(), strict=True))
        for prompt, sample in dict.fromkeys(pairs):
            mark = hashlib.sha256(np.asarray(self.ids[prompt], dtype="<i8").tobytes()).digest()
            seed = np.random.SeedSequence([self.how.seed, int.from_bytes(mark[:8], "little"), sample])
            known[prompt, sample] = np.random.default_rng(seed).random(self.how.new_tokens)
        return np.stack([known[pair] for pair in pairs])
