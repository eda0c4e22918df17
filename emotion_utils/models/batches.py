"""Texts of similar length together: batches for a forward pass, and shards of batches that fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from emotion_utils.core.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def check_tokens(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    tokens: Iterable[int] | np.ndarray,
    what: str = "The tokenizer gives",
) -> None:
    """Refuse tokens without a row in the model's embeddings, the one that pads a batch among them.

    An accelerator would report them late and unreadably; the logits have as many columns as the embeddings have rows.

    Raises
    ------
    UserError
        Naming the token and how a tokenizer comes to give it.
    """
    ids = tokens if isinstance(tokens, np.ndarray) else np.fromiter(tokens, np.int64)
    known = int(model.get_input_embeddings().weight.shape[0])
    pad = tokenizer.pad_token_id
    beyond = [
        *ids[(ids < 0) | (ids >= known)][:1].tolist(),
        *([pad] if pad is not None and pad >= known else []),
    ]
    if beyond:
        name = tokenizer.convert_ids_to_tokens(beyond[0]) if beyond[0] >= 0 else None
        told = f"the token {beyond[0]}" + ("" if name is None else f" ({name})")
        raise UserError(
            f"{what} {told}, and the model knows tokens 0 to {known - 1}: a token was added after the "
            "model was made, or the tokenizer is another model's. Load the tokenizer of this model, choose a padding "
            "token that it knows, or call model.resize_token_embeddings(len(tokenizer)), train, and save both."
        )


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


def padded(
    rows: Sequence[Sequence[int]], pad: int, side: str, device: torch.device | str
) -> dict[str, Int[Tensor, "row position"]]:
    """Rows as the inputs of a model, on its device."""
    return {name: tensor.to(device) for name, tensor in model_inputs(rows, pad, side).items()}
