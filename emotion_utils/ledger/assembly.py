"""Collect what the chapters of a run measured, beside every claim; a chapter that left one out stops the build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.ledger.entries import as_entry, row_of
from emotion_utils.ledger.records import Entry, Row, chapter_of, overall
from emotion_utils.predictability.record import FOLDER
from emotion_utils.predictability.record import read_record as read_parts
from emotion_utils.record.record_file import PATH, read_record
from emotion_utils.reports.claims import Measurement, judge, measurement_file, read_claims, read_measurements
from emotion_utils.reports.replication import CHAPTER
from emotion_utils.runtime.schema import chapter_schema

if TYPE_CHECKING:
    from pathlib import Path

    from emotion_utils.runtime.runs import Job, Run

SCRUTINISED = "08_statistics"


def assemble(
    run: Run,
    scrutiny: Mapping[str, tuple[str, str]] | None = None,
    record: Path = PATH,
    parts: Path = FOLDER,
) -> list[Entry]:
    """Every claim of the reports, with what this run and the scrutiny say of it.

    Parameters
    ----------
    run
        Whose chapters have run; only their own files are read. Chapters about a reader's own texts measure no claim.
    scrutiny
        Word and note of each claim; by default :func:`emotion_utils.scrutiny.everything` at the run's seed.
    record
        Of the real models; there may be none.
    parts
        Folder with the record of predictable and new parts on real text; there may be none in it.

    Returns
    -------
    In the order of the claims.

    Raises
    ------
    UserError
        Where a chapter of the run measured nothing for one of its claims, or its file is missing or damaged, or the
        record is.
    """
    claims = read_claims()
    if scrutiny is None:
        from emotion_utils.scrutiny import everything

        scrutiny = everything(run.seed)
    about_claims = [job for job in run.chapters if job.own_prompts is None]
    rows, ran = _measured(run, about_claims, claims), {job.chapter for job in about_claims}
    recorded = _recorded(_kept(record, parts), claims, ran)
    entries = [_entry(claim, rows, ran, run, scrutiny) for _, claim in claims.iterrows()]
    return [replace(entry, record=tuple(recorded.get(entry.id, ()))) for entry in entries]


def _measured(run: Run, jobs: Sequence[Job], claims: pd.DataFrame) -> dict[str, list[Row]]:
    """Rows of each claim, in the order of jobs; those about a reader's own texts are not among them."""
    known = {chapter_of(str(claim)) for claim in claims["id"]}
    first = {job.chapter: job.name for job in reversed(run.chapters)}
    found: dict[str, list[Row]] = {}
    for job in jobs:
        if job.chapter not in known:
            continue
        page = job.chapter if first[job.chapter] == job.name else job.name
        table = judge(read_measurements(measured_by(run, job)), claims)
        for row in table.to_dict("records"):
            found.setdefault(row["id"], []).append(row_of(row, f"notebooks/{page}.html#decided"))
    return found


class _Kept(NamedTuple):
    """What a record says of the claims of a chapter, whether its code has changed since, and where a page shows it."""

    chapter: str
    measurements: Sequence[Measurement]
    changed: bool
    where: str


def _kept(path: Path, parts: Path) -> list[_Kept]:
    """Of both records that there may be: of the runs on real models, and of real text in two parts."""
    record, on_text = read_record(path), read_parts(folder=parts)
    found = [
        _Kept(part.chapter, part.measurements, part.changed, "#record" if part.findings else "")
        for part in (record.parts if record else ())
    ]
    if on_text is not None:
        found.append(_Kept(chapter_of("D."), on_text.measurements, on_text.changed, "#decided"))
    return found


def _recorded(kept: Sequence[_Kept], claims: pd.DataFrame, ran: set[str]) -> dict[str, list[Row]]:
    """What the records of real models say of each claim; it is shown on the pages of the chapters that ran.

    A claim that no model could replicate, such as one about a size or a calculation, is none of real models.
    """
    about_models = set(claims.loc[claims["basis"] == "model", "id"])
    ruled = set(claims.loc[claims["rule"] == CHAPTER, "id"])
    found: dict[str, list[Row]] = {}
    for part in kept:
        where = f"notebooks/{part.chapter}.html{part.where}" if part.chapter in ran and part.where else ""
        own = [row for row in part.measurements if row.claim in about_models]
        if part.changed:
            own = [_without_old_rule(row) if row.claim in ruled else row for row in own]
        for row in judge(own, claims).to_dict("records"):
            found.setdefault(row["id"], []).append(row_of(row, where))
    return found


def _without_old_rule(row: Measurement) -> Measurement:
    """What was decided by a rule that the chapter may have changed since is undecided until it is measured again."""
    note = "; ".join(
        part for part in (row.note, "recorded before the chapter changed, hence undecided") if part
    )
    return replace(row, holds=None, note=note)


def measured_by(run: Run, job: Job) -> Path:
    """Where a job left its measurements: apart for each model where the chapter takes one."""
    schema = chapter_schema(job.chapter)
    model = job.model or (str(schema["model"].default) if "model" in schema else None)
    return measurement_file(run.directory, job.chapter, model)


def _entry(
    claim: pd.Series,
    measured: Mapping[str, list[Row]],
    ran: set[str],
    run: Run,
    scrutiny: Mapping[str, tuple[str, str]],
) -> Entry:
    name, chapter = str(claim["id"]), chapter_of(str(claim["id"]))
    rows = tuple(measured.get(name, ()))
    if chapter in ran and not rows:
        where = measured_by(run, next(job for job in run.chapters if job.chapter == chapter))
        raise UserError(
            f'The chapter {chapter} of the run "{run.name}" says nothing of the claim "{name}" in {where}: '
            "add a Measurement for it to the chapter, with value None and a note where it cannot be measured."
        )
    if name not in scrutiny:
        raise UserError(
            f'Nothing is said of the claim "{name}" without its model: add it to emotion_utils/scrutiny.'
        )
    in_book = chapter if any(job.chapter == chapter for job in run.chapters) else ""
    entry = as_entry(claim, in_book, overall([row.verdict for row in rows]), rows, scrutiny[name])
    scrutinised = f"notebooks/{SCRUTINISED}.html#scrutiny" if SCRUTINISED in ran else ""
    return replace(entry, scrutinised=scrutinised)
