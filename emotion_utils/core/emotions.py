"""The emotions of the book, and the labels of anybody's prompts, in the order of every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EMOTIONS = ("gratitude", "anger", "apology", "neutral")

EMOTIONAL = EMOTIONS[:-1]
"""Those that have a vector, each against neutral."""

REFERENCE = "neutral"
"""What the reference label is called in every table, whatever a file calls it."""


def labels_of(prompts: pd.DataFrame) -> tuple[str, ...]:
    """The labels of some prompts in the order of tables: the book's emotions, others by name, the reference last.

    Parameters
    ----------
    prompts
        With the column ``emotion``.
    """
    present = set(prompts["emotion"])
    return (
        *(emotion for emotion in EMOTIONAL if emotion in present),
        *sorted(present - set(EMOTIONS)),
        *({REFERENCE} & present),
    )


def emotions_of(prompts: pd.DataFrame) -> tuple[str, ...]:
    """The labels that have a vector: all but the reference."""
    return tuple(label for label in labels_of(prompts) if label != REFERENCE)


def has_reference(prompts: pd.DataFrame) -> bool:
    """Whether some prompts are neutral. Where none are, each label stands against all others."""
    return bool((prompts["emotion"] == REFERENCE).any())


def others_of(prompts: pd.DataFrame, emotion: str) -> np.ndarray:
    """Which prompts a label is compared with: the neutral ones, or all of other labels where none are neutral."""
    labels = prompts["emotion"]
    return (labels == REFERENCE if has_reference(prompts) else labels != emotion).to_numpy()
