"""Step after step for the rows of one batch, each with its own edits and its own random numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.core.budget import spend
from emotion_utils.core.errors import UserError
from emotion_utils.engine.caches import RowCache
from emotion_utils.engine.prefill import Prefill
from emotion_utils.engine.requests import ConditionBatch
from emotion_utils.models.hooks import attached


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes
    ----------
    new_tokens
        At most so many; a row ends with a token that ends a text or a turn.
    temperature
        0 takes the most probable token, else tokens are drawn from the whole distribution.
    samples
        Continuations of each row; more than one needs a temperature.
    seed
        A prompt gets the same random numbers under every condition, in any batch, which makes conditions comparable.
    stop_at_end
        Whether what ends a text of the model (``Model.ends``) ends a row.
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
        if self.seed < 0:
            raise UserError(f"A seed is 0 or a positive whole number, not {self.seed}.")
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
    rows
        Prompts under conditions.
    samples
        Number of the sample of each row.
    how
    ends
        Ids of which each ends a row.
    """

    rows: ConditionBatch
    samples: Int[np.ndarray, " row"]
    how: Sampling
    ends: tuple[int, ...]
    made: list[list[int]] = field(init=False)
    live: Int[np.ndarray, " live"] = field(init=False)
    cache: RowCache | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.made = [[] for _ in self.rows.which]
        self.live = np.arange(len(self.rows.which))
        self.packed = self.rows.packed  # of the live rows
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
        return [self._until_end(ids) for ids in self.made]

    def _until_end(self, ids: list[int]) -> list[int]:
        """New tokens of a row up to the first that ends it: a row goes on in its batch while others do."""
        last = next((place for place, token in enumerate(ids) if token in self.ends), len(ids))
        return ids[: last + 1]

    def _prefill(self, cache: bool, share: bool) -> Float[Tensor, "row vocabulary"]:
        width = max(map(len, self.rows.ids))
        slots = width + self.how.new_tokens
        first = Prefill(self.rows, slots=slots if cache else 0, share=share).run()
        self.cache, self.device, self.filled = first.cache, first.device, width
        self.next = torch.from_numpy(first.lengths[self.rows.which])  # position of the next token of each row
        self.mask = (torch.arange(slots) >= width - self.next[:, None]).long().to(self.device)  # (row, slot)
        return first.logits[:, -1]

    def _step(self, tokens: Int[Tensor, " row"]) -> Float[Tensor, "row vocabulary"]:
        """One token of each live row."""
        self.filled += 1
        spend(len(tokens))
        places = self.next[:, None]
        with attached(self.rows.model.network, self.packed.functions(places)):
            out = self.rows.model.network(
                input_ids=tokens[:, None],
                attention_mask=self.mask[:, : self.filled],
                position_ids=places.to(self.device),
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=1,
            )
        logits = self.packed.biased(out.logits[:, -1:], places)
        self.next = self.next + 1
        return logits[:, -1]

    def _again(self) -> Float[Tensor, "row vocabulary"]:
        """The same without a cache: every text from its first token on."""
        prompts = (self.rows.ids[prompt] for prompt in self.rows.which.tolist())
        texts = [[*prompt, *made] for prompt, made in zip(prompts, self.made, strict=True)]
        whole = replace(self.rows, ids=texts, which=np.arange(len(texts)))
        return Prefill(whole, share=False).run().logits[:, -1]

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
            ended[i] = self._ended(row)
        return ended

    def _ended(self, row: int) -> bool:
        return any(token in self.ends for token in self.made[row])

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
        finite = torch.isfinite(logits).all(dim=-1).tolist()
        for row, fine in zip(self.live.tolist(), finite, strict=True):
            if not fine and not self._ended(row):
                raise NotFinite(row)

    def _uniform(self) -> Float[np.ndarray, "row step"]:
        """A number in [0, 1) for each row and step, from the seed, the prompt and the sample alone."""
        if self.how.temperature == 0:
            return np.zeros((len(self.rows.which), 0))
        known: dict[tuple[int, int], np.ndarray] = {}
        pairs = list(zip(self.rows.which.tolist(), self.samples.tolist(), strict=True))
        for prompt, sample in dict.fromkeys(pairs):
            mark = hashlib.sha256(np.asarray(self.rows.ids[prompt], dtype="<i8").tobytes()).digest()
            seed = np.random.SeedSequence([self.how.seed, int.from_bytes(mark[:8], "little"), sample])
            known[prompt, sample] = np.random.default_rng(seed).random(self.how.new_tokens)
        return np.stack([known[pair] for pair in pairs])
