"""Documents for training and testing, drawn from one seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emotion_utils.smallworld.grammar import Document, Grammar

__all__ = ["documents", "training_documents"]

STREAMS = {"train": 0, "all": 1, "heldout_templates": 2, "heldout_words": 3, "validation": 4}


def documents(
    grammar: Grammar, n: int, seed: int, split: str = "train", stream: str | None = None
) -> Iterator[Document]:
    """``n`` documents of a split; every ``stream`` of a seed is an independent sequence.

    ``stream="validation"`` with ``split="train"`` gives unseen documents of the training templates.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS[stream or split],)))
    for _ in range(n):
        yield grammar.sample(rng, split)


def training_documents(grammar: Grammar, n: int, seed: int) -> Iterator[Document]:
    """The documents a model is trained on."""
    return documents(grammar, n, seed, "train")
