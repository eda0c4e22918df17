"""The generator of the small world, and what is known because it is a grammar.

One derivation machine serves all: sampling a document, the probability of a text, whether a text is in the
grammar, and the posterior over emotions given a beginning.
"""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.content import load_content
from emotion_utils.smallworld.derivations import (
    At,
    Stack,
    emotion_shares,
    literals,
    log_sum,
    opening_texts,
    push,
    reacts,
    starts,
    steps,
    still_has,
    stops,
)
from emotion_utils.smallworld.sentences import EventSlot, Mark, React
from emotion_utils.smallworld.views import SPLITS, View
from emotion_utils.smallworld.world import Content, State

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True)
class Document:
    """A text with all that is true of it.

    ``logp`` is the log-probability of its derivation in nats. ``reaction_start`` and ``reaction_end`` are character
    offsets of the reaction; None where a document has none. ``posterior`` is
    P(emotion of the reaction | text before it), ``lang`` the language.
    """

    text: str
    register: str
    form: str
    topic: str
    emotion: str
    cause: str | None
    intensity: str | None
    politeness: str | None
    keyword: bool
    templates: tuple[str, ...]
    logp: float
    reaction_start: int | None
    reaction_end: int | None
    posterior: dict[str, float]
    lang: str = "en"

    @property
    def context(self) -> str:
        """The text before the reaction."""
        return self.text[: self.reaction_start]


