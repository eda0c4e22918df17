"""The schema of a prompt table, and completing a reader's table to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.prompts.keywords import find_keyword, match_span
from emotion_utils.prompts.partners import partners
from emotion_utils.prompts.splits import SPLITS, grouped_splits, normalise

SCHEMA: dict[str, str] = {
    "id": "str",
    "text": "str",
    "emotion": "str",
    "template": "str",
    "group": "str",
    "topic": "str",
    "register": "str",
    "lang": "str",
    "keyword": "bool",
    "split": "str",
    "pair_id": "str",
    "emotion_start": "Int64",
    "emotion_end": "Int64",
    "match_start": "Int64",
    "match_end": "Int64",
}
"""The columns of a prompt table; the match span counts in the text of the row's neutral partner."""

SPANS = ("emotion_start", "emotion_end", "match_start", "match_end")
NAMES = ("id", "pair_id", "template", "group", "topic", "register", "lang")
"""Columns of names: two rows belong together where these agree, so that no value may be taken for another."""
EXACT = 2**53
"""From here on a floating-point number no longer tells neighbouring whole numbers apart."""
ROUNDED = re.compile(r"[-+]?\d(\.\d+)?[eE]\+\d+")
"""How a spreadsheet writes a long number, whose last digits are lost."""
NO_POSITION = "write a whole number of characters, or nothing"
SHOWN = 60
"""Characters of a value that an error repeats."""
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def complete(table: pd.DataFrame, lines: Sequence[int], name: str, seed: int = 0) -> pd.DataFrame:
    """Fill what a file leaves open: ids, groups, splits, spans and the keyword flag.

    Parameters
    ----------
    table
        At least `text` and `emotion`, already checked.
    lines
        Line number of each row, for error messages.
    name
        Of the file.
    seed
        Of the split.

    Returns
    -------
    The columns of `SCHEMA` in their types.
    """
    for column in SCHEMA:
        if column not in table:
            table[column] = None
    table = table[list(SCHEMA)].replace({"": None})
    for column in NAMES:
        table[column] = _read(table[column], lines, name, _name)
        _check_spelling(table[column], lines, name)
    table["id"] = _ids(table["id"], lines, name)
    table["lang"] = table["lang"].fillna("en")
    table["group"] = table["group"].fillna(table["template"]).fillna(table["text"].map(normalise))
    table["split"] = _splits(table, lines, name, seed)
    _check_pairs(table, lines, name)
    table = _with_spans(table, lines, name)
    table["keyword"] = _keywords(table, lines, name)
    return table.astype(SCHEMA)


def _read(
    column: pd.Series, lines: Sequence[int], name: str, read: Callable[[Any], str | int | None]
) -> pd.Series:
    """The values of a column one by one, none of them changed for the sake of another; None where there is none."""
    if column.isna().all():
        return pd.Series([None] * len(column), index=column.index, name=column.name, dtype=object)
    values = []
    for value, line in zip(column, lines, strict=True):
        try:
            values.append(read(value))
        except ValueError as error:
            shown = repr(value) if len(repr(value)) <= SHOWN else repr(value)[: SHOWN - 3] + "..."
            raise UserError(f"{name}, line {line}: {column.name} is {shown}, {error}.") from error
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def _name(value: Any) -> str | None:
    """A value of one of the columns :data:`NAMES` as text; ValueError says, as the end of a sentence, why not."""
    if _is_missing(value):
        return None
    if isinstance(value, str):
        if ROUNDED.fullmatch(value.strip()):
            raise ValueError("a number whose last digits a spreadsheet cut off: write all of them, as text")
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("which contains a NUL or half of a surrogate pair: remove it")
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("write text or a whole number")
    if isinstance(value, int):
        return str(value)
    if not abs(value) < EXACT:
        raise ValueError("a number too long to be kept exactly: write it as text, in quotes")
    return str(int(value)) if value.is_integer() else repr(value)


def _is_missing(value: Any) -> bool:
    return (
        value is None or (isinstance(value, str) and not value) or value != value
    )  # NaN differs from itself


def _check_spelling(column: pd.Series, lines: Sequence[int], name: str) -> None:
    """Refuse one number in two spellings, which programs that keep tables as numbers leave behind."""
    present = set(column.dropna())
    for at, value in enumerate(column):
        if value is not None and value.endswith(".0") and value[:-2] in present:
            first = column.tolist().index(value[:-2])
            raise UserError(
                f"{name}: {column.name} is {value!r} in line {lines[at]} and {value[:-2]!r} in line {lines[first]}, "
                "which would be two names: write both alike."
            )


def _check_pairs(table: pd.DataFrame, lines: Sequence[int], name: str) -> None:
    neutral = ((table["emotion"] == "neutral") & table["pair_id"].notna()).to_numpy()
    again = table.loc[neutral, "pair_id"].duplicated()
    if again.any():
        rows = neutral.nonzero()[0]
        second = rows[int(again.to_numpy().argmax())]
        pair = table["pair_id"].iloc[second]
        first = next(i for i in rows if table["pair_id"].iloc[i] == pair)
        raise UserError(
            f"{name}: the pair {pair!r} has two neutral texts, in line {lines[first]} and line {lines[second]}: a pair "
            "has one, so give the other a pair_id of its own, or none."
        )


