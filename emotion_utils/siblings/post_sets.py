"""Posts that siblings are trained and tested on: those of the small communities, or anybody's texts with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from emotion_utils.classification.labelled_texts import labelled_texts_of, read_labelled_texts
from emotion_utils.communities.drawing import labelled
from emotion_utils.communities.posts import posts_table
from emotion_utils.siblings.sizes import Sizes

COMMUNITIES = "communities"
"""The source of posts that the project draws itself."""
SEEN, UNSEEN, HELD_OUT = "seen spellings", "unseen spellings", "held-out posts"
TRAIN = "train"


@dataclass(frozen=True, eq=False)
class Labelled:
    """Texts with one label each.

    Attributes
    ----------
    texts, labels
    """

    texts: Sequence[str] = field(repr=False)
    labels: Sequence[str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class PostSets:
    """What siblings are trained and tested on.

    Attributes
    ----------
    train
    tests
        By name. Circuits are found on the first; the last one is the hardest, on which classifiers are compared.
    note
        What was read and left out, in Markdown.
    """

    train: Labelled
    tests: Mapping[str, Labelled]
    note: str

    @property
    def first(self) -> str:
        """Name of the test that circuits are found on."""
        return next(iter(self.tests))

    @property
    def hardest(self) -> str:
        """Name of the test that classifiers are compared on."""
        return list(self.tests)[-1]

    @property
    def labels(self) -> list[str]:
        """All labels, in alphabetical order."""
        return sorted(set(self.train.labels))


def read_posts(
    source: str,
    sizes: Sizes,
    seed: int = 0,
    *,
    text: str = "text",
    label: str = "label",
    title: str | None = None,
) -> PostSets:
    """Draw posts of the small communities, or read a file.

    Parameters
    ----------
    source
        ``"communities"``, or the path of a CSV, TSV or JSON Lines file.
    sizes
        How many posts of each label.
    seed
        Of the draw and of the split.
    text, label, title
        Columns of the file; a title stands before the text, on a line of its own.

    Raises
    ------
    UserError
        As :func:`emotion_utils.classification.labelled_texts.read_labelled_texts`.
    """
    if source != COMMUNITIES:
        read = read_labelled_texts(source, text, label, title).with_split(sizes.train, sizes.test, seed)
        return PostSets(Labelled(*read.part(TRAIN)), {HELD_OUT: Labelled(*read.part("test"))}, read.notes())
    drawn = labelled(sizes.train, sizes.test, seed)
    parts = {TRAIN: drawn.train, SEEN: drawn.test_seen, UNSEEN: drawn.test_unseen}
    table = pd.concat([posts_table(posts).assign(split=name) for name, posts in parts.items()])
    clean = labelled_texts_of(table)
    train, *tests = (Labelled(*clean.part(name)) for name in parts)
    return PostSets(train, dict(zip((SEEN, UNSEEN), tests, strict=True)), clean.notes())
