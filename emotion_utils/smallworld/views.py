"""What a derivation may use: the training part of the world, a held-out part, or all of it."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from typing import TypeVar

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.smallworld.nodes import Choice, Deed, Draw, Lit, Ref, Styled
from emotion_utils.smallworld.people import Person
from emotion_utils.smallworld.world import (
    Ahead,
    Cause,
    Choices,
    Content,
    Event,
    Form,
    Node,
    Options,
    Reaction,
    State,
    held_out,
)

SPLITS = ("train", "heldout_templates", "heldout_words", "all")
AMBIGUOUS = 0.15  # share of documents whose cause leaves the emotion open
KEYWORD = 0.35  # share of reaction sentences with an emotion keyword, where the emotion has any
STYLES = ("plain", "polite")
INTENSITY = {"minor": {"mild": 3.0, "strong": 1.0}, "major": {"mild": 0.5, "strong": 2.0}}

Keyed = TypeVar("Keyed", Form, Reaction)


class View(Choices):
    """The words and templates of one split, indexed for drawing and for recognising.

    Parameters
    ----------
    content : Content
    split : str
        ``train`` leaves out what is held out; ``heldout_templates`` tells every cause in a wording that never occurs
        in training, in any form; ``heldout_words`` is the training grammar with held-out words; ``all`` is the union.
    blind : bool
        Reactions follow a cause drawn afresh instead of the one told: the same words, nothing to carry.
    """

    def __init__(self, content: Content, split: str, blind: bool) -> None:
        self.split, self.blind, self.language = split, blind, content.language
        self.words = {c: self._select_words(c, w) for c, w in content.lexicon.items()}
        self.people = self.language.people(self.words)
        self.forms = self._keep("form", content.forms, "heldout_templates")
        self.form_cumulative = list(accumulate(f.weight for f in self.forms))
        self.pools = {p: self._keep_pool(items) for p, items in content.pools.items()}
        self.reactions = self._keep("reaction", content.reactions, None)
        self.events = self._events(content)
        self.event_cumulative = list(accumulate(prob for prob, *_ in self.events))
        self.lookahead = Lookahead(content)
        self.event_texts = [nodes for _, _, nodes, _ in self.events]
        self.pool_texts = {pool: [nodes for _, nodes in items] for pool, items in self.pools.items()}
        self._options: dict[tuple[object, ...], Options] = {}
        self._starting = {c: _by_first_letter(w) for c, w in self.words.items()}
        self.every_cause = self._every_cause()

    def _select_words(self, category: str, words: list[str]) -> list[str]:
        if self.split == "all" or len(words) < 12:
            return words
        out = {w for w in words if held_out("word", f"{category}:{w}")} or {words[-1]}
        if self.split == "heldout_words":
            return [w for w in words if w in out]
        return [w for w in words if w not in out]

    def _keep(self, kind: str, items: list[Keyed], with_held_out: str | None) -> list[Keyed]:
        if self.split in ("all", with_held_out):
            return items
        return [item for item in items if not held_out(kind, item.key)]

    def _keep_pool(self, items: list[tuple[str, tuple[Node, ...]]]) -> list[tuple[str, tuple[Node, ...]]]:
        if self.split == "all" or len(items) < 24:
            return items
        return [item for item in items if not held_out("filler", item[0])]

    def _paraphrases(self, event: Event) -> list[int]:
        """Which wordings of a cause belong to the split; at least one always stays in training."""
        every = list(range(len(event.texts)))
        out = [i for i in every[1:] if held_out("paraphrase", f"{event.key}.{i}")]
        if self.split == "all":
            return every
        return out if self.split == "heldout_templates" else [i for i in every if i not in out]

    def _events(self, content: Content) -> list[tuple[float, Event, tuple[Node, ...], str]]:
        chosen = [(event, self._paraphrases(event)) for event in content.events]
        kinds: dict[str, int] = defaultdict(int)
        for event, indices in chosen:
            kinds[_kind(event)] += bool(indices)
        share = {k: AMBIGUOUS if k == "ambiguous" else (1 - AMBIGUOUS) / len(EMOTIONS) for k in kinds}
        total = sum(share[k] for k, n in kinds.items() if n)
        return [
            (share[_kind(e)] / total / kinds[_kind(e)] / len(indices), e, e.texts[i], f"event.{e.key}.{i}")
            for e, indices in chosen
            for i in indices
        ]

    def _every_cause(self) -> list[Cause]:
        """All causes with what they make B feel, whatever their wording."""
        mass: dict[str, float] = defaultdict(float)
        events = {event.key: event for _, event, _, _ in self.events}
        for prob, event, _, _ in self.events:
            mass[event.key] += prob
        return [(mass[k] * p, events[k], emotion) for k in mass for emotion, p in events[k].feels.items()]

    def starting(self, category: str, text: str, pos: int) -> list[str]:
        """Words of a category that may stand at ``pos`` of ``text``, judged by their first letter."""
        if pos >= len(text):
            return self.words[category]
        return self._starting[category].get(text[pos].lower(), [])

    def causes(self, state: State) -> tuple[list[Cause], list[float]]:
        """What the reaction may be about, with probabilities and their running sum."""
        if state.event is None:
            found: list[Cause] = [(1 / len(EMOTIONS), None, emotion) for emotion in EMOTIONS]
        elif self.blind:
            found = self.every_cause
        else:
            found = [(p, state.event, emotion) for emotion, p in state.event.feels.items()]
        return found, list(accumulate(share for share, *_ in found))

    def reactions_for(self, state: State) -> Options:
        """Reactions that fit the emotion, the cause and the register of ``state``."""
        vocative = state.a is not None and state.a.mode in self.language.called and state.modes[1] != "you"
        said = tuple(key for key in state.used if key.split(".")[0] in EMOTIONS)
        key = (state.event.key if state.event else None, state.emotion, state.formality, vocative, said)
        if key not in self._options:
            if len(self._options) > 50_000:
                self._options.clear()
            self._options[key] = self._make_options(state, vocative, said)
        return self._options[key]

    def _spoke_of_deed(self, said: tuple[str, ...]) -> bool:
        return any("deed" in r.needs for r in self.reactions if r.key in said)

    def _make_options(self, state: State, vocative: bool, said: tuple[str, ...]) -> Options:
        has = set(state.event.variables) if state.event else set()
        if state.event and state.emotion in state.event.deeds and not self._spoke_of_deed(said):
            has.add("deed")
        fitting = [
            r
            for r in self.reactions
            if r.emotion == state.emotion
            and r.needs <= has
            and (vocative or not r.vocative)
            and r.key not in said
        ]
        severity = state.event.severity if state.event else "minor"
        weights = [
            self.language.politeness[state.formality][r.politeness] * INTENSITY[severity][r.intensity]
            for r in fitting
        ]
        by_keyword = {
            k: sum(w for r, w in zip(fitting, weights, strict=True) if r.keyword == k) for k in (True, False)
        }
        share = {True: KEYWORD if by_keyword[False] else 1.0, False: 1 - KEYWORD if by_keyword[True] else 1.0}
        probs = [share[r.keyword] * w / by_keyword[r.keyword] for r, w in zip(fitting, weights, strict=True)]
        return Options(fitting, probs, list(accumulate(probs)))


def _kind(event: Event) -> str:
    return "ambiguous" if len(event.feels) > 1 else next(iter(event.feels))


def _by_first_letter(words: list[str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = defaultdict(list)
    for word in words:
        index[word[0].lower()].append(word)
    return dict(index)


LONGEST_DEED = 150
Skeleton = tuple[tuple[str, int], ...]


class Lookahead(Ahead):
    """Fixed pieces of sentence templates, each with the longest text that its slots can put before it."""

    def __init__(self, content: Content) -> None:
        self._longest = {c: max(map(len, words)) + len("an ") for c, words in content.lexicon.items()}
        self._longest_mention = _longest_mention(content)
        self._skeletons: dict[int, Skeleton] = {}
        self._text = ""
        self._found: dict[tuple[str, int], list[int]] = {}

    def plausible(self, group: str, templates: list[tuple[Node, ...]], text: str, pos: int) -> list[int]:
        """Indices of the ``templates`` that may stand at ``pos`` of ``text``; remembered per ``group`` and text."""
        if text is not self._text:
            self._text, self._found = text, {}
        if (group, pos) not in self._found:
            self._found[group, pos] = [i for i, nodes in enumerate(templates) if self.fits(nodes, text, pos)]
        return self._found[group, pos]

    def fits(self, nodes: tuple[Node, ...], text: str, pos: int) -> bool:
        """False only where ``nodes`` cannot write what ``text`` says from ``pos`` on."""
        latest = pos  # where the piece ends at the latest; ``pos`` is where it ends at the earliest
        for piece, slack in self._skeleton(nodes):
            latest += slack + len(piece)
            at = text.find(piece, pos, latest)
            if at < 0:
                return len(text) < latest
            pos = at + len(piece)
        return True

    def _skeleton(self, nodes: tuple[Node, ...]) -> Skeleton:
        if id(nodes) not in self._skeletons:
            pieces, slack = [], 0
            for node in nodes:
                if isinstance(node, Lit):
                    pieces.append((node.text, slack))
                    slack = 0
                else:
                    slack += self._longest_text(node)
            self._skeletons[id(nodes)] = tuple(pieces)
        return self._skeletons[id(nodes)]

    def _longest_text(self, node: Node) -> int:
        if isinstance(node, Lit):
            return len(node.text)
        if isinstance(node, Styled):
            return max(len(node.plain), len(node.polite))
        if isinstance(node, Draw):
            return self._longest[node.category]
        if isinstance(node, Choice):
            return max(sum(map(self._longest_text, option)) for option in node.options)
        if isinstance(node, Deed):
            return LONGEST_DEED
        return max(self._longest.values()) if isinstance(node, Ref) else self._longest_mention


def _longest_mention(content: Content) -> int:
    """Characters of the longest mention of anybody."""
    language, people = content.language, content.language.people(content.lexicon)
    written = [(person, language.mentions) for mode in people for person in people[mode]]
    written += [(Person(mode), language.mentions - {"name"}) for mode in language.modes if mode not in people]
    return max(
        len(language.mention(person, form, style))
        for person, forms in written
        for form in forms
        for style in STYLES
    )
