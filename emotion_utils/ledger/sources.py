"""Where the welcome page takes its numbers from: the record of the real models first, else what the run kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from emotion_utils.ledger.records import Entry
from emotion_utils.models.registry import reader_name, world_of
from emotion_utils.record.findings import read_findings
from emotion_utils.record.record_file import PATH, Part, read_record


class Seen(NamedTuple):
    """One number on one model.

    Attributes
    ----------
    model
        As a reader calls it, with the world that it comes from.
    value, low, high, null
        With the 95 % interval and the mean under the null; None where there is none.
    page
        Where it stands in this book, from the root; empty where it does not.
    recorded
        Whether it comes from the record.
    """

    model: str
    value: float
    low: float | None
    high: float | None
    null: float | None
    page: str
    recorded: bool

    @property
    def above(self) -> bool:
        """Whether the whole interval, or the value where it has none, lies above the null."""
        lowest = self.value if self.low is None else self.low
        return self.null is not None and lowest > self.null


@dataclass(frozen=True)
class Sources:
    """What the welcome page may speak of.

    Attributes
    ----------
    entries
        The ledger of the run.
    record, kept
        Pages of the record of the real models, and those whose findings the run has kept.
    """

    entries: Sequence[Entry]
    record: Sequence[Part] = ()
    kept: Sequence[Part] = ()

    def claim(self, name: str) -> list[Seen]:
        """What was measured for a claim: on the real models of the record, or else in the run."""
        entry = next(entry for entry in self.entries if entry.id == name)
        for rows, recorded in ((entry.record, True), (entry.rows, False)):
            seen = [
                Seen(_in_words(row.model), row.value, row.low, row.high, row.null, row.decided, recorded)
                for row in rows
                if row.value is not None
            ]
            if seen:
                return seen
        return []

    def reported(self, name: str) -> str:
        """What the report prints for a claim."""
        return next(entry.report for entry in self.entries if entry.id == name)

    def finding(self, chapter: str, words: str, *, ending: bool = False) -> list[Seen]:
        """A finding of a chapter, or those that end so: on the real models of the record, or else in the run."""
        ran = {entry.chapter for entry in self.entries if entry.rows}
        page = f"notebooks/{chapter}.html#record" if chapter in ran else ""
        for parts, recorded in ((self.record, True), (self.kept, False)):
            seen = [
                _seen(part.model, row, page, recorded)
                for part in parts
                if part.chapter == chapter
                for row in part.findings
                if (row["finding"].endswith(words) if ending else row["finding"] == words)
                and row["value"] is not None
            ]
            if seen:
                return seen
        return []


def _in_words(model: str) -> str:
    """A model of a row: bundled ones stand there by their name, others as a reader calls them already."""
    small = model and all(world_of(name) == "small world" for name in model.split("~"))
    return reader_name(model) if small else model


def _seen(model: str, row: Mapping[str, Any], page: str, recorded: bool) -> Seen:
    low, high, null = (None if row[name] is None else float(row[name]) for name in ("low", "high", "null"))
    return Seen(reader_name(model), float(row["value"]), low, high, null, page, recorded)


def gather(run_dir: Path, entries: Sequence[Entry], path: Path = PATH) -> Sources:
    """The record, and the findings that a run has kept in its folder.

    Raises
    ------
    UserError
        Where the record or a file of findings is damaged.
    """
    record = read_record(path)
    kept = [read_findings(file) for file in sorted((run_dir / "findings").glob("*.json"))]
    parts = [
        Part(
            one["chapter"],
            one["model"],
            one["date"],
            one["commit"],
            one["code"],
            {},
            tuple(one["findings"]),
            (),
        )
        for one in kept
    ]
    return Sources(entries, record.parts if record else (), parts)
