"""The labels of a file: folded, renamed, left out, one of them the reference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from emotion_utils.core.emotions import EMOTIONS, REFERENCE, labels_of
from emotion_utils.core.errors import UserError, listing, suggestion
from emotion_utils.prompts.splits import SPLITS

MOST = 30
"""Labels of a file."""
LONGEST = 40
"""Characters of a label."""
LABEL = re.compile(r"[^\W_](?:[\w '’./+-]*[^\W_])?")
"""A label stands in headings, sentences and tables, so that it is a word or a few."""
AUTO, NONE = "auto", "none"


def read_labels(
    values: Sequence[Any],
    lines: Sequence[int],
    column: str,
    name: str,
    label_map: Mapping[Any, str | None] | None = None,
    reference: str | None = AUTO,
) -> list[str | None]:
    """Name the labels of a file's rows as tables will; None where a row is left out.

    Parameters
    ----------
    values
        As the file has them. Case, width and spaces around them make no difference.
    lines
        Of each value, for error messages.
    column, name
        Of the labels and of the file.
    label_map
        From the file's labels to others, or to None for rows to be left out.
    reference
        The label that others are compared with, which tables call ``neutral``; ``auto`` for ``neutral`` where the file
        has it; None or ``none`` for no reference.

    Raises
    ------
    UserError
        With the value, the line and what to do.
    """
    shown = dict(zip(map(fold, EMOTIONS), EMOTIONS, strict=True))
    renamed = _folded(label_map or {})
    for label in (label for label in renamed.values() if label is not None):
        if not isinstance(label, str) or not label.strip():
            raise UserError(
                f"label_map sends a label to {label!r}: write a label, or None to leave its rows out."
            )
        shown.setdefault(fold(label), " ".join(label.split()))
    labels: list[str | None] = []
    for value, line in zip(values, lines, strict=True):
        key = fold(value)
        if not key:
            raise UserError(
                f"{name}, line {line}: the label in column {column!r} is blank; fill it or remove the row."
            )
        if key in renamed and renamed[key] is None:
            labels.append(None)
            continue
        key = fold(renamed.get(key, key))
        labels.append(shown.setdefault(key, " ".join(str(value).split())))
    _check_names(labels, lines, name)
    _check_map(renamed, values, name)
    return _with_reference(labels, reference, name)


def _folded(label_map: Mapping[Any, str | None]) -> dict[str, str | None]:
    """The names by what of a label counts; two spellings of a label may not get two names."""
    renamed: dict[str, str | None] = {}
    for value, label in label_map.items():
        key = fold(value)
        if key in renamed and renamed[key] != label:
            raise UserError(
                f"label_map renames {key!r} to {renamed[key]!r} and, spelled {value!r}, to {label!r}: case, width and "
                "spaces make no difference between labels, so keep one."
            )
        renamed[key] = label
    return renamed


def fold(value: Any) -> str:
    """What of a label counts: its letters, without case, width and spaces around them."""
    if value is None or value != value:  # NaN differs from itself
        return ""
    return " ".join(unicodedata.normalize("NFKC", str(value)).split()).casefold()


def check_labels(prompts: pd.DataFrame, name: str, *, splits: bool = True) -> None:
    """Refuse prompts whose labels cannot be told apart on texts that were held out.

    Parameters
    ----------
    prompts
        Completed to the schema.
    name
        Of the file, for error messages.
    splits
        Whether every label needs a text in each split.

    Raises
    ------
    UserError
        For fewer than two labels, more than :data:`MOST`, and a label without a text in a split.
    """
    labels = labels_of(prompts)
    if len(labels) < 2:
        raise UserError(
            f'All {len(prompts)} texts of {name} have the label "{labels[0]}": at least two labels are needed, one of '
            "which may be the reference."
        )
    if not splits:
        return
    counts = pd.crosstab(prompts["emotion"], prompts["split"]).reindex(columns=list(SPLITS), fill_value=0)
    for label in labels:
        empty = [split for split in SPLITS if not counts.at[label, split]]
        if empty:
            raise UserError(
                f'{name} has {int(counts.loc[label].sum())} texts of "{label}", none of them in the split '
                f"{listing(empty)}: vectors are made, chosen and scored on different texts. Give it more texts (at "
                "least five that share no group), or leave the label out by label_map."
            )


def _check_names(labels: Sequence[str | None], lines: Sequence[int], name: str) -> None:
    kept = list(dict.fromkeys(label for label in labels if label is not None))
    for label in kept:
        if not LABEL.fullmatch(label) or len(label) > LONGEST:
            line = lines[labels.index(label)]
            shown = label if len(label) <= LONGEST else label[: LONGEST - 3] + "..."
            raise UserError(
                f"{name}, line {line}: the label {shown!r} is not a word or a few: write letters, digits, spaces and "
                f"-_'./+, at most {LONGEST} characters, or rename it, label_map={{{shown!r}: 'a name'}}."
            )
    if len(kept) > MOST:
        raise UserError(
            f"{name} has {len(kept)} labels, {listing(kept[:3])} among them; at most {MOST} can be compared: join "
            "some by label_map, or leave some out with None."
        )


def _check_map(renamed: Mapping[str, str | None], values: Sequence[Any], name: str) -> None:
    present = set(map(fold, values))
    absent = next((key for key in renamed if key not in present), None)
    if absent is not None:
        raise UserError(
            f'label_map renames "{absent}", which {name} does not have: {suggestion(absent, present)}'
        )


def _with_reference(labels: list[str | None], reference: str | None, name: str) -> list[str | None]:
    kept = list(dict.fromkeys(label for label in labels if label is not None))
    wanted = fold(reference) or NONE
    if wanted == AUTO:
        return labels
    chosen = next((label for label in kept if fold(label) == wanted), None)
    if wanted != NONE and chosen is None:
        raise UserError(f'The reference "{reference}" is not a label of {name}: {suggestion(wanted, kept)}')
    if chosen != REFERENCE and REFERENCE in kept:
        raise UserError(
            f'{name} has texts of "{REFERENCE}", which is what tables call the reference: leave reference at '
            f'"{AUTO}", or rename the label by label_map.'
        )
    return [REFERENCE if label is not None and label == chosen else label for label in labels]
