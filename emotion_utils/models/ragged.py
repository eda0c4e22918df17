"""Rows of unequal length in one flat array, which takes a tenth of the memory of lists and can be computed on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, SupportsIndex, overload

import numpy as np
from jaxtyping import Int


class Ragged(Sequence[list[Any]]):
    """Rows of unequal length, read as a sequence of lists.

    Attributes
    ----------
    flat
        All rows one after another: shape (item,) for numbers, (item, 2) for pairs, which are read as tuples.
    bounds
        Shape (row + 1,): row ``i`` is ``flat[bounds[i]:bounds[i + 1]]``.
    """

    def __init__(self, flat: np.ndarray, lengths: Int[np.ndarray, " row"]) -> None:
        self.flat = flat
        self.bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], width: int = 1) -> Ragged:
        """From rows of integers, or with ``width=2`` of pairs of integers."""
        items: Iterable[Any] = chain.from_iterable(rows)
        flat = np.fromiter(items if width == 1 else chain.from_iterable(items), np.int32)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return cls(flat if width == 1 else flat.reshape(-1, width), lengths)

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        """The rows of all parts; at least one part."""
        flat = np.concatenate([part.flat for part in parts])
        return cls(flat, np.concatenate([part.lengths for part in parts]))

    @property
    def lengths(self) -> Int[np.ndarray, " row"]:
        """Number of items of each row."""
        return np.diff(self.bounds)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, row: SupportsIndex) -> list[Any]: ...

    @overload
    def __getitem__(self, row: slice) -> list[list[Any]]: ...

    def __getitem__(self, row: SupportsIndex | slice) -> list[Any]:
        if isinstance(row, slice):
            return [self[i] for i in range(len(self))[row]]
        row = range(len(self))[row]
        items = self.flat[self.bounds[row] : self.bounds[row + 1]].tolist()
        return items if self.flat.ndim == 1 else [tuple(item) for item in items]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ragged):
            return NotImplemented
        return np.array_equal(self.flat, other.flat) and np.array_equal(self.bounds, other.bounds)

    def __repr__(self) -> str:
        return f"Ragged({len(self)} rows, {len(self.flat)} items)"

    __hash__ = None  # type: ignore[assignment]


def ranges(
    firsts: Int[np.ndarray, " range"], sizes: Int[np.ndarray, " range"]
) -> tuple[Int[np.ndarray, " item"], Int[np.ndarray, " item"]]:
    """Runs of consecutive numbers, one after another.

    Returns
    -------
    For each number of ``firsts[i], ..., firsts[i] + sizes[i] - 1``: which run ``i`` it belongs to, and the number.
    """
    run = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return run, np.repeat(firsts, sizes) + within
