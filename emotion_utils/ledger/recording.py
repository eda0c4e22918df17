"""From a finished run on the real models to their record: whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.versions import commit
from emotion_utils.ledger.assembly import measured_by
from emotion_utils.ledger.records import CHAPTERS as CLAIMED
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.record.findings import findings_file, read_findings
from emotion_utils.record.record_file import Part, Record, chapter_code
from emotion_utils.reports.claims import Measurement, read_measurements
from emotion_utils.runtime.parameters import model_names

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Job, Run

WHOLE = (
    "02_activations",
    "03_emotion_vectors",
    "04_alignment",
    "05_steering",
    "06_head_screening",
    "07_head_patching",
)
"""The chapters that a record must have, each on every real model, or on all of them together."""


def collect(run: Run) -> Record:
    """What a finished run found on the real models; pages of other models are left out.

    Raises
    ------
    UserError
        Where a chapter is not in the run for one of the real models, or has not been executed, or its findings or
        measurements are missing, damaged, or of another execution.
    """
    jobs = [job for job in run.chapters if job.models and set(job.models) <= set(PACKAGED)]
    for chapter in WHOLE:
        missing = set(PACKAGED) - {name for job in jobs if job.chapter == chapter for name in job.models}
        if missing:
            raise UserError(
                f'The run "{run.name}" has no {chapter} on {listing(sorted(missing))}: a record is of all chapters on '
                f"all real models. Add it to {run.path.name or 'the run file'} and run it again."
            )
    parts = tuple(_part(run, job) for job in jobs)
    return Record(run.name, run.profile, datetime.now(UTC).date().isoformat(), commit(), parts)


def _part(run: Run, job: Job) -> Part:
    about, models = _executed(job), job.models
    code, findings = _kept(run, job, models)
    parameters = {name: value for name, value in about["parameters"].items() if name != "run_dir"}
    return Part(
        job.chapter, ", ".join(models), str(about["date"])[:10], str(about["commit"]), code, parameters,
        tuple(findings), tuple(_measurements(run, job)),
    )  # fmt: skip


def _kept(run: Run, job: Job, models: list[str]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The code and the findings of a page; chapters that :data:`WHOLE` does not name need not keep any."""
    path = findings_file(run.directory, job.chapter, models[0])
    if job.chapter not in WHOLE and not path.is_file():
        return chapter_code(job.chapter), ()
    kept = read_findings(path)
    found = model_names({"models": kept["model"]})
    if found != models:
        raise UserError(
            f'The findings of {job.chapter} in the run "{run.name}" are of {listing(found)}, and the run file asks '
            f"for {listing(models)}: run the chapter again."
        )
    return kept["code"], kept["findings"]


def _executed(job: Job) -> dict[str, Any]:
    """The provenance in the executed notebook of a job."""
    try:
        about = json.loads(job.output.read_text(encoding="utf-8"))["metadata"]["provenance"]
    except FileNotFoundError:
        raise UserError(
            f'{job.name} of the run "{job.run}" has not been executed: run its run file first.'
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{job.output} is damaged ({error!r}): delete it and run it again.") from error
    if missing := {"parameters", "date", "commit"} - set(about):
        raise UserError(f"{job.output} does not say its {missing.pop()}: delete it and run it again.")
    return dict(about)


def _measurements(run: Run, job: Job) -> Sequence[Measurement]:
    if job.chapter not in {chapter for _, chapter in CLAIMED}:
        return ()
    return read_measurements(measured_by(run, job))
