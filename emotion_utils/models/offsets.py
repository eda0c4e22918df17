"""Which characters each token stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.core.errors import UserError
from emotion_utils.models.ragged import Ragged, ranges

Offsets = Callable[[list[str]], list[list[tuple[int, int]]]]
"""From texts to the character spans of their tokens."""


def check_offsets(tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer that does not say which characters a token stands for."""
    if not tokenizer.is_fast:
        raise UserError(
            f'The tokenizer of "{name}" gives no character offsets: choose a model with a tokenizer.json.'
        )


def covering(spans: Sequence[tuple[int, int]], start: Any, end: Any) -> list[int]:
    """The tokens that share a character with ``start <= c < end``; none where the ends are missing (NaN, None)."""
    if pd.isna(start) or pd.isna(end):
        return []
    return [i for i, (a, b) in enumerate(spans) if a < b and a < end and b > start]


def covered_runs(
    spans: Ragged,
    texts: Int[np.ndarray, " run"],
    start: Float[np.ndarray, " run"],
    end: Float[np.ndarray, " run"],
) -> tuple[Int[np.ndarray, " run"], Int[np.ndarray, " run"]]:
    """The same as :func:`covering` for many words at once.

    Parameters
    ----------
    spans
        Character spans of the tokens, one row per text.
    texts
        Row of the text that each word stands in.
    start, end
        Characters of the word; NaN where there is none.

    Returns
    -------
    First and one past the last token of each word; -1 and 0 where no token covers it.
    """
    word, at = ranges(spans.bounds[texts], spans.lengths[texts])
    a, b = spans.flat[at].T
    inside = np.flatnonzero((a < b) & (a < end[word]) & (b > start[word]))
    found, opening = np.unique(word[inside], return_index=True)
    closing = np.searchsorted(word[inside], found, side="right") - 1
    tokens = at[inside] - spans.bounds[texts][word[inside]]
    first, last = np.full(len(texts), -1), np.zeros(len(texts), int)
    first[found], last[found] = tokens[opening], tokens[closing] + 1
    return first, last
