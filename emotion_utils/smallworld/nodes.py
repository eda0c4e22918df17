"""What a template is made of. Each node knows two things: how to be drawn, and how to be recognised.

A derivation rewrites a stack of nodes from left to right. Rewriting a node gives a branch: its probability, the
text it writes, the nodes it puts in its own place, and the state after it. ``draw`` picks one branch at random,
``branches`` lists all that can continue at a position of a given text. Every choice is made when the text first
shows it, so the probability of a text's beginning is the sum over the derivations that write it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.people import Person
from emotion_utils.smallworld.world import Branch, Choices, Node, State

if TYPE_CHECKING:
    from numpy.random import Generator


def capitalise(text: str) -> str:
    """``text`` with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def can_continue(text: str, pos: int, piece: str) -> bool:
    """Whether ``piece`` stands at ``pos``, or the text ends inside it."""
    return text.startswith(piece, pos) or piece.startswith(text[pos:])


@dataclass(frozen=True)
class Lit:
    """Fixed text."""

    text: str

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        return Branch(1.0, self.text, (), state)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        yield Branch(1.0, self.text, (), state)


@dataclass(frozen=True)
class Draw:
    """A word of a lexicon category, bound to ``name`` where there is one."""

    category: str
    name: str = ""
    with_article: bool = False
    cap: bool = False

    def _branch(self, prob: float, word: str, state: State, view: Choices) -> Branch:
        article = view.language.article
        out = article(word) if self.with_article and article is not None else word
        return Branch(
            prob,
            capitalise(out) if self.cap else out,
            (),
            state.bind(self.name, word) if self.name else state,
        )

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        words = view.words[self.category]
        return self._branch(1 / len(words), words[int(rng.random() * len(words))], state, view)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        words = view.words[self.category]
        for word in words if self.with_article else view.starting(self.category, text, pos):
            branch = self._branch(1 / len(words), word, state, view)
            if can_continue(text, pos, branch.text):
                yield branch


@dataclass(frozen=True)
class Ref:
    """A word that was bound before.

    In the blind world it may come from a cause that the text does not tell: then it is drawn from that cause's
    category when it is first written.
    """

    name: str
    with_article: bool = False
    cap: bool = False

    def _resolve(self, state: State, view: Choices) -> Branch:
        if self.name not in state.words:
            if state.event is None:
                raise KeyError(f"{{{self.name}}} is used before it is bound")
            return Branch(
                1.0,
                "",
                (Draw(state.event.variables[self.name], self.name, self.with_article, self.cap),),
                state,
            )
        word, article = state.words[self.name], view.language.article
        out = article(word) if self.with_article and article is not None else word
        return Branch(1.0, capitalise(out) if self.cap else out, (), state)

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        return self._resolve(state, view)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        yield self._resolve(state, view)


@dataclass(frozen=True)
class Mention:
    """A mention of person A or B; the first one introduces the person."""

    who: str
    form: str = ""
    cap: bool = False

    def _text(self, person: Person, state: State, view: Choices) -> str:
        out = view.language.mention(person, self.form, state.style)
        return capitalise(out) if self.cap else out

    def _write(self, prob: float, person: Person, state: State, view: Choices) -> Branch:
        after = replace(state, a=person) if self.who == "A" else replace(state, b=person)
        return Branch(prob, self._text(person, state, view), (), after)

    def _candidates(self, state: State, view: Choices) -> list[Person]:
        person, other = (state.a, state.b) if self.who == "A" else (state.b, state.a)
        if person is None:
            mode = state.modes[0 if self.who == "A" else 1]
            if mode not in view.people:  # the writer, or the reader
                return [Person(mode)]
            return [p for p in view.people[mode] if other is None or p.noun != other.noun]
        if self.form in view.language.gendered and person.noun and person.gender is None:
            return [replace(person, gender=g) for g in "mf"]
        return [person]

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        people = self._candidates(state, view)
        return self._write(1 / len(people), people[int(rng.random() * len(people))], state, view)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        people = self._candidates(state, view)
        for person in people:
            if can_continue(text, pos, self._text(person, state, view)):
                yield self._write(1 / len(people), person, state, view)


@dataclass(frozen=True)
class Styled:
    """An ending that follows the style of the form, as of Japanese verbs."""

    plain: str
    polite: str

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        return Branch(1.0, self.polite if state.style == "polite" else self.plain, (), state)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        yield self.draw(state, view, None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Choice:
    """One of several wordings, all equally likely."""

    options: tuple[tuple[Node, ...], ...]

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        return Branch(1 / len(self.options), "", self.options[int(rng.random() * len(self.options))], state)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        for option in self.options:
            yield Branch(1 / len(self.options), "", option, state)


@dataclass(frozen=True)
class Deed:
    """The deed that a reaction speaks of, as the reacting person would name it."""

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        if state.event is None or state.emotion is None:
            raise UserError(
                "A reaction speaks of {deed} where no cause is told: only forms with {&event} may lead to it."
            )
        return Branch(1.0, "", state.event.deeds[state.emotion], state)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        yield self.draw(state, view, None)  # type: ignore[arg-type]
