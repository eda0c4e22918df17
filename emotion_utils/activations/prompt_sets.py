"""The activations of a model on several prompt sets: what the chapters on vectors share through the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.activations.extraction import Activations, extract, points

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

POSITIONS_WITH_WORD = ("end", "emotion", "match")


@dataclass(frozen=True, eq=False)
class PromptSetActivations:
    """Residual streams of one model.

    Attributes
    ----------
    model
        Registry name.
    size
        Profile that sets the number of permutations.
    prompts, found
        By prompt set: the prompts and what was read at them.
    """

    model: str
    size: str
    prompts: Mapping[str, pd.DataFrame] = field(repr=False)
    found: Mapping[str, Activations] = field(repr=False)


def read_sets(
    model: Model,
    sets: Mapping[str, pd.DataFrame],
    size: str,
    store: Store | None = None,
) -> PromptSetActivations:
    """Read the residual stream after every block at the end of every prompt.

    Where a set has emotion words, they and the words in their place are read as well.

    Parameters
    ----------
    model
    sets
        Prompts by name.
    size
        Profile that sets the number of permutations.
    store
        Keeps the activations for other chapters.
    """
    found = {
        key: extract(model, table, points(model), _positions(table), store=store)
        for key, table in sets.items()
    }
    return PromptSetActivations(model.name, size, dict(sets), found)


def _positions(table: pd.DataFrame) -> Sequence[str]:
    return POSITIONS_WITH_WORD if table["emotion_start"].notna().any() else ("end",)
