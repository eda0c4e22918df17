"""How many texts and tokens a job reads, counted without a tokenizer: words and signs stand for tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from emotion_utils.prompts.loading import load_profile

TOKEN = re.compile(r"\w+|[^\w\s]")
"""What most tokenizers of the book take as one token; on its prompts they differ from this by a tenth at most."""


@dataclass(frozen=True)
class Texts:
    """Some texts.

    Attributes
    ----------
    n
        How many.
    tokens
        Of all together, one in front of each counted.
    """

    n: int
    tokens: int

    @property
    def length(self) -> float:
        """Tokens of a text, on average."""
        return self.tokens / max(1, self.n)

    def __add__(self, other: Texts) -> Texts:
        return Texts(self.n + other.n, self.tokens + other.tokens)

    def longer(self, by: int) -> Texts:
        """The same with so many tokens around each."""
        return Texts(self.n, self.tokens + by * self.n)

    def first(self, tokens: float, fewest: int = 1) -> Texts:
        """As many of them as have so many tokens, some at least."""
        n = min(self.n, max(min(fewest, self.n), int(tokens / max(1.0, self.length))))
        return Texts(n, round(n * self.length))


def counted(table: pd.DataFrame) -> Texts:
    """The texts of a table."""
    return Texts(len(table), sum(len(TOKEN.findall(text)) + 1 for text in table["text"]))


@lru_cache(maxsize=32)
def of_set(name: str, splits: tuple[str, ...] = ()) -> Texts:
    """The texts of a prompt set of the book, or those of some splits of it."""
    table = load_profile(name)
    return counted(table[table["split"].isin(splits)] if splits else table)
