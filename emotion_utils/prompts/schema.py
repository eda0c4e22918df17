"""The schema of a prompt table, and completing a reader's table to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
    table["id"] = _ids(table["id"], lines, name)
    table["lang"] = table["lang"].fillna("en")
    table["group"] = table["group"].fillna(table["template"]).fillna(table["text"].map(normalise))
    table["split"] = _splits(table, lines, name, seed)
    for column in ("template", "group", "topic", "register", "pair_id"):
        if table[column].notna().any():
            table[column] = table[column].map(str, na_action="ignore")
    table = _with_spans(table, lines, name)
    table["keyword"] = _keywords(table, lines, name)
    return table.astype(SCHEMA)


def _ids(ids: pd.Series, lines: Sequence[int], name: str) -> pd.Series:
    if ids.isna().all():
        width, stem = len(str(len(ids))), Path(name).stem
        return pd.Series([f"{stem}-{i + 1:0{width}d}" for i in range(len(ids))], index=ids.index)
    if ids.isna().any():
        raise UserError(
            f"{name}, line {lines[int(ids.isna().argmax())]}: the id is missing; fill it or drop the column."
        )
    ids = ids.map(str)
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
        try:
            table[column] = pd.to_numeric(table[column]).astype("Int64")
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{name}: column {column!r} must hold whole numbers or nothing ({error})."
            ) from error
    if table[list(SPANS)].isna().all(axis=None):
        table = _find_spans(table)
    _check_spans(table, lines, name)
    return table


def _check_spans(table: pd.DataFrame, lines: Sequence[int], name: str) -> None:
    length = table["text"].str.len()
    bad = (
        (table["emotion_start"] < 0)
        | (table["emotion_end"] > length)
        | (table["emotion_start"] >= table["emotion_end"])
    )
    bad = bad.fillna(False).astype(bool) | (table["emotion_start"].isna() != table["emotion_end"].isna())
    if bad.any():
        at = int(bad.to_numpy().argmax())
        row = table.iloc[at]
        raise UserError(
            f"{name}, line {lines[at]}: the emotion span {row.emotion_start}..{row.emotion_end} does not lie in "
            f"the text of {length.iloc[at]} characters: correct both ends, or drop the columns to have them found."
        )


def _keywords(table: pd.DataFrame, lines: Sequence[int], name: str) -> list[bool]:
    """The flags of the file, and for a row without one whether a word of the list names its emotion."""
    flags = []
    for line, flag, text, emotion, start in zip(
        lines, *(table[c].tolist() for c in ("keyword", "text", "emotion", "emotion_start")), strict=True
    ):
        known = FLAGS.get(str(flag).strip().casefold())
        if known is not None:
            flags.append(known)
        elif not pd.isna(flag):
            raise UserError(f"{name}, line {line}: keyword is {flag!r}, write true or false.")
        else:
            # spans hold the emotion word of emotional rows, so that only the rest has to be searched
            flags.append(start is not pd.NA or find_keyword(text, emotion) is not None)
    return flags


def _find_spans(table: pd.DataFrame) -> pd.DataFrame:
    beside = partners(table, ["text"])["partner_text"].reindex(table.index)
    found: dict[str, list[int | None]] = {column: [] for column in SPANS}
    for text, emotion, partner in zip(table["text"], table["emotion"], beside, strict=True):
        span = find_keyword(text, emotion) if emotion != "neutral" else None
        match = match_span(text, span, partner) if span and pd.notna(partner) else None
        for column, value in zip(SPANS, (*(span or (None, None)), *(match or (None, None))), strict=True):
            found[column].append(value)
    return table.assign(**{column: pd.array(values, dtype="Int64") for column, values in found.items()})
