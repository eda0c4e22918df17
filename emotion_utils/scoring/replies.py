"""Replies of the small world: drawing genuine ones, finding one in a generated text, and reading its emotion."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.core.emotions import EMOTIONS, has_reference, labels_of, others_of
from emotion_utils.core.errors import UserError
from emotion_utils.prompts.bag_of_words import without_spaces
from emotion_utils.smallworld.grammar import Grammar, load_grammar
from emotion_utils.smallworld.nodes import Choice, Draw, Lit, Mention, Ref
from emotion_utils.smallworld.world import Node, Reaction
from emotion_utils.statistics.resampling import resampling_units

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LEADING = " \t\n\"“”'‘"
REPLY_END = re.compile(r"[\"”\n]")
SOMEBODY = r"[\w'’]+(?: [\w'’]+)?"
JOINTS = ("", " ", ' "', "\n", "\n\n")
PROBE = "Thank you very much."
"""A reply that the grammar allows wherever it allows one of any cause."""
OWN = 0.9
"""Share of the replies that begin with a token which must be of one emotion for the token to be its own."""
REPLIES_DRAWN = 4000
GENUINE_DRAWN = 1200
GENUINE = 8
"""Genuine replies that a text's cost is held against."""
OWN_TOKENS = 16
"""Tokens of a reader's text that stand for a reply."""


def first_reply(text: str) -> str:
    """Cut a generated text where its first reply ends: at the closing quotation mark or the end of the line.

    >>> first_reply(' "Thank you, Tom." Then he went home.')
    'Thank you, Tom.'
    """
    return REPLY_END.split(text.lstrip(LEADING), maxsplit=1)[0].strip()


@functools.lru_cache(maxsize=4096)
def joint(context: str) -> str:
    """What stands between a context and a reply: a blank, a mark, a line break."""
    usual = "" if context.count('"') % 2 or context[-1:].isspace() or not context else " "
    usual += '"' if context.endswith(":") else ""
    if without_spaces(context):
        return ""  # a Japanese context ends where the reply begins
    grammar = load_grammar("en", blind=True)
    if not grammar.is_prefix(context):
        return usual
    return next((j for j in (usual, *JOINTS) if grammar.is_prefix(f"{context}{j}{PROBE}")), usual)


def splice(context: str, reply: str) -> str:
    """The continuation that puts a reply into a context, in quotation marks where it is speech.

    In a context of the small world the reply stands where the grammar lets one stand; in another one it is quoted after
    a colon and otherwise follows a blank. A mark that is open is closed.

    >>> splice("Tom said to Anna:", "Thank you.")
    ' "Thank you."'
    """
    if context.count("「") > context.count("」"):
        return f"{reply}」"
    between = joint(context)
    closing = '"' if (context + between).count('"') % 2 else ""
    return f"{between}{reply}{closing}"


def sample_replies(n: int, seed: int = 0, language: str = "en") -> pd.DataFrame:
    """Draw replies of one sentence from the grammar.

    Returns
    -------
    Columns `text, emotion, template, anywhere`, one row per different text: the true emotion, the template that wrote
    it (the unit of a split), and whether it names neither a person nor the cause, so that it fits any context. Fewer
    than `n` rows, since documents without a reply, with two sentences or with a known reply are passed over.
    """
    grammar, rng = load_grammar(language), np.random.default_rng(seed)
    rows = {}
    for _ in range(n):
        document = grammar.sample(rng, "train")
        said = [key for key in document.templates if key.split(".")[0] in EMOTIONS]
        if document.reaction_start is not None and len(said) == 1:
            text = document.text[document.reaction_start : document.reaction_end]
            rows[text] = (text, document.emotion, said[0], said[0] in _fitting_anywhere(language))
    return pd.DataFrame(list(rows.values()), columns=["text", "emotion", "template", "anywhere"])


def genuine_replies(emotion: str, n: int = GENUINE, seed: int = 0, language: str = "en") -> list[str]:
    """Different replies of an emotion that fit any context, each of another template as long as there are some.

    Replies that name a person or the cause are left out: in a foreign context they would be wrong, hence easy to beat.
    """
    if emotion not in EMOTIONS:
        raise UserError(f'The emotion "{emotion}" is not known: choose one of {", ".join(EMOTIONS)}.')
    drawn = drawn_replies(GENUINE_DRAWN, seed, language)
    drawn = drawn[(drawn["emotion"] == emotion) & drawn["anywhere"]]
    turn = drawn.groupby("template").cumcount()
    return drawn.assign(turn=turn).sort_values("turn", kind="stable")["text"].head(n).tolist()


@dataclass(frozen=True, eq=False)
class OwnReplies:
    """Beginnings of a reader's own texts, in the place of the small world's replies.

    Attributes
    ----------
    texts, beside
        By split and label: different beginnings of its texts, and of those that the label stands against.
    labels
        All of them.
    """

    texts: Mapping[tuple[str, str], Sequence[str]] = field(repr=False)
    beside: Mapping[tuple[str, str], Sequence[str]] = field(repr=False)
    labels: tuple[str, ...]

    def of(self, label: str, n: int = GENUINE, split: str = "build") -> list[str]:
        """At most so many texts of a label; those of the test split are of no vector's making."""
        return list(self.texts[split, label][:n])

    def against(self, label: str, n: int = GENUINE, split: str = "build") -> list[str]:
        """At most so many texts of what the label stands against."""
        return list(self.beside[split, label][:n])


