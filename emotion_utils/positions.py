"""Where in a prompt to read: token spans by character offsets, with the share that was found.

A *read* is a run of tokens of one prompt; its activation is the mean over them. A word that no token covers gives no
read: it is listed, never moved to another token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from emotion_utils.errors import UserError
from emotion_utils.offsets import check_offsets, covering
from emotion_utils.suggestions import suggestion

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["POSITIONS", "Encoded", "encode", "find_reads", "match_rate", "unmatched"]

POSITIONS = ("end", "emotion", "match", "mean", "all")
"""``end``: the last token of the text. ``emotion``: the tokens of the emotion word. ``match``: in the neutral partner,
those of the word in its place. ``mean``: all tokens of the text. ``all``: each of them, one read a token.

Position 0 of the sequence is an attention sink with a norm of its own, whether it holds BOS or a word: ``mean``
leaves it out, in every family, where the text has more than that; the other reads say in ``sink`` that they hold it."""


@dataclass(frozen=True)
class Encoded:
    """Texts as token ids, special tokens included, and the character span of each token.

    Attributes
    ----------
    ids
        One list per text.
    spans
        One list per text of ``(start, end)``; a token that stands for no text, such as BOS, has an empty span.
    """

    ids: list[list[int]]
    spans: list[list[tuple[int, int]]]


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
        return Encoded([], [])
    found = tokenizer(list(texts), return_offsets_mapping=True, verbose=False)
    spans = [[(int(a), int(b)) for a, b in row] for row in found["offset_mapping"]]
    for text, ids, row in zip(texts, found["input_ids"], spans, strict=True):
        if not any(a < b for a, b in row):
            raise UserError(f"The prompt {text!r} has no tokens: leave it out.")
        if context is not None and len(ids) > context:
            raise UserError(
                f"The prompt {text[:40]!r}... has {len(ids)} tokens, and the model has room for {context}: "
                "shorten it or leave it out."
            )
    return Encoded([list(ids) for ids in found["input_ids"]], spans)


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
    rows: list[tuple[str, str, int, int, int]] = []
    for position in positions:
        if position not in _FINDERS:
            raise UserError(f'There is no position "{position}": {suggestion(position, POSITIONS)}')
        rows += _FINDERS[position](prompts, encoded)
    table = pd.DataFrame(rows, columns=["id", "position", "row", "first", "last"])
    return table.assign(sink=table["first"] == 0)


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


Read = tuple[str, str, int, int, int]


def _text_tokens(encoded: Encoded, row: int) -> tuple[int, int]:
    """First and one past the last token that stands for text."""
    real = [i for i, (a, b) in enumerate(encoded.spans[row]) if a < b]
    return real[0], real[-1] + 1


def _end(prompts: pd.DataFrame, encoded: Encoded) -> list[Read]:
    lasts = [_text_tokens(encoded, row)[1] for row in range(len(prompts))]
    return [
        (name, "end", row, last - 1, last)
        for row, (name, last) in enumerate(zip(prompts["id"], lasts, strict=True))
    ]


def _mean(prompts: pd.DataFrame, encoded: Encoded) -> list[Read]:
    found = [_text_tokens(encoded, row) for row in range(len(prompts))]
    starts = [max(first, 1) if last > 1 else first for first, last in found]
    return [
        (name, "mean", row, start, last)
        for row, (name, start, (_, last)) in enumerate(zip(prompts["id"], starts, found, strict=True))
    ]


def _all(prompts: pd.DataFrame, encoded: Encoded) -> list[Read]:
    return [
        (name, "all", row, token, token + 1)
        for row, name in enumerate(prompts["id"])
        for token in range(*_text_tokens(encoded, row))
    ]


def _emotion(prompts: pd.DataFrame, encoded: Encoded) -> list[Read]:
    rows = []
    for row, prompt in enumerate(prompts.itertuples()):
        tokens = _run(encoded.spans[row], prompt.emotion_start, prompt.emotion_end)
        if prompt.emotion != "neutral" and tokens:
            rows.append((prompt.id, "emotion", row, *tokens))
    return rows


def _match(prompts: pd.DataFrame, encoded: Encoded) -> list[Read]:
    partners = {
        pair: row
        for row, (pair, emotion) in enumerate(zip(prompts["pair_id"], prompts["emotion"], strict=True))
        if emotion == "neutral" and pd.notna(pair)
    }
    rows = []
    for prompt in prompts[prompts["emotion"] != "neutral"].itertuples():
        row = partners.get(prompt.pair_id)
        tokens = None if row is None else _run(encoded.spans[row], prompt.match_start, prompt.match_end)
        if row is not None and tokens:
            rows.append((prompt.id, "match", row, *tokens))
    return rows


def _run(spans: Sequence[tuple[int, int]], start: Any, end: Any) -> tuple[int, int] | None:
    """The tokens of a word as first and one past the last; None where there are none."""
    inside = covering(spans, start, end)
    return (inside[0], inside[-1] + 1) if inside else None


_FINDERS: dict[str, Callable[[pd.DataFrame, Encoded], list[Read]]] = {
    "end": _end,
    "emotion": _emotion,
    "match": _match,
    "mean": _mean,
    "all": _all,
}
