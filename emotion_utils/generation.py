"""Text generated under many conditions at once: conditions and prompts are rows of large batches.

One forward pass per step serves all rows, each with its own edits (see :mod:`packing`). What a row gives does not
depend on the batch that it is in. With a store, finished shards of rows are kept, so that a sweep that was killed
repeats at most one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Int
from tqdm.auto import tqdm

from emotion_utils.backoff import in_pieces
from emotion_utils.decoding import Batch, NotFinite, Sampling
from emotion_utils.dependencies import fingerprint
from emotion_utils.errors import UserError
from emotion_utils.hooks import n_layers
from emotion_utils.interventions import UNTOUCHED, Condition, check_conditions
from emotion_utils.models import context_of
from emotion_utils.packing import Packed
from emotion_utils.positions import encode
from emotion_utils.store import Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Sampling", "all_rows", "generate", "prompt_ids"]

BATCH_ROWS = 1024
CPU_BATCH_ROWS = 288
"""On a CPU a batch is fastest while its activations fit into the cache."""
SHARD_ROWS = 4096
CODE = (
    "backoff",
    "batches",
    "caches",
    "decoding",
    "generation",
    "hooks",
    "interventions",
    "packing",
    "prefill",
)

Prompt = str | Sequence[int]
GREEDY = Sampling()
COLUMNS = ("prompt", "condition", "sample", "text", "ids", "n_tokens", "ended", "batch_rows")


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], room: int, needed: int
) -> list[list[int]]:
    """Token ids of prompts given as text or as ids.

    Parameters
    ----------
    tokenizer
    prompts
    room
        Positions that the model has.
    needed
        Positions that are needed after each prompt.

    Raises
    ------
    UserError
        For a prompt without tokens, and one that leaves no room; with the prompt.
    """
    texts = [prompt for prompt in prompts if isinstance(prompt, str)]
    encoded = iter(encode(tokenizer, texts, None).ids)
    found = [list(next(encoded)) if isinstance(prompt, str) else list(prompt) for prompt in prompts]
    for prompt, ids in zip(prompts, found, strict=True):
        told = repr(prompt if isinstance(prompt, str) else tokenizer.decode(ids))
        if not ids:
            raise UserError(f"The prompt {told} has no tokens: leave it out.")
        if len(ids) + needed > room:
            raise UserError(
                f"The prompt {told[:60]} has {len(ids)} tokens, {needed} more are asked for, and the model has room "
                f"for {room}: shorten it, ask for fewer, or leave it out."
            )
    return found


def all_rows(prompts: int, conditions: int) -> Int[np.ndarray, "row 2"]:
    """Every prompt under every condition: pairs of numbers, the conditions of a prompt side by side."""
    grid = np.meshgrid(np.arange(prompts), np.arange(conditions), indexing="ij")
    return np.stack([part.ravel() for part in grid], axis=1)


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
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
    made_from: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Continue prompts under conditions.

    Parameters
    ----------
    model, tokenizer
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
        Rows of a forward pass; halved whenever memory runs out.
    cache
        Keep keys and values; without, each step computes the whole text again.
    side
        Of the padding of prompts.
    share
        Compute what conditions leave unchanged once per prompt.
    store
        Keeps finished shards.
    made_from
        With a store: what :func:`activations.identity` says of the model.
    progress
        Show a bar where it takes longer than two seconds.

    Returns
    -------
    One row per continuation, in the order of ``rows``: ``prompt`` (number), ``condition`` (name), ``sample``, ``text``,
    ``ids``, ``n_tokens``, ``ended`` (by the end-of-sequence token) and ``batch_rows``, the size of the batch that it
    was computed in.

    Raises
    ------
    UserError
        For what :func:`interventions.check_conditions` and :func:`prompt_ids` refuse, and for logits that are not
        finite, with condition and prompt.
    """
    check_conditions(model, conditions)
    room = context_of(model.config, model.config.name_or_path)
    ids = prompt_ids(tokenizer, prompts, room, how.new_tokens)
    pairs = all_rows(len(ids), len(conditions)) if rows is None else np.asarray(rows, dtype=np.int64)
    plan = np.concatenate([np.repeat(pairs, how.samples, axis=0), _samples(pairs, how)], axis=1)
    on_cpu = model.get_input_embeddings().weight.device.type == "cpu"
    size = batch_rows or (CPU_BATCH_ROWS if on_cpu else BATCH_ROWS)
    job = _Job(model, tokenizer, ids, list(conditions), how, cache, side, share)
    order = np.lexsort(
        (plan[:, 0], np.array([len(row) for row in ids])[plan[:, 0]])
    )  # similar lengths together
    if not len(plan):
        return pd.DataFrame(columns=COLUMNS)
    found = []
    with tqdm(total=len(plan), desc="generation", unit="text", disable=not progress, delay=2) as bar:
        for start in range(0, len(plan), SHARD_ROWS):
            part = plan[order[start : start + SHARD_ROWS]]
            compute = partial(job.shard, part, size, bar.update)
            if store is None:
                found.append(compute())
            else:
                found.append(store.compute("generation", job.key(part, made_from), compute))
    made = pd.concat(found, ignore_index=True).iloc[np.argsort(order)].reset_index(drop=True)
    made["ids"] = [list(map(int, ids)) for ids in made["ids"]]  # a store gives arrays
    table = pd.DataFrame(plan, columns=["prompt", "condition", "sample"])
    table["condition"] = [conditions[i].name for i in plan[:, 1].tolist()]
    return table.join(made)


