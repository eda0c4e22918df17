"""Where in a prompt to read: token spans by character offsets, with the share that was found.

A *read* is a run of tokens of one prompt; its activation is the mean over them. A word that no token covers gives no
read: it is listed, never moved to another token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.models.batches import check_tokens
from emotion_utils.models.loading import context_of
from emotion_utils.models.offsets import check_offsets, covered_runs
from emotion_utils.models.ragged import Ragged, ranges

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

POSITIONS = ("end", "emotion", "match", "mean", "all")
"""``end``: the last token of the text. ``emotion``: the tokens of the emotion word. ``match``: in the neutral partner,
those of the word in its place. ``mean``: all tokens of the text. ``all``: each of them, one read a token.

Position 0 of the sequence is an attention sink with a norm of its own, whether it holds BOS or a word: ``mean``
leaves it out, in every family, where the text has more than that; the other reads say in ``sink`` that they hold it."""

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


def encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], context: int | None = None) -> Encoded:
    """Encode texts as the model reads them, with the special tokens that its tokenizer adds.

    Parameters
    ----------
    tokenizer
        One with character offsets.
    texts
    context
        Positions that the model has; a longer text is an error and is never cut.

    Raises
    ------
    UserError
        For a tokenizer without offsets, a text without tokens, and one that is longer than the context.
    """
    check_offsets(tokenizer, tokenizer.name_or_path)
    if not texts:
        return Encoded(Ragged.of([]), Ragged.of([], width=2))
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    ids, spans = zip(*(_tokens(tokenizer, chunk) for chunk in chunks), strict=True)
    encoded = Encoded(Ragged.joined(ids), Ragged.joined(spans))
    _check_lengths(encoded, texts, context)
    return encoded


def encode_for(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Encoded:
    """Encode texts that a model is to read.

    Raises
    ------
    UserError
        What :func:`encode` and :func:`batches.check_tokens` refuse.
    """
    encoded = encode(tokenizer, texts, context_of(model.config, model.config.name_or_path))
    check_tokens(model, tokenizer, encoded.ids.flat)
    return encoded


def _tokens(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> tuple[Ragged, Ragged]:
    """Ids and spans of some texts."""
    found = tokenizer(
        list(texts),
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    return Ragged.of(found["input_ids"]), Ragged.of(found["offset_mapping"], width=2)


def _check_lengths(encoded: Encoded, texts: Sequence[str], context: int | None) -> None:
    """Name the first text that is empty or too long."""
    empty = _text_tokens(encoded)[0] < 0
    lengths = encoded.ids.lengths
    for row in np.flatnonzero(empty | (lengths > (lengths.max() if context is None else context))).tolist():
        if empty[row]:
            raise UserError(f"The prompt {texts[row]!r} has no tokens: leave it out.")
        raise UserError(
            f"The prompt {texts[row][:40]!r}... has {lengths[row]} tokens, and the model has room for {context}: "
            "shorten it or leave it out."
        )


def find_reads(prompts: pd.DataFrame, encoded: Encoded, positions: Sequence[str]) -> pd.DataFrame:
    """Say which tokens to read.

    Parameters
    ----------
    prompts
        With the columns ``id``, ``text``, ``emotion`` and ``pair_id`` and the character spans of methods.md section 1.
    encoded
        Of ``prompts["text"]``, row by row.
    positions
        Some of :data:`POSITIONS`.

    Returns
    -------
    One row per read. Columns ``id`` (of the prompt that the read belongs to), ``position``, ``row`` (of the text that
    is read; of a ``match`` that of the partner), ``first`` and ``last`` (tokens ``first <= t < last``) and ``sink``
    (whether position 0 is among them). A word that is not found has no row: see :func:`unmatched`.
    """
    for position in positions:
        if position not in _FINDERS:
            raise UserError(f'There is no position "{position}": {suggestion(position, POSITIONS)}')
    found = [_FINDERS[position](prompts, encoded) for position in positions]
    owner, row, first, last = (np.concatenate(part) for part in zip(_NO_READS, *found, strict=True))
    return pd.DataFrame(
        {
            "id": prompts["id"].to_numpy()[owner],
            "position": np.repeat(np.array(positions, dtype=object), [len(reads[0]) for reads in found]),
            "row": row,
            "first": first,
            "last": last,
            "sink": first == 0,
        }
    )


def unmatched(prompts: pd.DataFrame, reads: pd.DataFrame, position: str) -> pd.DataFrame:
    """List the emotional prompts that have no read at a position: ``id, emotion, text``."""
    found = set(reads.loc[reads["position"] == position, "id"])
    emotional = prompts[prompts["emotion"] != "neutral"]
    return emotional.loc[~emotional["id"].isin(found), ["id", "emotion", "text"]].reset_index(drop=True)


def match_rate(prompts: pd.DataFrame, reads: pd.DataFrame, position: str) -> float:
    """Share of the emotional prompts with a word (or match) whose tokens were found; NaN where none has one."""
    start = {"emotion": "emotion_start", "match": "match_start"}[position]
    named = prompts.loc[(prompts["emotion"] != "neutral") & prompts[start].notna(), "id"]
    if named.empty:
        return float("nan")
    return float(named.isin(reads.loc[reads["position"] == position, "id"]).mean())


Reads = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Prompt that the read belongs to, text that is read (both as row numbers), first token, one past the last token."""

