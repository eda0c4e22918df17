"""Numbers of the real models in the committed record, for the answer of a page about other models."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from emotion_utils.models.registry import reader_name
from emotion_utils.record.record_file import PATH, read_record


class Recorded(NamedTuple):
    """One finding of the record.

    Attributes
    ----------
    model
        What a reader calls the model, or the models.
    value, null
        Of the finding; NaN where there is none.
    """

    model: str
    value: float
    null: float


def recorded(chapter: str, finding: str, but: str = "", path: Path = PATH) -> list[Recorded]:
    """What the record says of one finding, model by model; nothing where it has no such finding.

    Parameters
    ----------
    chapter
        Such as ``04_alignment``.
    finding
        In the words that the chapter keeps it by.
    but
        The model, or models, of this run, which need not be named again.
    path
        Of the record.
    """
    record = read_record(path)
    rows = []
    for part in record.of(chapter) if record else ():
        if part.model == but:
            continue
        table = part.table[part.table["finding"] == finding]
        name = reader_name(part.model)
        rows += [Recorded(name, float(row.value), float(row.null)) for row in table.itertuples()]
    return rows
