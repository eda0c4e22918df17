"""Where in a prompt to read: token spans by character offsets, with the share that was found.

A *token span* is a run of tokens of one prompt; its activation is the mean over them. A word that no token covers has
no span: it is listed, never moved to another token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.models.positions import covered_runs
from emotion_utils.models.ragged import ranges
from emotion_utils.prompts.partners import partners

if TYPE_CHECKING:
    from emotion_utils.models.positions import Encoded

POSITIONS = ("end", "emotion", "match", "mean", "all")
"""``end``: the last token of the text. ``emotion``: the tokens of the emotion word. ``match``: in the neutral partner,
those of the word in its place. ``mean``: all tokens of the text. ``all``: each of them, one span a token.

Position 0 of the sequence is an attention sink with a norm of its own, whether it holds BOS or a word: ``mean``
leaves it out, in every family, where the text has more than that; the other spans say in ``sink`` that they hold it."""
MARKED = ("emotion", "match")
"""Those that a prompt has to say."""


def find_spans(prompts: pd.DataFrame, encoded: Encoded, positions: Sequence[str]) -> pd.DataFrame:
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
    One row per span. Columns ``id`` (of the prompt that it belongs to), ``position``, ``row`` (of the text that
    is read; of a ``match`` that of the partner), ``first`` and ``last`` (tokens ``first <= t < last``) and ``sink``
    (whether position 0 is among them). A word that is not found has no row: see :func:`unmatched`.
    """
    for position in positions:
        if position not in _FINDERS:
            raise UserError(f'There is no position "{position}": {suggestion(position, POSITIONS)}')
        if position in MARKED and f"{position}_start" not in prompts:
            raise UserError(
                f'The position "{position}" needs prompts whose words are marked, as those of a prompt set are.'
            )
    spans = [_FINDERS[position](prompts, encoded) for position in positions]
    owner, row, first, last = (np.concatenate(part) for part in zip(_NO_SPANS, *spans, strict=True))
    return pd.DataFrame(
        {
            "id": prompts["id"].to_numpy()[owner],
            "position": np.repeat(np.array(positions, dtype=object), [len(part[0]) for part in spans]),
            "row": row,
            "first": first,
            "last": last,
            "sink": first == 0,
        }
    )


def unmatched(prompts: pd.DataFrame, spans: pd.DataFrame, position: str) -> pd.DataFrame:
    """List the emotional prompts that have no span at a position: ``id, emotion, text``."""
    matched = set(spans.loc[spans["position"] == position, "id"])
    emotional = prompts[prompts["emotion"] != "neutral"]
    return emotional.loc[~emotional["id"].isin(matched), ["id", "emotion", "text"]].reset_index(drop=True)


def match_rate(prompts: pd.DataFrame, spans: pd.DataFrame, position: str) -> float:
    """Share of the emotional prompts with a word (or match) whose tokens were found; NaN where none has one."""
    start = {"emotion": "emotion_start", "match": "match_start"}[position]
    named = prompts.loc[(prompts["emotion"] != "neutral") & prompts[start].notna(), "id"]
    if named.empty:
        return float("nan")
    return float(named.isin(spans.loc[spans["position"] == position, "id"]).mean())


Spans = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Prompt that the span belongs to, text that is read (both as row numbers), first token, one past the last token."""

_NO_SPANS: Spans = (np.empty(0, int), np.empty(0, int), np.empty(0, int), np.empty(0, int))


def _end(prompts: pd.DataFrame, encoded: Encoded) -> Spans:
    rows, (_, last) = np.arange(len(prompts)), encoded.text_tokens()
    return rows, rows, last - 1, last


def _mean(prompts: pd.DataFrame, encoded: Encoded) -> Spans:
    rows, (first, last) = np.arange(len(prompts)), encoded.text_tokens()
    return rows, rows, np.where(last > 1, np.maximum(first, 1), first), last


def _all(prompts: pd.DataFrame, encoded: Encoded) -> Spans:
    first, last = encoded.text_tokens()
    rows, tokens = ranges(first, last - first)
    return rows, rows, tokens, tokens + 1


def _emotion(prompts: pd.DataFrame, encoded: Encoded) -> Spans:
    rows = np.flatnonzero(prompts["emotion"] != "neutral")
    return _words(prompts, encoded, rows, rows, "emotion")


def _match(prompts: pd.DataFrame, encoded: Encoded) -> Spans:
    both = partners(prompts.assign(row=np.arange(len(prompts))), ["row"])
    return _words(prompts, encoded, both["row"].to_numpy(), both["partner_row"].to_numpy(), "match")


def _words(
    prompts: pd.DataFrame, encoded: Encoded, owners: np.ndarray, texts: np.ndarray, word: str
) -> Spans:
    """Spans of words that start and end, in these texts, where the columns of their owners say."""
    start, end = (prompts[f"{word}_{side}"].to_numpy(dtype=float)[owners] for side in ("start", "end"))
    first, last = covered_runs(encoded.spans, texts, start, end)
    there = first >= 0
    return owners[there], texts[there], first[there], last[there]


_FINDERS: dict[str, Callable[[pd.DataFrame, Encoded], Spans]] = {
    "end": _end,
    "emotion": _emotion,
    "match": _match,
    "mean": _mean,
    "all": _all,
}
