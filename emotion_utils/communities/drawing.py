"""Posts drawn at random: with labels for training and test, and without for the continued training of a model.

A post speaks of a few concepts of its community in one of its styles; most sentences fit any concept, so that which
community it is follows from concepts that no other community has together. Training posts leave out some spellings of
every concept and one sentence of its own; test posts are written in both kinds of spellings. Posts without labels have
all of them: what a model knows of unseen spellings it can only know from there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from emotion_utils.communities.content import Community, Content, Style, load_communities
from emotion_utils.communities.posts import Outline, Post, Sentence, Speller, write
from emotion_utils.communities.spelling import Spellings, all_spellings, half_width, split_spellings
from emotion_utils.core.errors import UserError

STREAMS = {"train": 0, "test": 1, "unlabelled": 2}
"""Of random numbers: no post of one is drawn from those of another."""


@dataclass(frozen=True)
class Habits:
    """How often what stands in a post.

    Attributes
    ----------
    concepts
        Probability of speaking of 2, 3, ... concepts.
    own
        Of a sentence that is about its concept alone, in place of one that fits any.
    pair
        Of a sentence with two concepts, where two are left to speak of.
    opening, closing, area, jargon
        Of such a sentence.
    """

    concepts: tuple[float, ...] = (0.4, 0.4, 0.2)
    own: float = 0.3
    pair: float = 0.3
    opening: float = 0.5
    closing: float = 0.5
    area: float = 0.5
    jargon: float = 0.15


LABELLED = Habits()
UNLABELLED = Habits(own=0.6)


@dataclass(frozen=True)
class LabelledPosts:
    """Posts with labels, community by community.

    Attributes
    ----------
    train
    test_seen, test_unseen
        The same posts, written in spellings that training posts have, and in others that they never have.
    seen, unseen
        These spellings.
    """

    train: tuple[Post, ...] = field(repr=False)
    test_seen: tuple[Post, ...] = field(repr=False)
    test_unseen: tuple[Post, ...] = field(repr=False)
    seen: Spellings = field(repr=False)
    unseen: Spellings = field(repr=False)


def labelled(
    train: int = 60,
    test: int = 30,
    seed: int = 0,
    *,
    content: Content | None = None,
    habits: Habits = LABELLED,
) -> LabelledPosts:
    """Draw posts of every community for training and test.

    Parameters
    ----------
    train, test
        Posts of each community.
    seed
        Of the posts and of which spellings training leaves out.
    content
        By default the project's communities.
    habits

    Raises
    ------
    UserError
        For fewer than one post.

    Returns
    -------
    Posts, no two with the same text.

    Examples
    --------
    >>> from emotion_utils.communities.drawing import labelled
    >>> posts = labelled(train=2, test=1, seed=1)
    >>> len(posts.train), len(posts.test_unseen)
    (48, 24)
    """
    if min(train, test) < 1:
        raise UserError(
            f"There are {train} training and {test} test posts of a community: ask for at least one each."
        )
    content = content or load_communities()
    seen, unseen = split_spellings(content, seed)
    others = {key: concept.sentences[:-1] for key, concept in content.concepts.items()}
    last = {key: concept.sentences[-1:] for key, concept in content.concepts.items()}
    known: set[str] = set()
    trained: list[Post] = []
    tested: list[tuple[Post, ...]] = []
    for number, community in enumerate(content.communities):
        key = (seed, STREAMS["train"], number)
        trained += [own for (own,) in _new(train, key, community, others, [seen], habits, known)]
    for number, community in enumerate(content.communities):
        key = (seed, STREAMS["test"], number)
        tested += _new(test, key, community, last, [seen, unseen], habits, known)
    return LabelledPosts(
        tuple(trained), tuple(a for a, _ in tested), tuple(b for _, b in tested), seen, unseen
    )


def unlabelled(
    n: int, seed: int = 0, *, content: Content | None = None, habits: Habits = UNLABELLED
) -> Iterator[Post]:
    """Draw posts of any community, in all spellings of their concepts, for the continued training of a model.

    Parameters
    ----------
    n
        Posts; more of them begin with the same.
    seed
    content
        By default the project's communities.
    habits

    Returns
    -------
    Posts whose ``text`` is what a model reads, without half-width forms.
    """
    content = content or load_communities()
    spellings = all_spellings(content)
    sentences = {key: concept.sentences for key, concept in content.concepts.items()}
    for number in range(n):
        rng = _generator(seed, STREAMS["unlabelled"], number)
        community = content.communities[int(rng.integers(len(content.communities)))]
        yield write(_outline(rng, community, sentences, habits), _speller(rng, spellings, 0.0))


def _new(
    n: int,
    key: tuple[int, int, int],
    community: Community,
    sentences: Mapping[str, Sequence[str]],
    manners: Sequence[Spellings],
    habits: Habits,
    known: set[str],
) -> list[tuple[Post, ...]]:
    """Posts of one community, each in several manners of spelling, whose texts are not known yet."""
    found: list[tuple[Post, ...]] = []
    for number in count():
        if len(found) == n:
            break
        rng = _generator(*key, number)
        outline = _outline(rng, community, sentences, habits)
        posts = tuple(write(outline, _speller(rng, own, outline.style.half_width)) for own in manners)
        texts = {unicodedata.normalize("NFKC", post.text) for post in posts}
        if not texts & known:
            known |= texts
            found.append(posts)
    return found


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _speller(rng: np.random.Generator, spellings: Spellings, share: float) -> Speller:
    """Draw a spelling for every mention; a share of them is written in half-width forms."""

    def spell(concept: str) -> tuple[str, str]:
        spelling = _one(rng, spellings[concept])
        return spelling, half_width(spelling) if rng.random() < share else spelling

    return spell


def _outline(
    rng: np.random.Generator, community: Community, sentences: Mapping[str, Sequence[str]], habits: Habits
) -> Outline:
    style = community.styles[int(rng.integers(len(community.styles)))]
    size = 2 + int(rng.choice(len(habits.concepts), p=habits.concepts))
    keys = [community.concepts[i].key for i in rng.permutation(len(community.concepts))[:size].tolist()]
    body = _spoken_of(rng, keys, style, sentences, habits)
    for share, texts in ((habits.area, community.sentences), (habits.jargon, community.jargon)):
        if rng.random() < share:
            body.insert(int(rng.integers(len(body) + 1)), Sentence(_one(rng, texts)))
    opening = [Sentence(_one(rng, style.openings))] * (rng.random() < habits.opening)
    closing = [Sentence(_one(rng, style.closings))] * (rng.random() < habits.closing)
    title = Sentence(_one(rng, style.titles), tuple(keys[:2]))
    return Outline(community.key, style, (title, *opening, *body, *closing))


def _spoken_of(
    rng: np.random.Generator,
    keys: Sequence[str],
    style: Style,
    sentences: Mapping[str, Sequence[str]],
    habits: Habits,
) -> list[Sentence]:
    """Sentences that name every concept once, no two of them from the same template."""
    found, at = [], 0
    one, two = (rng.permutation(texts).tolist() for texts in (style.one, style.two))
    while at < len(keys):
        if at + 2 <= len(keys) and rng.random() < habits.pair:
            found.append(Sentence(two.pop(), tuple(keys[at : at + 2])))
            at += 2
            continue
        own = rng.random() < habits.own
        found.append(Sentence(_one(rng, sentences[keys[at]]) if own else one.pop(), (keys[at],)))
        at += 1
    return found


def _one(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
