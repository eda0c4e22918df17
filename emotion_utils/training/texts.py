"""What a model is trained on: documents of its world and, in a share of the texts, posts of communities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotion_utils.communities.drawing import unlabelled
from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.corpus import HASHED_DOCUMENTS, STREAMS, World, training_documents

POSTS = "posts"
MIXING = len(STREAMS)
"""Stream of a seed that decides which texts are posts; those before it draw documents."""


@dataclass(frozen=True)
class Text:
    """A text to train on.

    Attributes
    ----------
    text
    source
        Language of a document of the small world, or ``"posts"``.
    """

    text: str
    source: str


def training_texts(world: World, seed: int, posts: float = 0.0) -> Iterator[Text]:
    """Documents of a world without end, with posts among them.

    The documents and their order are those of a stream without posts.

    Parameters
    ----------
    world
    seed
        Of the documents, of the posts and of where they stand.
    posts
        Share of the texts that are posts, from 0 up to, but not including, 1.

    Raises
    ------
    UserError
        For another share.
    """
    if not 0 <= posts < 1:
        raise UserError(f"A share of {posts} of the texts cannot be posts: give one from 0 to less than 1.")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(MIXING,)))
    of_communities = unlabelled(10**9, seed)
    for document in training_documents(world, 10**9, seed):
        while posts and rng.random() < posts:
            yield Text(next(of_communities).text, POSTS)
        yield Text(document.text, document.lang)


def posts_hash(seed: int) -> str:
    """SHA-256 of the first thousand posts of a seed: whether this code still writes those of a model."""
    digest = hashlib.sha256()
    for post in unlabelled(HASHED_DOCUMENTS, seed):
        digest.update(post.text.encode() + b"\0")
    return digest.hexdigest()