class Grammar:
    """The small world of one language.

    Parameters
    ----------
    content : Content
    blind : bool
        Reactions are permuted across causes: the negative control.
    """

    def __init__(self, content: Content, blind: bool = False) -> None:
        self.content, self.blind = content, blind
        self._views: dict[str, View] = {}
        self._reactions = {r.key: r for r in content.reactions}

    def view(self, split: str) -> View:
        if split not in SPLITS:
            raise UserError(f"There is no split {split!r} of the small world. Known: {', '.join(SPLITS)}.")
        if split not in self._views:
            self._views[split] = View(self.content, split, self.blind)
        return self._views[split]

    def sample(self, rng: Generator, split: str = "train") -> Document:
        """Draw one document."""
        view = self.view(split)
        at = bisect(view.form_cumulative, rng.random() * view.form_cumulative[-1])
        form = view.forms[at]
        logp = math.log(form.weight / view.form_cumulative[-1])
        state = State(modes=form.modes, formality=form.formality, style=form.style)
        stack = push(form.nodes, None)
        text, marks, length, posterior = [], [], 0, {}
        while stack is not None:
            node, stack = stack
            if isinstance(node, Mark):
                marks.append((node.kind, node.key, length))
                continue
            if isinstance(node, React) and node.done == 0:
                posterior = emotion_shares(view, state)
            branch = node.draw(state, view, rng)
            logp += math.log(branch.prob)
            text.append(branch.text)
            length += len(branch.text)
            state, stack = branch.state, push(branch.push, stack)
        return self._document("".join(text), form.register, form.key, state, marks, logp, posterior)

    def _document(
        self,
        text: str,
        register: str,
        form: str,
        state: State,
        marks: list[tuple[str, str, int]],
        logp: float,
        posterior: dict[str, float],
    ) -> Document:
        at = {kind: where for kind, _, where in reversed(marks)}
        said = [self._reactions[key] for kind, key, _ in marks if kind == "sentence"]
        cause = next((key for kind, key, _ in marks if kind == "template" and key.startswith("event.")), None)
        told = cause.split(".", 1)[1].rsplit(".", 1)[0] if cause else None
        return Document(
            text=text,
            register=register,
            form=form,
            topic=told.split(".")[1] if told else "none",
            emotion=state.emotion or "neutral",
            cause=told,
            intensity=max((r.intensity for r in said), default=None),
            politeness=said[0].politeness if said else None,
            keyword=any(r.keyword for r in said),
            templates=(form, *(key for kind, key, _ in marks if kind in ("template", "sentence"))),
            logp=logp,
            reaction_start=at.get("reaction"),
            reaction_end=at.get("reaction_end"),
            posterior=posterior,
            lang=self.content.language.name,
        )

    def _walk(self, text: str, split: str, whole: bool) -> Iterator[tuple[float, Stack, State]]:
        """Derivations of ``text``: (log-probability, what is left to write, state).

        With ``whole`` those that write the text and nothing more, else those that write it as a beginning, each
        stopped where the text ends.
        """
        view = self.view(split)
        todo = [(logp, 0, stack, state) for logp, stack, state in starts(view)]
        while todo:
            at = todo.pop()
            if stops(at, text, whole):
                yield at[0], at[2], at[3]
            else:
                todo.extend(steps(at, view, text, whole))

    def _exists(self, text: str, split: str, whole: bool) -> bool:
        """Whether :meth:`_walk` would find anything: no branch is written out before it is followed."""
        view = self.view(split)
        todo: list[Iterator[At]] = [iter((logp, 0, stack, state) for logp, stack, state in starts(view))]
        while todo:
            at = next(todo[-1], None)
            if at is None:
                todo.pop()
            elif stops(at, text, whole):
                return True
            else:
                todo.append(steps(at, view, text, whole))
        return False

    def log_prob(self, text: str, split: str = "train") -> float:
        """Log-probability of a whole text in nats; -inf where it is not in the grammar."""
        return log_sum([logp for logp, _, _ in self._walk(text, split, whole=True)])

    def is_grammatical(self, text: str, split: str = "all") -> bool:
        """Whether the grammar can write exactly this text."""
        return self._exists(text, split, whole=True)

    def is_prefix(self, text: str, split: str = "all") -> bool:
        """Whether some text of the grammar begins like this."""
        return self._exists(text, split, whole=False)

    def posterior(self, context: str, split: str = "all") -> dict[str, float]:
        """P(emotion of the reaction | the text so far).

        Raises
        ------
        UserError
            Where no text of the grammar begins like this.
        """
        view = self.view(split)
        total: dict[str, float] = defaultdict(float)
        found = [
            (lp, stack, state)
            for lp, stack, state in self._walk(context, split, whole=False)
            if reacts(stack, state)
        ]
        if not found:
            raise UserError(
                f"No text of the small world with a reaction begins with {context[:60]!r}, "
                "so it has no posterior over emotions."
            )
        top = max(logp for logp, *_ in found)
        for logp, stack, state in found:
            for emotion, share in emotion_shares(view, state, told=not still_has(stack, EventSlot)).items():
                total[emotion] += math.exp(logp - top) * share
        norm = sum(total.values())
        return {emotion: total[emotion] / norm for emotion in EMOTIONS}

    def reactions(self, document: Document | str, split: str = "train") -> list[tuple[str, str, float]]:
        """Every way in which the first reaction sentence may open here: (opening, emotion, probability).

        An opening runs up to the first freely drawn word, so the list is finite and short; the openings exclude
        each other, and each belongs to one emotion.
        """
        context = document.context if isinstance(document, Document) else document
        view = self.view(split)
        openings: dict[tuple[str, str], float] = defaultdict(float)
        found = [
            found
            for found in self._walk(context, "all", whole=False)
            if found[1] and isinstance(found[1][0], React)
        ]
        if not found:
            raise UserError(
                f"No reaction can begin after {context[-60:]!r}. Give the text up to where the reaction starts."
            )
        top = max(lp for lp, _, _ in found)
        norm = sum(math.exp(lp - top) for lp, _, _ in found)
        for logp, _, state in found:
            for share, event, emotion in view.causes(state)[0]:
                cause = state.because(event, emotion)
                options = view.reactions_for(cause)
                for prob, reaction in zip(options.probs, options.reactions, strict=True):
                    for text, part in opening_texts(reaction.nodes, cause, view):
                        openings[text, emotion] += math.exp(logp - top) / norm * share * prob * part
        return [(text, emotion, prob) for (text, emotion), prob in openings.items()]

    def words(self, split: str = "train") -> set[str]:
        """Every word that a split can write, in lower case."""
        pattern = self.content.language.word
        return {w.lower() for text in self._fixed(split) for w in re.findall(pattern, text)}

    def characters(self, split: str = "all") -> set[str]:
        """Every character that a split can write."""
        return set("".join(self._fixed(split)))

    def _fixed(self, split: str) -> list[str]:
        """All fixed pieces of text of a split: words, names and what templates say between them."""
        view = self.view(split)
        texts = [t for words in view.words.values() for t in words]
        nodes = [n for f in view.forms for n in f.nodes] + [n for _, _, ns, _ in view.events for n in ns]
        nodes += [n for pool in view.pools.values() for _, ns in pool for n in ns] + [
            n for r in view.reactions for n in r.nodes
        ]
        nodes += [n for _, event, _, _ in view.events for deed in event.deeds.values() for n in deed]
        return [*texts, *literals(nodes), *view.language.pronouns]

    def counts(self) -> dict[str, int]:
        """Sizes of the world: registers, templates by kind, words."""
        c = self.content
        kinds = {
            "forms": len(c.forms),
            "cause paraphrases": sum(len(e.texts) for e in c.events),
            "reactions": len(c.reactions),
            "fillers": sum(map(len, c.pools.values())),
        }
        return {
            "registers": len({f.register for f in c.forms}),
            "topics": len({e.topic for e in c.events}),
            "causes": len(c.events),
            "ambiguous causes": sum(len(e.feels) > 1 for e in c.events),
            **kinds,
            "templates": sum(kinds.values()),
            "words": len(self.words("all")),
            "words in training": len(self.words("train")),
        }


def load_grammar(language: str = "en", blind: bool = False) -> Grammar:
    """The small world of ``language``; ``blind`` permutes the reactions across causes.

    Parameters
    ----------
    language
        ``en`` or ``ja``.
    blind
        Whether reactions are permuted across causes: the negative control.

    Returns
    -------
    The grammar, the same object each time: it samples documents, says whether a text is one of its own, and gives the
    probability of each emotion after a beginning.

    Raises
    ------
    UserError
        For a language without content.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> grammar = eu.grammar()
    >>> grammar.is_grammatical("Not a text of the small world.")
    False
    """
    return _grammar(language, blind)


@cache
def _grammar(language: str, blind: bool) -> Grammar:
    return Grammar(load_content(language), blind)
