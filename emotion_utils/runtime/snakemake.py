"""Call Snakemake for one run: one run at a time per run name, resumable after a kill."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import psutil

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import OUTPUT, PROJECT_ROOT
from emotion_utils.models.registry import BUNDLED
from emotion_utils.runtime.runs import Job, Run

SNAKEFILE = PROJECT_ROOT / "workflow" / "Snakefile"
RECORDS = OUTPUT / ".snakemake" / "metadata"
TO_END = (signal.SIGTERM, signal.SIGHUP)
ELSEWHERE, HERE = {"--executor", "-e", "--profile"}, {"local", "dryrun", "none"}
DRY = {"--dry-run", "--dryrun", "-n", "--summary", "--dag", "--rulegraph", "--list", "--lint", "--touch"}
GRACE = 10
"""Seconds that processes have to end by themselves."""
TO_CANCEL = 60
"""Seconds that Snakemake has to take its jobs back from a cluster."""


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def snakemake_command(run: Run, cores: int, target: str = "book", extra: Sequence[str] = ()) -> list[str]:
    """The command line; `extra` goes to Snakemake as it is, for example ``--executor slurm --jobs 8``.

    On a cluster the cores are those of this machine, for staging and rendering: as a limit of the whole run they would
    also cap the threads of each notebook. Here, the notebooks share this machine's memory and its one GPU.
    """
    command = [sys.executable, "-m", "snakemake", target, "--snakefile", str(SNAKEFILE)]
    command += ["--directory", str(OUTPUT), "--nolock"]
    command += ["--local-cores" if elsewhere(extra) else "--cores", str(cores)]
    if not RECORDS.is_dir():
        # Without the records of what made them, nothing can be said about files that are there already.
        command.append("--forceall")
    if not elsewhere(extra):
        gpus = ["gpu=1"] if run.device.startswith("cuda") else []
        command += ["--resources", f"mem_mb={psutil.virtual_memory().total // 10**6}", *gpus]
        if longest := [str(job.output.relative_to(OUTPUT)) for job in run.chapters if _is_long(job)]:
            command += ["--prioritize", *longest]  # what takes longest begins first
    return [*command, "--config", f"run={run.path}", *extra]


def _is_long(job: Job) -> bool:
    """Whether a job is about a model that is no miniature."""
    return any(name not in BUNDLED for name in job.models)


def elsewhere(extra: Sequence[str]) -> bool:
    """Whether what goes to Snakemake names an executor, or a profile, which names one."""
    words = [part for word in extra for part in word.split("=", 1)]
    return any(option in ELSEWHERE and value not in HERE for option, value in pairwise(words))


def is_dry(extra: Sequence[str]) -> bool:
    """Whether what goes to Snakemake asks it to execute nothing."""
    return any(word in DRY for word in extra)


def run_workflow(run: Run, cores: int, target: str = "book", extra: Sequence[str] = ()) -> int:
    """Run the workflow of `run` to `target` and return Snakemake's exit status.

    Raises
    ------
    UserError
        If the same run, or one that puts its pages at the same place, is already in progress.
    """
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(PROJECT_ROOT), environment.get("PYTHONPATH")])
    )
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with ExitStack() as held:
        locks = [held.enter_context(run_lock(run))]
        if target == "book":
            locks.append(held.enter_context(site_lock(run)))
        held.enter_context(_terminating_interrupts())
        far = elsewhere(extra)
        command = snakemake_command(run, cores, target, extra)
        process = psutil.Popen(command, env=environment, pass_fds=locks, start_new_session=far)
        try:
            return int(process.wait())
        except KeyboardInterrupt:
            if far:
                _interrupt(process)
            if process.poll() is None:
                _end(process)
            raise


@contextmanager
def _terminating_interrupts() -> Iterator[None]:
    """Inside, a request to end, as of ``kill`` or a batch system, is taken like Ctrl-C; one that is ignored stays so.

    Only the main thread can take signals; in another one nothing changes.
    """
    heard = threading.current_thread() is threading.main_thread()
    asked = [number for number in TO_END if signal.getsignal(number) is not signal.SIG_IGN] if heard else []
    before = {number: signal.signal(number, signal.default_int_handler) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(process: psutil.Popen) -> None:
    """Let Snakemake take its jobs back from a cluster, where they would go on without it.

    It does so when it is interrupted, once: hence it has a session of its own, which Ctrl-C does not reach.
    """
    with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        process.send_signal(signal.SIGINT)
        process.wait(timeout=TO_CANCEL)


def _end(process: psutil.Popen) -> None:
    """End a process with all that it has started, kernels too, which would go on writing into the run.

    A second request to end only shortens the time that they have for it.
    """
    started = [*process.children(recursive=True), process]
    try:
        for one in started:
            with suppress(psutil.NoSuchProcess):
                one.terminate()
        psutil.wait_procs(started, timeout=GRACE)
    finally:
        for one in started:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def failures(run: Run) -> list[str]:
    """The sentences that failed notebooks of the last execution left behind, in the order of the run file."""
    files = [job.output.with_suffix(".error") for job in run.chapters]
    return [path.read_text(encoding="utf-8").strip() for path in files if path.is_file()]


@contextmanager
def run_lock(run: Run) -> Iterator[int]:
    """Hold the run's lock.

    The kernel frees it with the last process that holds it, so a killed run leaves nothing to unlock; this is
    why Snakemake's own lock, which survives a kill, is off.
    """
    with _lock(run.directory / ".lock", run.name) as (file, _):
        if file is None:
            raise UserError(
                f'The run "{run.name}" is already in progress: wait for it, or give this one another name.'
            )
        yield file


@contextmanager
def site_lock(run: Run) -> Iterator[int]:
    """Hold the place of the pages, where two runs at once would delete each other's."""
    with _lock(run.html.parent / ".lock", run.name) as (file, holder):
        if file is None:
            raise UserError(
                f'The run "{holder}" is in progress and puts its pages into {run.html}, as "{run.name}" would: wait '
                "for it, give this run a folder of its own under the key site, or add --no-book."
            )
        yield file


@contextmanager
def _lock(path: Path, name: str) -> Iterator[tuple[int | None, str]]:
    """A lock under which a name stands; where somebody holds it, None and the name that stands there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path.parent} cannot be written ({error.strerror}): free it, or name another folder for all that a run "
            "makes in the variable EMOTION_CIRCUITS_OUTPUT."
        ) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            yield None, file.read().strip()
            return
        file.truncate(0)
        file.write(name)
        file.flush()
        yield file.fileno(), name
