"""Texts with one label each, from a file or a table: read, brought to one form, cleaned and split by label.

Two spellings of the same characters are one text: by default all is normalised to NFKC, which joins a letter and its
combining mark, and makes half-width kana and full-width Latin letters the usual ones. The report that the chapter
rebuilds says nothing of this; ``normalisation="none"`` leaves texts as they are. As there, a text that stands under
several labels is left out under all of them. A repetition under one label is left out as well, since one copy of it
might be trained on and the other one tested.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotion_utils.core.errors import UserError, listing
from emotion_utils.prompts.files import read_rows
from emotion_utils.prompts.splits import text_hashes

NORMALISATIONS = ("NFKC", "none")
TRAIN, TEST = 280, 120
"""Posts of each label, as reported."""
Row = tuple[Any, Any, str]
"""A text, its label, and what errors call the place where they stand."""
SHOWN = 3
"""Labels that an error spells out."""


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts with labels, each text once.

    Attributes
    ----------
    table
        Columns `text, label, split`; `split` is ``train`` or ``test``, and empty before :meth:`with_split`.
    across_labels
        Rows that were left out because their text stands under several labels.
    repeated
        Rows that were left out because their text stands under the same label before.
    without_letters
        Texts that are kept and have no letter of any script, such as those of emoji alone.
    normalisation
        One of :data:`NORMALISATIONS`.
    """

    table: pd.DataFrame = field(repr=False)
    across_labels: int
    repeated: int
    without_letters: int
    normalisation: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in alphabetical order."""
        return tuple(sorted(self.table["label"].unique()))

    def part(self, split: str) -> tuple[list[str], list[str]]:
        """Texts and labels of one split."""
        own = self.table[self.table["split"] == split]
        return own["text"].tolist(), own["label"].tolist()

    def with_split(self, train: int = TRAIN, test: int = TEST, seed: int = 0) -> LabelledTexts:
        """The same texts, drawn anew for training and test.

        Parameters
        ----------
        train, test
            Texts of each label. A label with fewer is split in the same proportion, at least one text on either side;
            of one with more the rest is left out. The draw depends on the texts, not on their order.
        seed

        Raises
        ------
        UserError
            For fewer than one text.
        """
        if min(train, test) < 1:
            raise UserError(
                f"There are {train} texts of a label for training and {test} for test: give at least one each."
            )
        order = np.argsort(text_hashes(self.table["text"], seed), kind="stable")
        drawn = self.table.iloc[order]
        place = drawn.groupby("label").cumcount()
        size = drawn.groupby("label")["label"].transform("size")
        fewer = (size * train / (train + test)).round().clip(1, size - 1)
        first = fewer.where(size < train + test, train)
        split = np.where(place < first, "train", np.where(place < first + test, "test", ""))
        table = drawn.assign(split=split).sort_index()
        kept = table[table["split"] != ""].reset_index(drop=True)
        return LabelledTexts(
            kept, self.across_labels, self.repeated, self.without_letters, self.normalisation
        )

    def notes(self) -> str:
        """Say in Markdown what was read and left out."""
        form = "normalised to NFKC" if self.normalisation == "NFKC" else "as they were written"
        told = [
            f"{len(self.table):,} texts of {len(self.labels)} labels, {form}.",
            f"{self.across_labels:,} rows whose text stands under several labels were left out."
            if self.across_labels
            else "",
            f"{self.repeated:,} repetitions under one label were left out." if self.repeated else "",
            f"Kept without a letter of any script (emoji, digits): {self.without_letters:,}."
            if self.without_letters
            else "",
        ]
        return " ".join(filter(None, told))


def read_labelled_texts(
    path: str | Path,
    text: str = "text",
    label: str = "label",
    title: str | None = None,
    *,
    normalisation: str = "NFKC",
    encoding: str = "utf-8",
) -> LabelledTexts:
    """Read texts with labels from a CSV, TSV or JSON Lines file.

    Parameters
    ----------
    path
    text, label
        Columns.
    title
        Column that stands before the text, joined to it by a newline; none by default.
    normalisation
        One of :data:`NORMALISATIONS`.
    encoding
        Of the bytes; a byte order mark is dropped.

    Raises
    ------
    UserError
        What :func:`prompts.files.read_rows` and :func:`labelled_texts_of` refuse, with file and line.
    """
    columns, rows = read_rows(path, encoding=encoding)
    name = Path(path).name
    for column in (text, label, *([title] if title else [])):
        if column not in columns:
            raise UserError(
                f'{name} has no column "{column}": its columns are {listing(columns)}; name one of them.'
            )
    whole = [
        (_joined(fields, text, title), fields.get(label), f"{name}, line {line}") for line, fields in rows
    ]
    return _cleaned(whole, None, normalisation)


def _joined(fields: dict[str, Any], text: str, title: str | None) -> Any:
    """A post: its title, a newline and its body; either may be empty."""
    body, above = fields.get(text), fields.get(title) if title else None
    return f"{above}\n{body or ''}" if isinstance(above, str) and above.strip() else body


def labelled_texts_of(table: pd.DataFrame, *, normalisation: str = "NFKC") -> LabelledTexts:
    """Bring texts with labels to one form, and leave out what stands there twice.

    Parameters
    ----------
    table
        Columns `text, label`; also `split`, ``train`` or ``test``, where that is decided.
    normalisation
        One of :data:`NORMALISATIONS`.

    Raises
    ------
    UserError
        For a row without text or label, with its number; for fewer than two labels; for a label with fewer than two
        texts, one to train on and one to test.
    """
    places = [f"row {number}" for number in range(1, len(table) + 1)]
    rows = list(zip(table["text"], table["label"], places, strict=True))
    return _cleaned(rows, table.get("split"), normalisation)


def _cleaned(rows: Sequence[Row], splits: pd.Series | None, normalisation: str) -> LabelledTexts:
    """Checked and normalised before they are a table: a column of text cannot hold half of a character."""
    if normalisation not in NORMALISATIONS:
        raise UserError(f'There is no normalisation "{normalisation}": choose {listing(NORMALISATIONS)}.')
    plain = [(_text(text, place, normalisation), _label(label, place)) for text, label, place in rows]
    found = pd.DataFrame(plain, columns=["text", "label"])
    found["split"] = "" if splits is None else splits.to_numpy()
    several = found.groupby("text")["label"].transform("nunique") > 1
    repeated = found.duplicated(["text", "label"]) & ~several
    kept = found[~several & ~repeated].reset_index(drop=True)
    _check_labels(found, kept)
    bare = int((~kept["text"].map(_has_letter).astype(bool)).sum())
    return LabelledTexts(kept, int(several.sum()), int(repeated.sum()), bare, normalisation)


def _text(text: Any, place: str, normalisation: str) -> str:
    if not isinstance(text, str) or not any(unicodedata.category(c)[0] not in "ZC" for c in text):
        raise UserError(f"{place} has no text (found {str(text)[:40]!r}): fill it in, or take the row out.")
    _check_characters(text, "text", place)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return (plain if normalisation == "none" else unicodedata.normalize("NFKC", plain)).strip()


def _label(label: Any, place: str) -> str:
    told = "" if label is None or label != label else unicodedata.normalize("NFKC", str(label)).strip()
    if not told:
        raise UserError(f"{place} has no label: fill it in, or take the row out.")
    _check_characters(told, "label", place)
    return told


def _check_characters(text: str, what: str, place: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{place} has half of a character in its {what} (character {error.start + 1} is "
            f"{text[error.start]!r}): correct it, or take the row out."
        ) from None


def _check_labels(found: pd.DataFrame, kept: pd.DataFrame) -> None:
    counts = kept["label"].value_counts().reindex(sorted(found["label"].unique()), fill_value=0)
    if len(counts) < 2:
        raise UserError(
            f"There is one label ({listing(counts.index)}): two at least are needed to tell apart."
        )
    few = counts[counts < 2]
    if few.empty:
        return
    before = found["label"].value_counts()
    named = [f'"{label}" ({n} left of {before[label]})' for label, n in few.head(SHOWN).items()]
    raise UserError(
        f"{len(few)} of {len(counts)} labels have fewer than two texts once repetitions are left out, among them "
        f"{listing(named)}: one is needed for training and one for test, so add texts or leave these labels out."
    )


def _has_letter(text: str) -> bool:
    return any(character.isalpha() for character in text)
