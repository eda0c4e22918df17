"""Documents for training and testing, drawn from one seed, in one language or several."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect
from collections.abc import Iterator, Mapping
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.derivations import log_sum
from emotion_utils.smallworld.grammar import Document, Grammar, load_grammar

if TYPE_CHECKING:
    from numpy.random import Generator

HASHED_DOCUMENTS = 1_000
STREAMS = {"train": 0, "all": 1, "heldout_templates": 2, "heldout_words": 3, "validation": 4}


@runtime_checkable
class World(Protocol):
    """What documents are drawn from and held against: a grammar, or a mixture of grammars."""

    def sample(self, rng: Generator, split: str = "train") -> Document: ...

    def log_prob(self, text: str, split: str = "train") -> float: ...


class Mixture:
    """Documents of several languages, each of which is drawn with a probability of its own.

    Parameters
    ----------
    shares
        Language to its share of the documents; they add up to 1.
    blind
        Whether reactions are permuted across causes, in every language.

    Raises
    ------
    UserError
        For shares that do not add up to 1, and for a language without content.
    """

    def __init__(self, shares: Mapping[str, float], blind: bool = False) -> None:
        if min(shares.values()) <= 0 or not math.isclose(sum(shares.values()), 1):
            raise UserError(
                f"The shares of the languages are {dict(shares)}: give positive ones that add up to 1."
            )
        self.shares = dict(shares)
        self.grammars = {language: load_grammar(language, blind) for language in shares}
        self._cumulative = list(accumulate(self.shares.values()))

    def sample(self, rng: Generator, split: str = "train") -> Document:
        """Draw one document."""
        at = bisect(self._cumulative[:-1], rng.random())
        return list(self.grammars.values())[at].sample(rng, split)

    def log_prob(self, text: str, split: str = "train") -> float:
        """Log-probability of a whole text in nats, that of its language included; -inf where no language has it."""
        found = [
            (share, self.grammars[language].log_prob(text, split)) for language, share in self.shares.items()
        ]
        return log_sum([math.log(share) + logp for share, logp in found if logp > -math.inf])


def world_of(shares: Mapping[str, float], blind: bool = False) -> World:
    """The grammar of one language, or the mixture of several.

    Parameters
    ----------
    shares
        Language to its share of the documents.
    blind
        Whether reactions are permuted across causes.
    """
    if len(shares) == 1:
        return load_grammar(next(iter(shares)), blind)
    return Mixture(shares, blind)


def documents(
    world: World, n: int, seed: int, split: str = "train", stream: str | None = None
) -> Iterator[Document]:
    """``n`` documents of a split; every ``stream`` of a seed is an independent sequence.

    ``stream="validation"`` with ``split="train"`` gives unseen documents of the training templates.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS[stream or split],)))
    for _ in range(n):
        yield world.sample(rng, split)


def training_documents(world: World, n: int, seed: int) -> Iterator[Document]:
    """The documents a model is trained on."""
    return documents(world, n, seed, "train")


def corpus_hash(world: World, seed: int) -> str:
    """SHA-256 of the first thousand training documents: whether this code still writes the corpus of a model."""
    digest = hashlib.sha256()
    for document in training_documents(world, HASHED_DOCUMENTS, seed):
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
