"""The report of a run: what each of its jobs did, took and gave, as ``report.md`` for people and ``report.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import read_json, write_atomically
from emotion_utils.core.hashing import fingerprint
from emotion_utils.core.versions import commit
from emotion_utils.hub.snapshots import COMMIT
from emotion_utils.ledger.values import digest_of, values_of
from emotion_utils.models.registry import model_files, resolve_model, short_name
from emotion_utils.planning.allocation import kept
from emotion_utils.runtime.resources import Execution, Resources, read_execution, record_of

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Job, Run

NAME = "report"
SCHEMA = 1
JobState = Literal["run", "fresh", "earlier", "failed", "not finished", "not run"]
WITH_VALUES = ("run", "fresh", "earlier")
ENDED: dict[str, JobState] = {"started": "not finished", "failed": "failed", "complete": "run"}
STATES: tuple[JobState, ...] = get_args(JobState)


@dataclass(frozen=True)
class JobReport:
    """One job of a run.

    Attributes
    ----------
    name
        Of the job.
    state
        ``run`` now and complete; ``fresh``, since nothing that it stands on had changed; ``earlier``, with a result of
        an earlier time in a run that stopped before it was known whether that is fresh; ``failed``; ``not finished``
        where it was started and killed; ``not run`` where it was not started and there is no result.
    models
        Each with a hash of its files, or of a hub model the commit that the executed notebook has read; before it is
        executed, the revision that was asked for.
    execution
        Its last one, this time or earlier; None where there is no record of any.
    values
        Hashes of what it gave, by place (:func:`values.values_of`); empty where there is no result.
    allotted
        What it would ask for now, from its plan; None where the run was not planned.
    """

    name: str
    state: JobState
    models: Mapping[str, str]
    execution: Execution | None
    values: Mapping[str, str]
    allotted: Resources | None = None

    @property
    def value_hash(self) -> str:
        """One hash over all values; empty where there are none."""
        return digest_of(self.values) if self.values else ""


@dataclass(frozen=True)
class RunReport:
    """All jobs of a run, as they stand after Snakemake has ended."""

    run: str
    profile: str
    device: str
    date: str
    commit: str
    status: int
    jobs: Sequence[JobReport]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def value_hash(self) -> str:
        """One hash over the values of all jobs."""
        return digest_of({job.name: job.value_hash for job in self.jobs})

    @property
    def counts(self) -> dict[JobState, int]:
        """Jobs in each state that occurs."""
        listed = [job.state for job in self.jobs]
        return {state: listed.count(state) for state in STATES if state in listed}


def executions(run: Run) -> dict[str, int]:
    """How often each job of a run has been started so far."""
    records = {job.name: read_execution(record_of(job)) for job in run.chapters}
    return {name: record.number if record else 0 for name, record in records.items()}


def collect(run: Run, before: Mapping[str, int], status: int) -> RunReport:
    """What the jobs of a run did since a moment before, and what they gave.

    Parameters
    ----------
    run
    before
        From :func:`executions`, at that moment.
    status
        With which Snakemake ended.

    Raises
    ------
    UserError
        Where a record or a result is damaged.
    """
    allotted = kept(run)
    jobs = [
        replace(_job(run, job, before.get(job.name, 0), status), allotted=allotted.get(job.name))
        for job in run.chapters
    ]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return RunReport(run.name, run.profile, run.device, now, commit(), status, jobs, run.left_out)


def _job(run: Run, job: Job, before: int, status: int) -> JobReport:
    execution = read_execution(record_of(job))
    state: JobState
    if execution is not None and execution.number != before:
        state = ENDED[execution.state]
    elif job.output.is_file():
        state = "earlier" if status else "fresh"
    else:
        state = "not run"
    values = values_of(run, job) if state in WITH_VALUES else {}
    read = _commits(job.output) if job.output.is_file() else {}
    return JobReport(job.name, state, {name: _version(name, read) for name in job.models}, execution, values)


def _commits(notebook: Path) -> Mapping[str, str]:
    """The commits of hub models that an executed notebook has read, by the names of these models."""
    try:
        told = read_json(notebook)["metadata"].get("provenance", {}).get("revisions", {})
        return {name: commit for name, commit in told.items() if COMMIT.fullmatch(commit)}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{notebook} is no executed notebook ({error!r}): delete it and run it again."
        ) from error


def _version(name: str, read: Mapping[str, str]) -> str:
    """What names the content of a model: a commit on the hub, or a hash of its files."""
    reference = resolve_model(name)
    if reference.source == "hub":
        return read.get(name) or reference.revision or "default branch"
    return fingerprint(model_files(name))


def make(run: Run, before: Mapping[str, int], status: int) -> str:
    """Collect and write the report of a run; gives the line for a terminal.

    Parameters
    ----------
    run, before, status
        Of :func:`collect`.
    """
    report = collect(run, before, status)
    return f"{in_words(report)} {write(run, report)}"


def write(run: Run, report: RunReport) -> Path:
    """Keep a report in the folder of its run, for people and for programs; returns the former's path."""
    run.directory.mkdir(parents=True, exist_ok=True)
    content = {"schema": SCHEMA, "value_hash": report.value_hash, **asdict(report)}
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(run.directory / f"{NAME}.json", text + "\n")
    return write_atomically(run.directory / f"{NAME}.md", in_markdown(report))