def _samples(pairs: Int[np.ndarray, "row 2"], how: Sampling) -> Int[np.ndarray, "sampled 1"]:
    return np.tile(np.arange(how.samples), len(pairs))[:, None]


@dataclass(frozen=True, eq=False)
class _Job:
    """A request."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    ids: list[list[int]]
    conditions: list[Condition]
    how: Sampling
    cache: bool
    side: str
    share: bool

    def key(self, part: Int[np.ndarray, "row 3"], made_from: Mapping[str, Any] | None) -> dict[str, Any]:
        """All that decides the texts of a shard."""
        if not {"model", "files"} <= set(made_from or {}):
            raise UserError(
                "A store needs made_from, which says what model was run: pass identity(name, model)."
            )
        used = np.unique(part[:, 1]).tolist()
        text = repr([self.ids[prompt] for prompt in part[:, 0].tolist()])
        marks = {i: self.conditions[i].fingerprint() for i in used}
        rows = repr([(marks[c], sample) for c, sample in part[:, 1:].tolist()])
        code = fingerprint(Path(__file__).parent / f"{module}.py" for module in CODE)
        return {
            **(made_from or {}),
            "engine": code,
            "how": repr(self.how),
            "rows": hashlib.sha256((text + rows).encode()).hexdigest(),
        }

    def shard(self, part: Int[np.ndarray, "row 3"], size: int, done: Any) -> pd.DataFrame:
        """Texts of some rows, in batches that fit; whose they are is not kept: another request may number otherwise."""
        tables, end = [], self._end()
        for numbers, made in in_pieces(range(len(part)), size, lambda some: self._batch(part[list(some)])):
            text = self.tokenizer.batch_decode(made, skip_special_tokens=True)
            table = pd.DataFrame({"text": text, "ids": made, "n_tokens": [len(ids) for ids in made]})
            table["ended"] = [end is not None and ids[-1:] == [end] for ids in made]
            table["batch_rows"] = len(made)
            tables.append(table)
            done(len(numbers))
        return pd.concat(tables, ignore_index=True)

    def _end(self) -> int | None:
        return self.tokenizer.eos_token_id if self.how.stop_at_end else None

    def _batch(self, piece: Int[np.ndarray, "row 3"]) -> list[list[int]]:
        chosen = [self.conditions[i] for i in piece[:, 1].tolist()]
        prompts, which = np.unique(piece[:, 0], return_inverse=True)
        ids = [self.ids[p] for p in prompts.tolist()]
        packed = Packed(chosen, [len(ids[p]) for p in which.tolist()], n_layers(self.model))
        pad = int(self.tokenizer.pad_token_id or 0)
        batch = Batch(self.model, ids, which, piece[:, 2], packed, self.how, pad, self._end(), self.side)
        try:
            return batch.run(cache=self.cache, share=self.share)
        except NotFinite as error:
            prompt, name = ids[which[error.row]], chosen[error.row].name
            raise UserError(
                f'Under the condition "{name}" the model gives logits that are not finite after the prompt '
                f"{self.tokenizer.decode(prompt)[:60]!r}: use float32 or bfloat16, or a smaller strength."
            ) from error
