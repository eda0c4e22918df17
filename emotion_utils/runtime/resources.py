"""What a job asks of the machine that runs it (`planning/resources.py` says how much), and what its executions took."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.runtime.runs import Job

State = Literal["started", "complete", "failed"]


@dataclass(frozen=True)
class Resources:
    """What one job asks for.

    Attributes
    ----------
    memory_mb
        Of the host, in megabytes.
    minutes
        After which a batch system may end it.
    gpus
        As many as hold its largest model where the run file says ``device: cuda``.
    planned_mb, planned_minutes
        What the plan says, without margins; None where the job could not be planned.
    note
        Sentences on what could not be planned.
    """

    memory_mb: int
    minutes: int
    gpus: int
    planned_mb: int | None = None
    planned_minutes: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Execution:
    """The last execution of a job.

    Attributes
    ----------
    number
        How often the job has been started, this time included.
    state
        ``started`` is also the state of one that was killed.
    began
        UTC.
    seconds
        By the clock on the wall; None as long as it is not over.
    peak_memory_mb
        Of its largest process, the kernel of the notebook; of the memory of a GPU nothing is known here.
    host, batch_job
        Where it ran, and its number in Slurm; empty elsewhere.
    memory_mb, minutes
        What it had asked for.
    sentence
        Why it failed.
    """

    number: int
    state: State
    began: str
    host: str
    memory_mb: int
    minutes: int
    batch_job: str = ""
    seconds: float | None = None
    peak_memory_mb: int | None = None
    sentence: str = ""


class Recorder:
    """Keep what an execution took, in a file that is there from its start.

    Parameters
    ----------
    path
        Of the record; that of an earlier execution is replaced.
    memory_mb, minutes
        What was asked for.
    """

    def __init__(self, path: Path, memory_mb: int, minutes: int) -> None:
        earlier = read_execution(path)
        self.path, self.start = path, time.monotonic()
        began = datetime.now(UTC).isoformat(timespec="seconds")
        self.execution = Execution(
            number=1 + (earlier.number if earlier else 0), state="started", began=began, host=_host(),
            memory_mb=memory_mb, minutes=minutes, batch_job=os.environ.get("SLURM_JOB_ID", ""),
        )  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def end(self, sentence: str = "") -> None:
        """Say that it is over, and why where it failed."""
        self.execution = replace(
            self.execution,
            state="failed" if sentence else "complete",
            seconds=round(time.monotonic() - self.start, 2),
            peak_memory_mb=_peak_mb(),
            sentence=sentence,
        )
        self._write()

    def _write(self) -> None:
        write_atomically(self.path, json.dumps(asdict(self.execution), indent=1) + "\n")


def read_execution(path: Path) -> Execution | None:
    """The last execution of a job, or None where it was never started.

    Raises
    ------
    UserError
        Where the file is damaged.
    """
    try:
        return Execution(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}): delete it; only the count of executions is lost."
        ) from error


def record_of(job: Job) -> Path:
    """Where the record of a job's last execution is kept."""
    return job.output.parents[1] / "executions" / f"{job.name}.json"


def _host() -> str:
    """The machine, by the name that Slurm has for it where Slurm runs the job."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def _peak_mb() -> int:
    """Resident memory of the largest process that this one has started and seen ending, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6)