def read(path: Path) -> RunReport:
    """The report in the folder of a run, such as ``build/smoke``, or at the path of a ``report.json``.

    Raises
    ------
    UserError
        Where there is none, it is damaged, or of another format.
    """
    file = path / f"{NAME}.json" if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"There is no report {file}: run its run file, which writes it; fresh jobs stay as they are."
        )
    content = read_json(file)
    try:
        schema = content["schema"]
        if schema == SCHEMA:
            return _report(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is damaged ({error!r}): delete it and run its run file again.") from error
    raise UserError(f"{file} has the format {schema!r}, and this is {SCHEMA}: run its run file again.")


def _report(content: Mapping[str, Any]) -> RunReport:
    names = ("run", "profile", "device", "date", "commit", "status", "left_out")
    return RunReport(
        jobs=[_job_report(job) for job in content["jobs"]], **{name: content[name] for name in names}
    )


def _job_report(content: Mapping[str, Any]) -> JobReport:
    execution, allotted = content["execution"], content.get("allotted")
    told = {
        "execution": Execution(**execution) if execution else None,
        "allotted": Resources(**allotted) if allotted else None,
    }
    return JobReport(**{**content, **told})


def differences(first: RunReport, second: RunReport) -> list[str]:
    """Sentences about the jobs whose values differ between two runs, or that only one of them has.

    Returns
    -------
    In the order of the first run; empty where all values are the same.
    """
    one, other = ({job.name: job for job in report.jobs} for report in (first, second))
    both = [_difference(name, one[name].values, other[name].values) for name in one if name in other]
    lonely = [f"{name}: only the first run has this job." for name in one if name not in other]
    lonely += [f"{name}: only the second run has this job." for name in other if name not in one]
    return [sentence for sentence in both if sentence] + lonely


def _difference(name: str, one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """What is not the same in the values of a job; nothing where all is, unless there is nothing to compare."""
    if not one or not other:
        return f"{name}: without values in {'both runs' if one == other else 'one of the runs'}."
    places = [place for place in {**one, **other} if one.get(place) != other.get(place)]
    return f"{name}: {listing(places)} of {len({**one, **other})} places differ." if places else ""


def in_words(report: RunReport) -> str:
    """One line for a terminal."""
    states = ", ".join(f"{count} {state}" for state, count in report.counts.items())
    jobs = f"{len(report.jobs)} job{'s'[: len(report.jobs) != 1]}"
    return f"{jobs}: {states}; values {report.value_hash}."


HEAD = ("job", "state", "started", "seconds", "peak MB", "host", "asked", "planned", "models", "values")
SHORT = 12
"""Digits of a commit on the page."""


def in_markdown(report: RunReport) -> str:
    """The report as a page: a table of the jobs, what failed, and what was left out."""
    lines = [
        f"# The run {report.run}",
        "",
        f"Profile {report.profile}, device {report.device}, {report.date}, commit {report.commit}; Snakemake ended "
        f"with {report.status}. {in_words(report)}",
        "",
        f"| {' | '.join(HEAD)} |",
        "|" + "---|" * len(HEAD),
        *(f"| {' | '.join(_cells(job))} |" for job in report.jobs),
    ]
    told = [
        f"- {job.name}: {job.execution.sentence}"
        for job in report.jobs
        if job.state == "failed" and job.execution
    ]
    told += [f"- {sentence}" for sentence in report.left_out.values()]
    unplanned = [job.allotted.note for job in report.jobs if job.allotted and job.allotted.note]
    told += [f"- {sentence}" for sentence in dict.fromkeys(unplanned)]
    notes = (
        "Started: how often so far. Seconds and peak memory, of the largest process, are the last execution's. "
        "Planned is what the plan says; what is asked for has a margin."
    )
    return "\n".join([*lines, "", notes, *(["", *told] if told else [])]) + "\n"


def _cells(job: JobReport) -> list[str]:
    done, versions = job.execution, {name: _shown(version) for name, version in job.models.items()}
    models = ", ".join(f"{short_name(name)} {version}" for name, version in versions.items())
    if done is None:
        return [job.name, job.state, "", "", "", "", "", _planned(job.allotted), models, job.value_hash]
    host = done.host + (f", Slurm job {done.batch_job}" if done.batch_job else "")
    taken = [str(done.number), _number(done.seconds), _number(done.peak_memory_mb), host]
    asked = f"{done.memory_mb} MB, {done.minutes} min"
    return [job.name, job.state, *taken, asked, _planned(job.allotted), models, job.value_hash]


def _shown(version: str) -> str:
    return version[:SHORT] if COMMIT.fullmatch(version) else version


def _planned(allotted: Resources | None) -> str:
    if allotted is None or allotted.planned_minutes is None:
        return ""
    return f"{allotted.planned_mb} MB, {60 * allotted.planned_minutes:.0f} s"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
