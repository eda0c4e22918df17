"""Texts as a model reads them: token ids, special tokens included, and the characters of each token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.core.errors import UserError
from emotion_utils.models.ragged import Ragged, ranges
from emotion_utils.models.reading import AS_IT_IS, Reading

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Offsets = Callable[[list[str]], list[list[tuple[int, int]]]]
"""From texts to the character spans of their tokens."""

CHUNK = 2000
"""Texts that are tokenized at once: what the tokenizer gives back takes ten times the memory of what is kept."""


@dataclass(frozen=True)
class Encoded:
    """Texts as token ids, special tokens included, and the character span of each token.

    Attributes
    ----------
    ids
        One row per text.
    spans
        One row per text of ``(start, end)``; a token that stands for no text, such as BOS, has an empty span.
    """

    ids: Ragged
    spans: Ragged

    def text_tokens(self) -> tuple[Int[np.ndarray, " text"], Int[np.ndarray, " text"]]:
        """First and one past the last token that stands for text, of each text; -1 and 0 where there is none."""
        texts = np.arange(len(self.spans))
        return covered_runs(self.spans, texts, np.full(len(texts), -np.inf), np.full(len(texts), np.inf))


def encode(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    context: int | None = None,
    reading: Reading = AS_IT_IS,
) -> Encoded:
    """Encode texts as the model reads them, with the special tokens that its tokenizer adds.

    Parameters
    ----------
    tokenizer
        One with character offsets.
    texts
    context
        Positions that the model has; a longer text is an error and is never cut.
    reading
        What else stands around a text.

    Raises
    ------
    UserError
        For a tokenizer without offsets, a text without tokens, one that is longer than the context, and what
        :meth:`Reading.tokens` refuses.
    """
    check_offsets(tokenizer, tokenizer.name_or_path)
    if not texts:
        return Encoded(Ragged.of([]), Ragged.of([], width=2))
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    ids, spans = zip(*(_tokens(tokenizer, chunk, reading) for chunk in chunks), strict=True)
    encoded = Encoded(Ragged.joined(ids), Ragged.joined(spans))
    _check_lengths(encoded, texts, context)
    return encoded


def _tokens(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], reading: Reading
) -> tuple[Ragged, Ragged]:
    """Ids and spans of some texts."""
    ids, spans = reading.tokens(tokenizer, texts)
    return Ragged.of(ids), Ragged.of(spans, width=2)


def _check_lengths(encoded: Encoded, texts: Sequence[str], context: int | None) -> None:
    """Name the first text that is empty or too long."""
    empty = encoded.text_tokens()[0] < 0
    lengths = encoded.ids.lengths
    for row in np.flatnonzero(empty | (lengths > (lengths.max() if context is None else context))).tolist():
        if empty[row]:
            raise UserError(f"The prompt {texts[row]!r} has no tokens: leave it out.")
        raise UserError(
            f"The prompt {texts[row][:40]!r}... has {lengths[row]} tokens, and the model has room for {context}: "
            "shorten it or leave it out."
        )


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
