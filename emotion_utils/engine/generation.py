"""Text generated under many conditions at once: conditions and prompts are rows of large batches.

One forward pass per step serves all rows, each with its own edits (see :mod:`packing`). What a row gives does not
depend on the batch that it is in. With a store, finished shards of rows are kept, so that a sweep that was killed
repeats at most one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Int
from tqdm.auto import tqdm

from emotion_utils.core.errors import UserError
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.engine.decoding import Batch, NotFinite, Sampling
from emotion_utils.engine.interventions import UNTOUCHED, Condition
from emotion_utils.engine.memory import fitting_rows
from emotion_utils.engine.requests import ConditionBatch, Prompt, checked, distinct, each_with

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

BATCH_ROWS = 1024
CPU_BATCH_ROWS = 288
"""On a CPU a batch is fastest while its activations fit into the cache."""
SHARD_ROWS = 4096
GREEDY = Sampling()
COLUMNS = ("prompt", "condition", "sample", "text", "ids", "n_tokens", "ended", "batch_rows")


def generate(
    model: Model,
    prompts: Sequence[Prompt],
    conditions: Sequence[Condition] = (UNTOUCHED,),
    how: Sampling = GREEDY,
    *,
    rows: Int[np.ndarray, "row 2"] | None = None,
    batch_rows: int | None = None,
    cache: bool = True,
    side: str = "left",
    share: bool = True,
    store: Store | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Continue prompts under conditions.

    Parameters
    ----------
    model
        On any device, in any dtype.
    prompts
        Texts, or token ids.
    conditions
        With different names.
    how
        How many tokens, and how they are chosen.
    rows
        Pairs (prompt, condition) by number; by default every prompt under every condition.
    batch_rows
        Rows of a forward pass; by default as many as fit into memory (:mod:`memory`). Halved whenever it runs out.
    cache
        Keep keys and values; without, each step computes the whole text again.
    side
        Of the padding of prompts.
    share
        Compute what conditions leave unchanged once per prompt.
    store
        Keeps finished shards.
    progress
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    One row per continuation, in the order of ``rows``: ``prompt`` (number), ``condition`` (name), ``sample``, ``text``,
    ``ids``, ``n_tokens``, ``ended`` (by one of the model's ``ends``) and ``batch_rows``, the size of the batch that it
    was computed in.

    Raises
    ------
    UserError
        For what :func:`requests.checked` refuses, and for logits that are not finite, with condition and prompt.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> texts = eu.generate(model, ["Anna helped Tom. Tom said:"])
    >>> texts["condition"].tolist(), bool(texts["n_tokens"].le(30).all())
    (['untouched'], True)
    """
    ids, pairs = checked(model, prompts, conditions, rows, how.new_tokens)
    plan = each_with(pairs, how.samples)  # (row, [prompt, condition, sample])
    job = _Job(model, ids, list(conditions), how, cache, side, share)
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    most = CPU_BATCH_ROWS if model.device.type == "cpu" else BATCH_ROWS
    slots = int(lengths.max(initial=0)) + how.new_tokens
    size = batch_rows if batch_rows is not None else fitting_rows(model, slots, 1, most)
    run, which = distinct(plan, conditions)
    order = np.argsort(lengths[run[:, 0]], kind="stable")  # similar lengths together
    if not len(plan):
        return pd.DataFrame(columns=COLUMNS)
    found = []
    with tqdm(total=len(run), desc="generation", unit="text", disable=not progress, delay=2) as bar:
        for start in range(0, len(run), SHARD_ROWS):
            part = run[order[start : start + SHARD_ROWS]]
            compute = partial(job.shard, part, size, bar.update)
            if store is None:
                found.append(compute())
            else:
                found.append(store.compute("generation", job.key(part), compute))
    made = pd.concat(found, ignore_index=True).iloc[np.argsort(order)[which]].reset_index(drop=True)
    made["ids"] = [list(map(int, ids)) for ids in made["ids"]]  # a store gives arrays
    table = pd.DataFrame(plan, columns=["prompt", "condition", "sample"])
    table["condition"] = [conditions[i].name for i in plan[:, 1].tolist()]
    return table.join(made)


@dataclass(frozen=True, eq=False)
class _Job:
    """A request."""

    model: Model
    ids: list[list[int]]
    conditions: list[Condition]
    how: Sampling
    cache: bool
    side: str
    share: bool

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Of the model, whose weights are read for it where it was made in memory."""
        return self.model.identity

    def key(self, part: Int[np.ndarray, "row 3"]) -> dict[str, Any]:
        """All that decides the texts of a shard."""
        used = np.unique(part[:, 1]).tolist()
        text = repr([self.ids[prompt] for prompt in part[:, 0].tolist()])
        marks = {i: self.conditions[i].fingerprint() for i in used}
        rows = repr([(marks[c], sample) for c, sample in part[:, 1:].tolist()])
        return {
            **self.identity,
            "code": code_of(__name__),
            "how": repr(self.how),
            "ends": self._ends(),
            "rows": hashlib.sha256((text + rows).encode()).hexdigest(),
        }

    def shard(self, part: Int[np.ndarray, "row 3"], size: int, done: Any) -> pd.DataFrame:
        """Texts of some rows, in batches that fit; whose they are is not kept: another request may number otherwise."""
        tables, ends = [], self._ends()
        for numbers, made in in_pieces(range(len(part)), size, lambda some: self._batch(part[list(some)])):
            text = self.model.tokenizer.batch_decode(made, skip_special_tokens=True)
            table = pd.DataFrame({"text": text, "ids": made, "n_tokens": [len(ids) for ids in made]})
            table["ended"] = [ids[-1] in ends for ids in made]
            table["batch_rows"] = len(made)
            tables.append(table)
            done(len(numbers))
        return pd.concat(tables, ignore_index=True)

    def _ends(self) -> tuple[int, ...]:
        return self.model.ends if self.how.stop_at_end else ()

    def _batch(self, piece: Int[np.ndarray, "row 3"]) -> list[list[int]]:
        prompts = [self.ids[p] for p in piece[:, 0].tolist()]
        chosen = [self.conditions[c] for c in piece[:, 1].tolist()]
        rows = ConditionBatch.of(self.model, prompts, chosen, side=self.side)
        batch = Batch(rows, piece[:, 2], self.how, self._ends())
        try:
            return batch.run(cache=self.cache, share=self.share)
        except NotFinite as error:
            told = self.model.tokenizer.decode(prompts[error.row])[:60]
            raise UserError(
                f'Under the condition "{chosen[error.row].name}" the model gives logits that are not finite after the '
                f"prompt {told!r}: use float32 or bfloat16, or a smaller strength."
            ) from error