def _ids(ids: pd.Series, lines: Sequence[int], name: str) -> pd.Series:
    if ids.isna().all():
        width, stem = len(str(len(ids))), Path(name).stem
        return pd.Series([f"{stem}-{i + 1:0{width}d}" for i in range(len(ids))], index=ids.index)
    if ids.isna().any():
        raise UserError(
            f"{name}, line {lines[int(ids.isna().argmax())]}: the id is missing; fill it or drop the column."
        )
    again = ids.duplicated()
    if again.any():
        second = int(again.argmax())
        first = int((ids == ids.iloc[second]).argmax())
        raise UserError(
            f"{name}: the id {ids.iloc[second]!r} stands in line {lines[first]} and again in line {lines[second]}: "
            "make ids unique, or drop the column to have them numbered."
        )
    return ids


def _splits(table: pd.DataFrame, lines: Sequence[int], name: str, seed: int) -> pd.Series:
    split = table["split"]
    if split.isna().all():
        return grouped_splits(table, seed=seed)
    wrong = ~split.isin(list(SPLITS))
    if wrong.any():
        at = int(wrong.argmax())
        raise UserError(
            f"{name}, line {lines[at]}: the split {split.iloc[at]!r} is not one of {', '.join(SPLITS)}: "
            "correct it, or drop the column to have splits assigned."
        )
    return split


def _with_spans(table: pd.DataFrame, lines: Sequence[int], name: str) -> pd.DataFrame:
    for column in SPANS:
        table[column] = _read(table[column], lines, name, _position).astype("Int64")
    if table[list(SPANS)].isna().all(axis=None):
        table = _find_spans(table)
    beside = partners(table, ["text"])["partner_text"].reindex(table.index)
    _check_spans(table, lines, name, "emotion", table["text"].str.len(), "the text")
    _check_spans(
        table, lines, name, "match", beside.str.len().astype("Int64"), "the neutral text of its pair"
    )
    return table


def _position(value: Any) -> int | None:
    """A number of characters; ValueError says, as the end of a sentence, why it is none."""
    if _is_missing(value):
        return None
    number = value
    if isinstance(value, str):
        try:
            number = float(value) if not value.strip().lstrip("+-").isdigit() else int(value)
        except ValueError:
            raise ValueError(NO_POSITION) from None
    whole = isinstance(number, int) or (isinstance(number, float) and number.is_integer())
    if isinstance(number, bool) or not whole or not abs(number) < EXACT:
        raise ValueError(NO_POSITION)
    return int(number)


def _check_spans(
    table: pd.DataFrame, lines: Sequence[int], name: str, kind: str, length: pd.Series, where: str
) -> None:
    """Refuse a span with one end, one that is empty or turned round, and one that does not lie in its text."""
    start, end = table[f"{kind}_start"], table[f"{kind}_end"]
    bad = ((start < 0) | (end > length) | (start >= end)).fillna(False).astype(bool)
    bad |= start.isna() != end.isna()
    if bad.any():
        at = int(bad.to_numpy().argmax())
        size = "" if pd.isna(length.iloc[at]) else f" ({length.iloc[at]} characters)"
        raise UserError(
            f"{name}, line {lines[at]}: the {kind} span {start.iloc[at]}..{end.iloc[at]} does not lie in "
            f"{where}{size}: correct both ends, or drop the columns to have them found."
        )


def _keywords(table: pd.DataFrame, lines: Sequence[int], name: str) -> list[bool]:
    """The flags of the file, and for a row without one whether a word of the list names its emotion."""
    flags = []
    columns = ("keyword", "text", "emotion", "emotion_start", "lang")
    for line, flag, text, emotion, start, lang in zip(
        lines, *(table[c].tolist() for c in columns), strict=True
    ):
        known = FLAGS.get(str(flag).strip().casefold())
        if known is not None:
            flags.append(known)
        elif not pd.isna(flag):
            raise UserError(f"{name}, line {line}: keyword is {flag!r}, write true or false.")
        else:
            # spans hold the emotion word of emotional rows, so that only the rest has to be searched
            flags.append(start is not pd.NA or find_keyword(text, emotion, lang) is not None)
    return flags


def _find_spans(table: pd.DataFrame) -> pd.DataFrame:
    beside = partners(table, ["text"])["partner_text"].reindex(table.index)
    found: dict[str, list[int | None]] = {column: [] for column in SPANS}
    for text, emotion, lang, partner in zip(
        table["text"], table["emotion"], table["lang"], beside, strict=True
    ):
        span = find_keyword(text, emotion, lang) if emotion != "neutral" else None
        match = match_span(text, span, partner) if span and pd.notna(partner) else None
        for column, value in zip(SPANS, (*(span or (None, None)), *(match or (None, None))), strict=True):
            found[column].append(value)
    return table.assign(**{column: pd.array(values, dtype="Int64") for column, values in found.items()})
