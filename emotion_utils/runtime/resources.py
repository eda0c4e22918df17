"""What a job asks of the machine that runs it, and what its executions took.

What is asked is no part of freshness: another estimate runs no notebook again.
"""

from __future__ import annotations

import json
import math
import os
import re
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
from emotion_utils.hub.placement import n_weights
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.models.registry import resolve_model
from emotion_utils.runtime.runs import Job

BASE_MB = 2_000
"""Of a notebook without a model: Python, torch, tables and figures."""
COPIES = {"cpu": 4.0, "cuda": 1.5}
"""How often the weights count: themselves, what is computed with them, and, on the host of a GPU, loading alone."""
MINUTES = {"smoke": 30, "baseline": 120, "extended": 480, "powered": 1_440}
"""Of a chapter on a model of the reference's size, or smaller; more parameters take as many times longer."""
LONGEST = 7 * 24 * 60
ON_GPU = 8_000_000_000
"""Parameters of the reference model where there is a GPU; without one it is that of `core.budget`."""
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
UNKNOWN = 2_000_000_000
"""Parameters of a hub model whose name does not say how many it has."""
NAMED_SIZE = re.compile(r"(\d+(?:\.\d+)?)([mb])(?![a-z])", re.IGNORECASE)
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
        One where the run file says ``device: cuda``.
    """

    memory_mb: int
    minutes: int
    gpus: int


def resources_of(job: Job) -> Resources:
    """Estimate what a job needs from its largest model, its profile and its device; nothing is loaded.

    Memory is a base and the weights, :data:`COPIES` times; time is that of the profile, and longer in proportion to
    the parameters beyond those of the reference model.

    Raises
    ------
    UserError
        Where a model of the job cannot be found.
    """
    from emotion_utils.core.budget import REFERENCE  # which loads pandas, that no execution needs

    device = "cuda" if str(job.parameters.get("device", "cpu")).startswith("cuda") else "cpu"
    parameters = max((parameters_of(name) for name in job.models), default=0)
    weights = parameters * BYTES[job.parameters.get("dtype", "float32")] / 1e6
    longer = max(1.0, parameters / (ON_GPU if device == "cuda" else REFERENCE))
    return Resources(
        memory_mb=math.ceil(BASE_MB + COPIES[device] * weights),
        minutes=min(math.ceil(MINUTES[job.parameters.get("profile", "baseline")] * longer), LONGEST),
        gpus=int(device == "cuda"),
    )


def parameters_of(name: str) -> int:
    """How many parameters a model has: by the heads of its files, or by the name of a hub model.

    Raises
    ------
    UserError
        Where there is no such model.
    """
    if name in PACKAGED:
        return PACKAGED[name].parameters
    model = resolve_model(name)
    if model.source == "hub":
        return _named_size(model.location)
    path = Path(model.location)
    if model.is_gguf:
        return 2 * path.stat().st_size  # of at least four bits each
    return n_weights(path) or UNKNOWN


def _named_size(location: str) -> int:
    """What the name of a hub repository says, such as ``Llama-3.1-8B``."""
    found = NAMED_SIZE.findall(location.rpartition("/")[2])
    return max(
        (round(float(number) * {"m": 1e6, "b": 1e9}[unit.lower()]) for number, unit in found), default=UNKNOWN
    )


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
