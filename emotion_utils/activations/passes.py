"""Forward passes that read: batches go through the model as far as needed, and the reads of each are kept.

What is planned here decides the result to the last bit, so it depends on nothing but the texts, the reads and the
bounds: a run that is taken up again makes the same batches in the same shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.models.batches import by_length, within
from emotion_utils.models.hooks import HookPoint, forward_until
from emotion_utils.models.ragged import Ragged, ranges

if TYPE_CHECKING:
    from emotion_utils.models.model import Model


@dataclass(frozen=True)
class Shard:
    """Batches whose reads are held, and stored, together.

    Attributes
    ----------
    batches
        Row numbers of the texts of each forward pass.
    numbers
        The reads of these texts in the order of the table of reads, in which their activations stand.
    """

    batches: list[np.ndarray]
    numbers: Int[np.ndarray, " read"]

    @property
    def n_texts(self) -> int:
        """Texts of all batches."""
        return sum(map(len, self.batches))


class ForwardPasses:
    """All that a batch needs to be read.

    Parameters
    ----------
    model
    ids
        Token ids of the texts.
    reads
        As :func:`token_spans.find_spans` gives them; their index counts from 0.
    where
        Hook points to read.
    names
        Of the prompts, for messages.
    """

    def __init__(
        self,
        model: Model,
        ids: Ragged,
        reads: pd.DataFrame,
        where: Sequence[HookPoint],
        names: Sequence[str],
    ) -> None:
        model.check_mode()
        self.model, self.ids, self.where, self.names = model, ids, tuple(where), names
        self.device = model.device
        self.widths = self._widths()
        self.row, self.first, self.last = (reads[name].to_numpy() for name in ("row", "first", "last"))
        self.by_row = np.argsort(
            self.row, kind="stable"
        )  # reads of one text stand together, from begins[text] on
        self.begins = np.searchsorted(self.row[self.by_row], np.arange(len(ids) + 1))

    def shards(self, batch_tokens: int, shard_bytes: int) -> Iterator[Shard]:
        """Plan the texts that have a read, those of similar length together."""
        counts = np.diff(self.begins)
        rows = np.flatnonzero(counts)
        if not len(rows):
            return
        bytes_of = counts * sum(self.widths.values()) * 4
        batches = by_length(rows, self.ids.lengths[rows], bytes_of[rows], batch_tokens, shard_bytes)
        sizes = [int(bytes_of[batch].sum()) for batch in batches]
        for run in within(batches, sizes, shard_bytes):
            yield Shard(run, np.sort(self._reads_of(np.concatenate(run))[1]))

    def fingerprint(self, shard: Shard) -> str:
        """Hash of what decides the activations of a shard beside model and hook points."""
        rows = np.concatenate(shard.batches)
        lengths = self.ids.lengths[rows]
        place = np.argsort(rows)
        text = place[np.searchsorted(rows[place], self.row[shard.numbers])]
        _, tokens = ranges(self.ids.bounds[rows], lengths)
        found = hashlib.sha256(f"{self.model.pad} {[len(batch) for batch in shard.batches]}".encode())
        for part in (
            lengths,
            self.ids.flat[tokens],
            text,
            self.first[shard.numbers],
            self.last[shard.numbers],
        ):
            found.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        return found.hexdigest()

    @torch.no_grad()
    def run(
        self, shard: Shard, done: Callable[[int], object]
    ) -> dict[HookPoint, Float[Tensor, "read width"]]:
        """Activations of a shard; ``done`` is told the number of texts after each forward pass."""
        out = {point: torch.empty(len(shard.numbers), width) for point, width in self.widths.items()}
        for rows in shard.batches:
            # a batch that does not fit is read in smaller ones: the same numbers but for their last bits
            parts = in_pieces(rows.tolist(), len(rows), lambda some: self._pass(some, shard.numbers, out))
            for read, _ in parts:
                done(len(read))
        return out

    @torch.no_grad()
    def _widths(self) -> dict[HookPoint, int]:
        """Size of the activation at each hook point: d_model, or d_mlp, which each family names differently."""
        widths = dict.fromkeys(self.where, self.model.d_model)
        if neurons := [point for point in self.where if point.kind == "neurons"]:
            seen: list[int] = []
            token = self.model.padded([[self.model.pad]])
            read = {neurons[0]: lambda hidden: seen.append(hidden.shape[-1])}
            forward_until(self.model.network, read, **token)
            widths |= dict.fromkeys(neurons, seen[0])
        return widths

    def _pass(self, some: Sequence[int], numbers: np.ndarray, out: dict[HookPoint, Tensor]) -> None:
        rows = np.asarray(some)
        inputs = self.model.padded([self.ids[row] for row in some])
        text, own = self._reads_of(rows)
        places = torch.from_numpy(np.searchsorted(numbers, own))
        means = self._means(text, own)

        def reader(point: HookPoint) -> Callable[[Tensor], None]:
            def read(hidden: Float[Tensor, "batch position d_model"]) -> None:
                self._check(hidden, inputs["attention_mask"], point, rows)
                out[point][places] = means(hidden)

            return read

        forward_until(self.model.network, {point: reader(point) for point in self.where}, **inputs)

    def _reads_of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of these texts each of their reads is in, and the numbers of the reads."""
        text, at = ranges(self.begins[rows], self.begins[rows + 1] - self.begins[rows])
        return text, self.by_row[at]

    def _means(self, text: np.ndarray, own: np.ndarray) -> Callable[[Tensor], Tensor]:
        """The function that takes the means over the tokens of each read out of a batch."""
        sizes = self.last[own] - self.first[own]
        read, tokens = ranges(self.first[own], sizes)
        batch, token = (torch.from_numpy(a).to(self.device) for a in (text[read], tokens))
        segment, count = torch.from_numpy(read), torch.from_numpy(sizes)[:, None]

        def means(hidden: Tensor) -> Tensor:
            taken = hidden[batch.to(hidden.device), token.to(hidden.device)].float().cpu()  # (token, d_model)
            if len(taken) == len(count):
                return taken
            return torch.zeros(len(count), taken.shape[1]).index_add_(0, segment, taken) / count

        return means

    def _check(self, hidden: Tensor, mask: Tensor, point: HookPoint, rows: np.ndarray) -> None:
        """Refuse NaN and infinity anywhere in the batch; one sum finds both, and padding may hold anything."""
        if torch.isfinite(hidden.sum(dtype=torch.float32)):
            return
        bad = ~torch.isfinite(hidden).all(dim=-1) & mask.to(hidden.device).bool()  # (batch, position)
        if not bad.any():
            return
        row, position = (int(i) for i in bad.nonzero()[0])
        raise UserError(
            f"The activation {point} of {self.model.label} is "
            f'{float(hidden[row, position].float().sum())} at token {position} of the prompt "{self.names[rows[row]]}" '
            f"(dtype {str(hidden.dtype).removeprefix('torch.')}): use float32 or bfloat16, or leave the prompt out."
        )
