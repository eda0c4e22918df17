"""What a small world is made of: causes, reactions, forms, the state of a derivation, and the branches it can take."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from emotion_utils.smallworld.languages import Language
from emotion_utils.smallworld.people import Person

if TYPE_CHECKING:
    from numpy.random import Generator


HELD_OUT = {"form": 0.06, "paraphrase": 0.12, "reaction": 0.05, "filler": 0.06, "word": 0.08}


@dataclass(frozen=True)
class Event:
    """A cause: its paraphrases, what B feels about it (emotion to probability), and its deed by emotion."""

    key: str
    topic: str
    feels: dict[str, float] = field(hash=False)
    severity: str
    texts: tuple[tuple[Node, ...], ...] = field(hash=False)
    deeds: dict[str, tuple[Node, ...]] = field(hash=False)
    variables: dict[str, str] = field(hash=False)  # variable -> lexicon category


@dataclass(frozen=True)
class Reaction:
    """One thing that B may say, and what it needs the cause to have named."""

    key: str
    emotion: str
    keyword: bool
    intensity: str
    politeness: str
    vocative: bool
    nodes: tuple[Node, ...] = field(hash=False)
    needs: frozenset[str] = field(hash=False)


@dataclass(frozen=True)
class Form:
    """The skeleton of a document in one register; ``style`` is that of its verbs where a language has two."""

    key: str
    register: str
    formality: str
    modes: tuple[str, str]
    weight: float
    nodes: tuple[Node, ...] = field(hash=False)
    style: str = "plain"


@dataclass(frozen=True)
class Content:
    """All that the YAML files of one language say."""

    language: Language
    lexicon: dict[str, list[str]]
    names: dict[str, list[str]]
    events: list[Event]
    reactions: list[Reaction]
    pools: dict[str, list[tuple[str, tuple[Node, ...]]]]
    forms: list[Form]


def held_out(kind: str, key: str) -> bool:
    """Whether an item is kept out of training, decided by its key: items added at the end move no other."""
    digest = hashlib.blake2b(f"{kind}:{key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32 < HELD_OUT[kind]


@dataclass(frozen=True)
class State:
    """What a derivation has decided so far."""

    modes: tuple[str, str] = ("name", "name")
    a: Person | None = None
    b: Person | None = None
    words: dict[str, str] = field(default_factory=dict)
    event: Event | None = None
    emotion: str | None = None
    formality: str = "plain"
    style: str = "plain"
    used: tuple[str, ...] = ()

    def bind(self, name: str, word: str) -> State:
        return replace(self, words={**self.words, name: word})

    def because(self, event: Event | None, emotion: str) -> State:
        """The state in which the reaction has ``emotion`` because of ``event``.

        A cause other than the one told (the blind world) brings its own things: those of the told one are forgotten.
        """
        told = self.event.variables if self.event is not None and event is not self.event else {}
        words = {name: word for name, word in self.words.items() if name not in told}
        return replace(self, event=event, emotion=emotion, words=words)


class Branch(NamedTuple):
    """One way to rewrite a node."""

    prob: float
    text: str
    push: tuple[Node, ...]
    state: State


@runtime_checkable
class Node(Protocol):
    """One piece of a template."""

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch: ...

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]: ...


Cause = tuple[float, Event | None, str]


class Options(NamedTuple):
    """Reactions that are possible at one point, with their probabilities."""

    reactions: list[Reaction]
    probs: list[float]
    cumulative: list[float]


class Ahead(ABC):
    """Which templates can possibly stand at a position of a text."""

    @abstractmethod
    def plausible(self, group: str, templates: list[tuple[Node, ...]], text: str, pos: int) -> list[int]: ...

    @abstractmethod
    def fits(self, nodes: tuple[Node, ...], text: str, pos: int) -> bool: ...


class Choices(ABC):
    """What a derivation may choose from: the part of a :class:`~emotion_utils.smallworld.views.View` that nodes use."""

    language: Language
    words: dict[str, list[str]]
    people: dict[str, list[Person]]
    events: list[tuple[float, Event, tuple[Node, ...], str]]
    event_cumulative: list[float]
    event_texts: list[tuple[Node, ...]]
    pools: dict[str, list[tuple[str, tuple[Node, ...]]]]
    pool_texts: dict[str, list[tuple[Node, ...]]]
    lookahead: Ahead

    @abstractmethod
    def starting(self, category: str, text: str, pos: int) -> list[str]: ...

    @abstractmethod
    def causes(self, state: State) -> tuple[list[Cause], list[float]]: ...

    @abstractmethod
    def reactions_for(self, state: State) -> Options: ...
