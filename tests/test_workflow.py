"""The real Snakemake on a copy of the project with a small notebook: freshness, failure, kill, resume."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from notebook_factory import write_notebook

from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.runtime import snakemake
from emotion_utils.runtime.resources import read_execution

RUN = "profile: smoke\nseed: {seed}\nchapters:\n  01_dataset:\n    models: [small-gpt2]\n"
FRESH = "Nothing to be done"


class Project:
    """A copy of the project whose only chapter is a small notebook."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("emotion_utils", "workflow"):
            shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT_ROOT / "requirements.txt", root)
        (root / "data").symlink_to(PROJECT_ROOT / "data")
        (root / "notebooks").mkdir()
        self.notebook = root / "notebooks" / "01_dataset.ipynb"
        self.output = root / "build" / "mine" / "notebooks" / "01_dataset--small-gpt2.ipynb"
        self.write("params.seed")
        self.seed(1)

    def write(self, *cells: str) -> None:
        write_notebook(self.notebook, cells)

    def seed(self, seed: int) -> None:
        (self.root / "mine.yaml").write_text(RUN.format(seed=seed))

    def start(self, **options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "emotion_utils", "run", "mine.yaml", "--no-book", "--cores", "1"]
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=pipe, stderr=pipe, text=True, **options
        )

    def run(self) -> tuple[int, str]:
        """The status and all that was said."""
        process = self.start()
        out, err = process.communicate(timeout=300)
        return process.returncode, out + err

    def wait_for_a_kernel(self, process: subprocess.Popen[str]) -> None:
        """Until the notebook runs."""
        while not any("ipykernel_launcher" in line for line in self.commands(process)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)

    def commands(self, process: subprocess.Popen[str]) -> list[str]:
        """What the processes that it has started were called with; those that end meanwhile are left out."""
        lines = []
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                lines.append(" ".join(child.cmdline()))
        return lines

    def result(self) -> str:
        return nbformat.read(self.output, as_version=4).cells[-1].outputs[0]["data"]["text/plain"]


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    status, said = made.run()
    assert status == 0, said
    assert made.result() == "1"
    return made


@pytest.mark.slow
def test_it_runs_again_when_content_changes_and_only_then(project):
    for path in [project.notebook, *project.root.glob("emotion_utils/*.py"), project.root / "mine.yaml"]:
        path.touch()
    (project.root / "emotion_utils" / "cli.py").open("a").write("# not what the notebook stands on\n")
    status, said = project.run()
    assert (status, FRESH in said) == (0, True)

    project.seed(2)
    assert project.run()[0] == 0
    assert project.result() == "2"

    before = project.output.stat().st_mtime_ns
    (project.root / "emotion_utils" / "core" / "errors.py").open("a").write("# what it stands on\n")
    assert project.run()[0] == 0
    assert project.output.stat().st_mtime_ns > before


@pytest.mark.slow
def test_another_plan_of_what_a_job_needs_runs_nothing_again_and_counts_from_then_on(project):
    record = project.output.parents[1] / "executions" / f"{project.output.stem}.json"
    first = read_execution(record)
    source = project.root / "emotion_utils" / "planning" / "resources.py"
    margins = source.read_text().replace(
        "MEMORY_MARGIN, TIME_MARGIN = 1.5, 3.0", "MEMORY_MARGIN, TIME_MARGIN = 3.0, 3.0"
    )
    source.write_text(margins.replace('"smoke": 30', '"smoke": 45'))
    status, said = project.run()
    assert (status, FRESH in said) == (0, True)
    assert "1 job: 1 fresh; " in said
    assert read_execution(record) == first

    project.seed(2)
    status, said = project.run()
    assert "1 job: 1 run; " in said
    second = read_execution(record)
    assert (second.number, second.minutes, second.memory_mb) == (2, 45, 2 * first.memory_mb)


@pytest.mark.slow
def test_a_project_that_is_only_read_leaves_its_results_elsewhere(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("EMOTION_CIRCUITS_OUTPUT", str(elsewhere))
    made = Project(tmp_path / "project")
    made.output = elsewhere / "build" / "mine" / "notebooks" / "01_dataset--small-gpt2.ipynb"
    before = {path for path in made.root.rglob("*") if "__pycache__" not in path.parts}
    status, said = made.run()
    assert status == 0, said
    assert made.result() == "1"
    assert {path for path in made.root.rglob("*") if "__pycache__" not in path.parts} == before
    status, said = made.run()
    assert status == 0
    assert FRESH in said


def test_a_notebook_that_raises_fails_the_run_and_mending_it_goes_on(project):
    project.write("1 / 0")
    status, said = project.run()
    assert status != 0
    assert "ZeroDivisionError: division by zero" in said.strip().splitlines()[-1]
    assert not project.output.exists()

    project.write("params.seed + 10")
    assert project.run()[0] == 0
    assert project.result() == "11"


@pytest.mark.slow
def test_a_killed_run_goes_on_without_being_unlocked(project):
    project.write("import time\ntime.sleep(600)")
    process = project.start(start_new_session=True)
    project.wait_for_a_kernel(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert not project.output.exists()

    project.write("params.seed + 20")
    status, said = project.run()
    assert status == 0, said
    assert project.result() == "21"
    assert json.loads(project.output.read_text())["metadata"]["provenance"]["parameters"]["seed"] == 1


@pytest.mark.slow
def test_a_run_that_is_told_to_end_leaves_no_process_behind(project):
    project.write("import time\ntime.sleep(600)")
    process = project.start()
    project.wait_for_a_kernel(process)
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) >= 3  # Snakemake, the executed notebook, its kernel
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "Stopped; the same command goes on where it left off."
    assert psutil.wait_procs(started, timeout=10)[1] == []
    assert not project.output.exists()


def test_a_hangup_that_is_ignored_stays_ignored_and_no_thread_but_the_main_one_takes_signals():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with snakemake._terminating_interrupts():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under nohup
            assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
            with ThreadPoolExecutor(1) as pool:
                pool.submit(lambda: snakemake._terminating_interrupts().__enter__()).result()
        assert signal.getsignal(signal.SIGTERM) is not signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)