_NO_READS: Reads = (np.empty(0, int), np.empty(0, int), np.empty(0, int), np.empty(0, int))


def _text_tokens(encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last token that stands for text, of each text; -1 and 0 where there is none."""
    texts = np.arange(len(encoded.spans))
    return covered_runs(encoded.spans, texts, np.full(len(texts), -np.inf), np.full(len(texts), np.inf))


def _end(prompts: pd.DataFrame, encoded: Encoded) -> Reads:
    rows, (_, last) = np.arange(len(prompts)), _text_tokens(encoded)
    return rows, rows, last - 1, last


def _mean(prompts: pd.DataFrame, encoded: Encoded) -> Reads:
    rows, (first, last) = np.arange(len(prompts)), _text_tokens(encoded)
    return rows, rows, np.where(last > 1, np.maximum(first, 1), first), last


def _all(prompts: pd.DataFrame, encoded: Encoded) -> Reads:
    first, last = _text_tokens(encoded)
    rows, tokens = ranges(first, last - first)
    return rows, rows, tokens, tokens + 1


def _emotion(prompts: pd.DataFrame, encoded: Encoded) -> Reads:
    rows = np.flatnonzero(prompts["emotion"] != "neutral")
    return _words(prompts, encoded, rows, rows, "emotion")


def _match(prompts: pd.DataFrame, encoded: Encoded) -> Reads:
    neutral = prompts["emotion"].to_numpy() == "neutral"
    paired = np.flatnonzero(neutral & prompts["pair_id"].notna().to_numpy())
    partner_of = dict(zip(prompts["pair_id"].to_numpy()[paired], paired, strict=True))
    partners = prompts["pair_id"].map(partner_of)
    owners = np.flatnonzero(~neutral & partners.notna().to_numpy())
    return _words(prompts, encoded, owners, partners.to_numpy()[owners].astype(int), "match")


def _words(
    prompts: pd.DataFrame, encoded: Encoded, owners: np.ndarray, texts: np.ndarray, word: str
) -> Reads:
    """Reads of the words that start and end, in these texts, where the columns of their owners say."""
    start, end = (prompts[f"{word}_{side}"].to_numpy(dtype=float)[owners] for side in ("start", "end"))
    first, last = covered_runs(encoded.spans, texts, start, end)
    there = first >= 0
    return owners[there], texts[there], first[there], last[there]


_FINDERS: dict[str, Callable[[pd.DataFrame, Encoded], Reads]] = {
    "end": _end,
    "emotion": _emotion,
    "match": _match,
    "mean": _mean,
    "all": _all,
}
