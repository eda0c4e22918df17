"""Documents for training and testing, drawn from one seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

from emotion_utils.smallworld.grammar import Document, Grammar

HASHED_DOCUMENTS = 1_000
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


def corpus_hash(grammar: Grammar, seed: int) -> str:
    """SHA-256 of the first thousand training documents: whether this code still writes the corpus of a model."""
    digest = hashlib.sha256()
    for document in training_documents(grammar, HASHED_DOCUMENTS, seed):
        digest.update(document.text.encode() + b"\0")
    return digest.hexdigest()


def reacting(
    grammar: Grammar, n: int, seed: int, stream: str = "validation", emotion: str | None = None
) -> list[Document]:
    """``n`` unseen documents that tell a cause and react to it; with ``emotion`` only those that settle it."""
    every = documents(grammar, 10**9, seed, stream=stream)
    fitting = (
        d for d in every if d.cause and d.reaction_start and (emotion is None or d.posterior[emotion] == 1)
    )
    return list(islice(fitting, n))