def own_replies(
    prompts: pd.DataFrame, tokenizer: PreTrainedTokenizerBase, tokens: int = OWN_TOKENS, seed: int = 0
) -> OwnReplies:
    """Take beginnings of own texts, drawn from their units in turn; where no text is neutral, from all other labels.

    Parameters
    ----------
    prompts
        A prompt set with any labels.
    tokenizer
        With character spans.
    tokens
        Of a beginning at most.
    seed
        Of the order in which texts are drawn.
    """
    table = prompts.assign(
        beginning=[beginning(tokenizer, text, tokens) for text in prompts["text"]],
        turn=_turns(prompts, seed),
    )
    texts: dict[tuple[str, str], tuple[str, ...]] = {}
    beside: dict[tuple[str, str], tuple[str, ...]] = {}
    for split, part in table.groupby("split", sort=False):
        for label in labels_of(prompts):
            own, others = part[part["emotion"] == label], part[others_of(part, label)]
            if not has_reference(prompts):  # one of each label, then the next of each
                others = others.sort_values("turn", kind="stable")
                others = others.assign(turn=others.groupby("emotion", sort=False).cumcount())
            for kept, rows in ((texts, own), (beside, others)):
                ordered = rows.sort_values("turn", kind="stable")["beginning"]
                kept[str(split), label] = tuple(dict.fromkeys(ordered))
    return OwnReplies(texts, beside, labels_of(prompts))


def _turns(prompts: pd.DataFrame, seed: int) -> np.ndarray:
    """Place of each text in a random order in which units take turns."""
    order = np.random.default_rng(seed).permutation(len(prompts))
    units = pd.Series(resampling_units(prompts)[order])
    turn = np.empty(len(prompts), dtype=int)
    turn[order[np.argsort(units.groupby(units).cumcount(), kind="stable")]] = np.arange(len(prompts))
    return turn


def beginning(tokenizer: PreTrainedTokenizerBase, text: str, n: int) -> str:
    """The first so many tokens of a text, without spaces at its ends."""
    text = text.strip()
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
        "offset_mapping"
    ]
    return text if len(found) <= n else text[: found[n - 1][1]].rstrip()


def reply_emotion(text: str) -> str | None:
    """The true emotion of a reply of the small world, in any context; None where it opens like none of its replies.

    The longest opening decides, up to its first word that the grammar draws, as on the cards of the bundled models;
    there the openings are those that the grammar allows in one context, here those of all contexts.
    """
    reply = text.lstrip(LEADING)
    found = [
        (match.end(), emotion)
        for pattern, emotion in _openings()
        if (match := pattern.match(reply)) is not None
    ]
    return max(found)[1] if found else None


def reply_emotions(texts: Iterable[str]) -> list[str | None]:
    """:func:`reply_emotion` of each text."""
    return [reply_emotion(text) for text in texts]


@functools.lru_cache(maxsize=8)
def drawn_replies(n: int, seed: int = 0, language: str = "en") -> pd.DataFrame:
    """:func:`sample_replies`, drawn once in a process: a table to read, not to change."""
    return sample_replies(n, seed, language)


def own_openings(tokenizer: PreTrainedTokenizerBase, between: str) -> dict[str, list[int]]:
    """By emotion: the first tokens of replies that hardly any other emotion's replies begin with.

    Parameters
    ----------
    tokenizer
    between
        What stands before the reply, from :func:`joint`. A blank at its end is part of the token that follows it.
    """
    before = len(tokenizer(between.rstrip(" "), add_special_tokens=False)["input_ids"])
    count: dict[int, Counter[str]] = defaultdict(Counter)
    for row in drawn_replies(REPLIES_DRAWN).itertuples():
        ids = tokenizer(between + str(row.text), add_special_tokens=False)["input_ids"]
        count[ids[before]][str(row.emotion)] += 1
    return {
        emotion: sorted(token for token, by in count.items() if by[emotion] >= OWN * by.total())
        for emotion in EMOTIONS
    }


@functools.cache
def _fitting_anywhere(language: str) -> frozenset[str]:
    reactions = load_grammar(language).content.reactions
    return frozenset(r.key for r in reactions if not r.needs and not r.vocative)


@functools.cache
def _openings() -> list[tuple[re.Pattern[str], str]]:
    grammar = load_grammar("en")
    return [
        (re.compile(_either(_beginnings(grammar, r)), re.IGNORECASE), r.emotion)
        for r in grammar.content.reactions
    ]


def _beginnings(grammar: Grammar, reaction: Reaction) -> list[str]:
    """Patterns of a reaction up to its first word that is drawn, or that another cause would have drawn."""
    return [
        text.rstrip(" ").removesuffix("\\") for text, _ in _expand(grammar, reaction.nodes, reaction.emotion)
    ]


def _expand(grammar: Grammar, nodes: Iterable[Node], emotion: str) -> list[tuple[str, bool]]:
    """Patterns that nodes write, each with whether it was cut before a word."""
    found = [("", False)]
    for node in nodes:
        parts = _parts(grammar, node, emotion)
        found = [
            (text + part, cut or ends)
            for text, cut in found
            for part, ends in ([("", True)] if cut else parts)
        ]
    return list(dict.fromkeys(found))


def _parts(grammar: Grammar, node: Node, emotion: str) -> list[tuple[str, bool]]:
    if isinstance(node, Draw | Ref):
        return [("", True)]
    if isinstance(node, Mention):
        return [(SOMEBODY, False)]
    if isinstance(node, Lit):
        return [(re.escape(node.text), False)]
    options = node.options if isinstance(node, Choice) else _deeds(grammar, emotion)
    return [part for option in options for part in _expand(grammar, option, emotion)]


def _deeds(grammar: Grammar, emotion: str) -> list[tuple[Node, ...]]:
    """What anybody did that made somebody feel the emotion."""
    return [event.deeds[emotion] for event in grammar.content.events if emotion in event.deeds]


def _either(patterns: Sequence[str]) -> str:
    return f"(?:{'|'.join(sorted(patterns, key=len, reverse=True))})"
