"""Work in pieces that fit into memory: a piece that does not fit is halved and done again, and nothing is lost."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from emotion_utils.core.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_pieces(
    items: Sequence[Item], size: int, work: Callable[[Sequence[Item]], Result]
) -> Iterator[tuple[Sequence[Item], Result]]:
    """Work on pieces of at most ``size`` items; after running out of memory, on smaller ones from there on.

    Yields
    ------
    Each piece with its result, in order; the pieces together are the items.

    Raises
    ------
    UserError
        Where a single item does not fit, and for pieces of no items.
    """
    if size < 1:
        raise UserError(f"A batch has at least one row, not {size}.")
    start = 0
    while start < len(items):
        piece = items[start : start + size]
        try:
            result = work(piece)
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            if len(piece) == 1:
                raise UserError(
                    f"A single row does not fit into memory ({_first_line(error)}): take shorter prompts, fewer new "
                    "tokens, a smaller dtype or another device."
                ) from error
            size = len(piece) // 2
            failed = True
        else:
            failed = False
        if failed:
            # outside of the handler, where the traceback no longer holds the tensors of the failed pass
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            continue
        yield piece, result
        start += len(piece)


def _out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        sign in text
        for sign in ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
