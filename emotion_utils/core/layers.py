"""Layers in sentences and tables: as ranges where there are many, and some of them where all are too many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from emotion_utils.core.errors import listing

FEW = 4
"""So many numbers are listed one by one."""
ALL = 8
"""Models with no more layers are shown whole."""
SHOWN = 6
"""Layers of a table that has one column, or several rows, for each."""


def layers_in_words(layers: Iterable[int]) -> str:
    """Layers as a reader takes them in.

    Examples
    --------
    >>> layers_in_words([3])
    'layer 3'
    >>> layers_in_words([0, 1, 3])
    'layers 0, 1, 3'
    >>> layers_in_words([*range(2, 10), *range(12, 24), 27])
    'layers 2–9, 12–23 and 27'
    """
    numbers = sorted(set(layers))
    if not numbers:
        return "no layer"
    if len(numbers) <= FEW:
        return f"layer{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    runs = np.split(np.array(numbers), np.flatnonzero(np.diff(numbers) > 1) + 1)
    # two neighbours are no range
    parts = [[f"{run[0]}–{run[-1]}"] if len(run) > 2 else [str(layer) for layer in run] for run in runs]
    return f"layers {listing([part for own in parts for part in own])}"


def many(n_layers: int) -> bool:
    """Whether a model has so many layers that only some are shown, and fixed sizes are smaller."""
    return n_layers > ALL


def some(layers: Iterable[int], n: int = SHOWN) -> list[int]:
    """All layers, or of many the first, the last and those at equal steps between."""
    numbers: Sequence[int] = sorted(set(layers))
    if len(numbers) <= n:
        return list(numbers)
    return [numbers[i] for i in np.linspace(0, len(numbers) - 1, n).round().astype(int)]
