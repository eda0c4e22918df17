"""A post, what it mentions, and how it is written from an outline.

An outline decides everything but the spellings: the same post can be written in spellings that training has seen and in
others, so that the difference between the two is that of the spellings alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from emotion_utils.communities.content import SLOTS, Style

Speller = Callable[[str], tuple[str, str]]
"""From a concept's key to a spelling and how it is written, which differs in width at most."""


@dataclass(frozen=True)
class Mention:
    """A concept at a place of a post.

    Attributes
    ----------
    concept
        Its key.
    spelling
        As the concept lists it; the post may have it in half-width forms.
    start, stop
        Characters of ``Post.text``.
    """

    concept: str
    spelling: str
    start: int
    stop: int


@dataclass(frozen=True)
class Post:
    """A post of a community.

    Attributes
    ----------
    title, body
    community
        Key of the community: the label.
    style
        Key of the style.
    mentions
        Of concepts, in their order.
    """

    title: str
    body: str
    community: str
    style: str
    mentions: tuple[Mention, ...]

    @property
    def text(self) -> str:
        """What is classified: title and body, joined by a newline."""
        return f"{self.title}\n{self.body}"


@dataclass(frozen=True)
class Sentence:
    """A sentence with slots and the keys of the concepts in them."""

    template: str
    concepts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outline:
    """A post without its spellings: the first sentence is the title."""

    community: str
    style: Style
    sentences: tuple[Sentence, ...]


def write(outline: Outline, speller: Speller) -> Post:
    """Write an outline in spellings.

    Parameters
    ----------
    outline
    speller
        Asked for every mention, in their order.
    """
    text, mentions = "", []
    for number, sentence in enumerate(outline.sentences):
        if number:
            text += _between(outline, number)
        pieces, concepts = _pieces(sentence)
        for piece, concept in zip(pieces, [*concepts, None], strict=True):
            text += piece
            if concept is not None:
                spelling, written = speller(concept)
                mentions.append(Mention(concept, spelling, len(text), len(text) + len(written)))
                text += written
    title, _, body = text.partition("\n")
    return Post(title, body, outline.community, outline.style.key, tuple(mentions))


def respelled(post: Post, spelling: Callable[[Mention], str]) -> Post:
    """The same post with other spellings.

    Parameters
    ----------
    post
    spelling
        From a mention to what is to stand in its place.
    """
    text, at, mentions = "", 0, []
    for mention in post.mentions:
        new = spelling(mention)
        text += post.text[at : mention.start]
        mentions.append(Mention(mention.concept, new, len(text), len(text) + len(new)))
        text, at = text + new, mention.stop
    title, _, body = (text + post.text[at:]).partition("\n")
    return Post(title, body, post.community, post.style, tuple(mentions))


def _between(outline: Outline, number: int) -> str:
    """What stands before a sentence: a title ends its line, and so does every item of a list."""
    if not outline.style.lines:
        return "\n" if number == 1 else ""
    return "\n・" if outline.sentences[number].concepts else "\n"


def _pieces(sentence: Sentence) -> tuple[list[str], list[str]]:
    """The text between slots, and the concept of each slot, in the order in which they stand."""
    named = {
        slot: key for slot, key in zip(SLOTS, sentence.concepts, strict=False) if slot in sentence.template
    }
    order = sorted(named, key=sentence.template.index)
    pieces, rest = [], sentence.template
    for slot in order:
        before, _, rest = rest.partition(slot)
        pieces.append(before)
    return [*pieces, rest], [named[slot] for slot in order]


def posts_table(posts: Sequence[Post]) -> pd.DataFrame:
    """Posts as rows.

    Returns
    -------
    Columns `text, label, title, body, style`.
    """
    rows = [(post.text, post.community, post.title, post.body, post.style) for post in posts]
    return pd.DataFrame(rows, columns=["text", "label", "title", "body", "style"])
