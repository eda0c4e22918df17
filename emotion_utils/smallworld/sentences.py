"""Whole sentences of a form: the cause, the fillers between, and the reaction that follows from the cause."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emotion_utils.smallworld.nodes import Lit, can_continue
from emotion_utils.smallworld.world import Branch, Choices, Node, State

if TYPE_CHECKING:
    from numpy.random import Generator

    from emotion_utils.smallworld.world import Reaction

SECOND_REACTION = 0.3  # share of reactions of up to two sentences that have the second one


@dataclass(frozen=True)
class Mark:
    """Writes nothing; tells the sampler where a part begins or which template wrote it."""

    kind: str
    key: str = ""

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        return Branch(1.0, "", (), state)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        yield self.draw(state, view, None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class EventSlot:
    """The cause: one of the events, in one of its paraphrases."""

    def _branch(self, index: int, state: State, view: Choices) -> Branch:
        prob, event, nodes, key = view.events[index]
        push = (Mark("cause"), Mark("template", key), *nodes, Mark("cause_end"))
        return Branch(prob, "", push, replace(state, event=event))

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        return self._branch(
            bisect(view.event_cumulative, rng.random() * view.event_cumulative[-1]), state, view
        )

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        for index in view.lookahead.plausible("event", view.event_texts, text, pos):
            yield self._branch(index, state, view)


@dataclass(frozen=True)
class Fill:
    """Between ``low`` and ``high`` different sentences of a pool, any number equally likely.

    ``trail`` is what follows the sentences where there are any (the blank before the next piece of the form).
    """

    pool: str
    low: int
    high: int
    sep: str = " "
    trail: str = ""
    done: int = 0

    def _stop_probability(self, free: int) -> float:
        if not free or self.done >= self.high:
            return 1.0
        return 0.0 if self.done < self.low else 1 / (self.high - self.done + 1)

    def _stop(self, prob: float, state: State) -> Branch:
        return Branch(prob, self.trail if self.done else "", (), state)

    def _item(self, prob: float, key: str, nodes: tuple[Node, ...], state: State) -> Branch:
        push = (Mark("template", key), *nodes, replace(self, done=self.done + 1))
        return Branch(prob, self.sep if self.done else "", push, replace(state, used=(*state.used, key)))

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        pool = view.pools[self.pool]
        used = set(state.used)
        free = sum(key not in used for key, _ in pool)
        stop = self._stop_probability(free)
        if rng.random() < stop:
            return self._stop(stop, state)
        while True:
            key, nodes = pool[int(rng.random() * len(pool))]
            if key not in used:
                return self._item((1 - stop) / free, key, nodes, state)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        pool = view.pools[self.pool]
        free = sum(key not in state.used for key, _ in pool)
        stop = self._stop_probability(free)
        if stop:
            yield self._stop(stop, state)
        sep = self.sep if self.done else ""
        if stop < 1 and can_continue(text, pos, sep):
            for index in view.lookahead.plausible(
                self.pool, view.pool_texts[self.pool], text, pos + len(sep)
            ):
                key, nodes = pool[index]
                if key not in state.used:
                    yield self._item((1 - stop) / free, key, nodes, state)


@dataclass(frozen=True)
class React:
    """The reaction of person B.

    Its emotion follows from the cause, its wording from the emotion, the weight of the cause and the register.
    """

    low: int = 1
    high: int = 1
    done: int = 0

    def _say(self, prob: float, reaction: Reaction, state: State, view: Choices) -> Branch:
        opening: tuple[Node, ...] = (Lit(view.language.blank),) if self.done else (Mark("reaction"),)
        push = (*opening, Mark("sentence", reaction.key), *reaction.nodes, replace(self, done=self.done + 1))
        return Branch(
            prob, "", push, replace(state, emotion=reaction.emotion, used=(*state.used, reaction.key))
        )

    def _stop(self, prob: float, state: State) -> Branch:
        return Branch(prob, "", (Mark("reaction_end"),), state)

    def _stop_probability(self) -> float:
        if self.done < self.low:
            return 0.0
        return 1.0 if self.done >= self.high else 1 - SECOND_REACTION

    def draw(self, state: State, view: Choices, rng: Generator) -> Branch:
        stop = self._stop_probability()
        if stop and rng.random() < stop:
            return self._stop(stop, state)
        prob = 1 - stop
        if state.emotion is None:
            causes, cumulative = view.causes(state)
            share, event, emotion = causes[bisect(cumulative, rng.random() * cumulative[-1])]
            state = state.because(event, emotion)
            prob *= share
        options = view.reactions_for(state)
        at = bisect(options.cumulative, rng.random() * options.cumulative[-1])
        return self._say(prob * options.probs[at], options.reactions[at], state, view)

    def branches(self, state: State, view: Choices, text: str, pos: int) -> Iterator[Branch]:
        stop = self._stop_probability()
        if stop:
            yield self._stop(stop, state)
        blank = view.language.blank if self.done else ""
        start = pos + len(blank)
        if stop == 1 or not can_continue(text, pos, blank):
            return
        causes = view.causes(state)[0] if state.emotion is None else [(1.0, state.event, state.emotion)]
        for share, event, emotion in causes:
            cause = state.because(event, emotion)
            options = view.reactions_for(cause)
            for prob, reaction in zip(options.probs, options.reactions, strict=True):
                if view.lookahead.fits(reaction.nodes, text, start):
                    yield self._say((1 - stop) * share * prob, reaction, cause, view)
