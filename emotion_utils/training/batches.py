"""From documents to batches of token ids: whole documents of similar length together, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

IGNORED = -100  # the label that cross-entropy leaves out, as everywhere in torch
PACKED_SHARE = 0.08  # share of documents that stand one after another in rows of the full context
WITHOUT_BOS = 0.3  # share of documents that start bare, in families whose tokenizer adds no BOS


@dataclass(frozen=True)
class Batch:
    """Token ids and the next token of each position; padding has the label ``IGNORED``."""

    ids: Tensor  # (row, position)
    labels: Tensor  # (row, position)

    @property
    def tokens(self) -> int:
        return int((self.labels != IGNORED).sum())


def encode_whole(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> list[np.ndarray]:
    """Documents as ``BOS ... EOS``, whether or not the family's tokenizer adds the BOS by itself."""
    texts = list(texts)
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    return [np.array([bos, *ids, eos], dtype=np.int64) for ids in encoded]


def make_batches(
    documents: Sequence[np.ndarray],
    *,
    batch_tokens: int,
    context: int,
    pad: int,
    bare_starts: bool,
    packed: float = PACKED_SHARE,
    rng: np.random.Generator,
) -> list[Batch]:
    """All documents, each once, as batches of about ``batch_tokens`` tokens in random order.

    Parameters
    ----------
    documents : sequence of arrays
        Each ``BOS ... EOS``.
    batch_tokens : int
        Rows times width of a batch.
    context : int
        Longest row; a longer document is cut.
    pad : int
        Id that fills a row.
    bare_starts : bool
        Leave the BOS out of a share of the documents.
    packed : float
        Share of documents that stand one after another in rows of the full context.
    rng : numpy Generator
        Decides packing, bare starts and order.
    """
    order = rng.permutation(len(documents))
    packed_count = int(packed * len(documents))
    rows = pack_rows([documents[i] for i in order[:packed_count]], context)
    for i in order[packed_count:]:
        row = documents[i][: context + 1]
        rows.append(row[1:] if bare_starts and rng.random() < WITHOUT_BOS else row)
    lengths = np.array([len(row) for row in rows])
    by_length = np.lexsort((rng.random(len(rows)), lengths))
    batches = [_stack([rows[i] for i in group], pad) for group in _groups(by_length, lengths, batch_tokens)]
    return [batches[i] for i in rng.permutation(len(batches))]


def pack_rows(documents: Sequence[np.ndarray], context: int) -> list[np.ndarray]:
    """Documents one after another, cut into rows of ``context + 1`` tokens (inputs and their next tokens)."""
    if not documents:
        return []
    stream = np.concatenate(documents)
    starts = range(0, len(stream) - 1, context)
    return [stream[s : s + context + 1] for s in starts if len(stream[s : s + context + 1]) > 8]


def _groups(order: np.ndarray, lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    groups, start = [], 0
    for end in range(1, len(order) + 1):
        full = end == len(order) or (end + 1 - start) * (lengths[order[end]] - 1) > batch_tokens
        if full:
            groups.append(order[start:end])
            start = end
    return groups


def _stack(rows: list[np.ndarray], pad: int) -> Batch:
    width = max(len(row) for row in rows) - 1
    ids = np.full((len(rows), width), pad)
    labels = np.full((len(rows), width), IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row) - 1] = row[:-1]
        labels[i, : len(row) - 1] = row[1:]
    return Batch(torch.from_numpy(ids), torch.from_numpy(labels))
