"""Texts of similar length together: batches for a forward pass, and shards of batches that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


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
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))[:, None]
    column = np.arange(lengths.max())
    real = column < lengths if side == "right" else column >= len(column) - lengths  # (row, position)
    ids = np.full(real.shape, pad)
    ids[real] = np.fromiter(chain.from_iterable(rows), np.int64)
    position = (real.cumsum(axis=1) - 1).clip(min=0)
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(real.astype(np.int64)),
        "position_ids": torch.from_numpy(position),
    }


def similar_lengths(lengths: Sequence[int] | Int[np.ndarray, " row"], size: int) -> list[np.ndarray]:
    """Numbers of rows in batches of so many rows of similar length, the shortest first."""
    order = np.argsort(lengths, kind="stable")
    return np.split(order, range(size, len(order), size)) if len(order) else []


def by_length(
    rows: Int[np.ndarray, " row"],
    lengths: Int[np.ndarray, " row"],
    sizes: Int[np.ndarray, " row"],
    max_tokens: int,
    max_size: int,
) -> list[np.ndarray]:
    """Batches of rows of similar length, the shortest first.

    Parameters
    ----------
    rows
        Numbers of the texts.
    lengths
        Tokens of each.
    sizes
        What is kept of each, in bytes.
    max_tokens
        Rows times width of a batch.
    max_size
        What is kept of a batch, in bytes; a row that is larger than either bound is a batch of its own.
    """
    order = np.lexsort((rows, lengths))
    starts, tokens, size = [0], 0, 0
    for i, (width, own) in enumerate(zip(lengths[order].tolist(), sizes[order].tolist(), strict=True)):
        tokens, size = (i + 1 - starts[-1]) * width, size + own
        if i > starts[-1] and (tokens > max_tokens or size > max_size):
            starts.append(i)
            size = own
    return np.split(rows[order], starts[1:])


def within(batches: Sequence[np.ndarray], sizes: Sequence[int], max_size: int) -> Iterator[list[np.ndarray]]:
    """Runs of batches whose sizes stay within a bound together; at least one batch each."""
    run: list[np.ndarray] = []
    total = 0
    for batch, size in zip(batches, sizes, strict=True):
        if run and total + size > max_size:
            yield run
            run, total = [], 0
        run.append(batch)
        total += size
    if run:
        yield run
