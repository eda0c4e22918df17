"""A claim with all that is known of it in a run, and the chapter that decides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

from emotion_utils.core.errors import UserError
from emotion_utils.reports.replication import OTHER_MODEL, Verdict, in_words

VERDICTS: tuple[str, ...] = get_args(Verdict)
"""Of the first column, *Replication*."""
DECIDED = VERDICTS[:2]
AGREEMENTS = ("agrees", "contradicts", "mixed", "undecided")
"""What the claim's own rule says of it on all other models that were measured."""
REPLICATIONS = (
    *DECIDED, *(f"{OTHER_MODEL}, {word}" for word in AGREEMENTS), "other data", "by design", "pending"
)  # fmt: skip
"""The first column in words, as it is shown and counted."""
COUNTED = REPLICATIONS[:4]
"""Those that a headline may count: what was decided, and what another model says."""

CHAPTERS = (
    ("P1.", "01_dataset"),
    ("P2.", "02_activations"),
    ("P3.", "03_emotion_vectors"),
    ("P35.", "04_alignment"),
    ("P75.k", "04_alignment"),
    ("P5.", "05_steering"),
    ("P6.", "06_head_screening"),
    ("P7.", "07_head_patching"),
    ("P75.", "08_statistics"),
    ("P8.", "09_scaling"),
    ("D.", "10_predictability"),
    ("C.f1.", "11_circuits"),
    ("C.circuit.", "11_circuits"),
    ("C.", "12_features"),
)
"""Which chapter measures a claim, by the beginning of its id; the first that fits."""

OTHER_PARTS = {"predictability": "Predictable and novel", "siblings": "Japanese siblings"}
"""Reports that are no phase of the first project, by their names in :mod:`reports`."""


@dataclass(frozen=True)
class Row:
    """What one model gave.

    Attributes
    ----------
    model
        As a reader calls it (never a path), empty where none is involved.
    value, low, high, null, n
        In the claim's unit, with 95 % interval, mean under the null and number of units; None where there is none.
    holds
        Whether the claim's rule holds, whatever the model.
    verdict
        One of :data:`VERDICTS`.
    note
        What the chapter says of it.
    decided
        Page of the cell that decided it, from the root of the book.
    """

    model: str
    value: float | None
    low: float | None
    high: float | None
    null: float | None
    n: int | None
    holds: bool | None
    verdict: str
    note: str
    decided: str

    @property
    def replication(self) -> str:
        """The verdict in words, on another model with what the rule says there."""
        return in_words(self.verdict, self.holds)


@dataclass(frozen=True)
class Entry:
    """One claim of the reports.

    Attributes
    ----------
    id, claim, metric, report
        As in `data/claims.csv`; ``report`` is the printed value.
    part
        Of the reports, as a reader calls it.
    chapter
        Which measures it; empty where that is not in the book.
    source, section
        Where the reports say it: short name of the report, and its section.
    conflicts_with
        Another claim that says otherwise, or nothing.
    verdict
        Over all rows; see :func:`overall`.
    waits
        Why nothing decides the first column yet; empty where something does.
    scrutiny, scrutiny_note
        What can be said without any model, and what it rests on.
    scrutinised
        Page where that is shown; empty where it is not in the book.
    rows
        One per model that was measured.
    record
        The same of the committed record of the real models.
    settled
        What the author's public code settles of the claim, and where; empty where nothing needed it.
    """

    id: str
    claim: str
    metric: str
    report: str
    part: str
    chapter: str
    source: str
    section: str
    conflicts_with: str
    verdict: str
    waits: str
    scrutiny: str
    scrutiny_note: str
    scrutinised: str
    rows: tuple[Row, ...] = field(default=())
    record: tuple[Row, ...] = field(default=())
    settled: str = ""

    @property
    def replication(self) -> str:
        """One of :data:`REPLICATIONS`: the verdict in words."""
        if self.verdict != OTHER_MODEL:
            return self.verdict
        return f"{OTHER_MODEL}, {agreement([row.holds for row in self.rows])}"


def agreement(held: Sequence[bool | None]) -> str:
    """What the rule says on several models, one of :data:`AGREEMENTS`: of those on which it decides anything."""
    known = set(held) - {None}
    if len(known) == 2:
        return "mixed"
    return "undecided" if not known else "agrees" if True in known else "contradicts"


def chapter_of(claim: str) -> str:
    """The chapter that measures a claim, by its id."""
    for beginning, chapter in CHAPTERS:
        if claim.startswith(beginning):
            return chapter
    raise UserError(f'No chapter measures the claim "{claim}": add its beginning to CHAPTERS in {__name__}.')


def part_of(phase: str) -> str:
    """What a reader calls the part of the reports that a claim stands in."""
    return f"Phase {phase}" if phase[:1].isdigit() else OTHER_PARTS[phase]


def overall(verdicts: Sequence[str]) -> str:
    """One verdict over all rows of a claim.

    *Not reproduced* where any row of the claim's model fails its rule, *reproduced* where all that decide hold, *other
    model* where only others were measured, *other data* and *by design* where no model could decide, *pending* where
    nothing was measured.
    """
    for verdict in ("not reproduced", "reproduced", "other model", "other data", "by design"):
        if verdict in verdicts:
            return verdict
    return "pending"
