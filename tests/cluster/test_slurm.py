"""A run on a real Slurm gives the values of a local one, also when a node dies in its middle (`make test-slurm`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.slurm import NODES, Slurm, wait_for

from emotion_utils.core.paths import PROJECT_ROOT, RUNS
from emotion_utils.ledger import run_report

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(os.environ.get("TEST_SLURM") != "1", reason="opt-in: `make test-slurm`"),
]
RUN = (RUNS / "smoke.yaml").read_text(encoding="utf-8")
"""The run of `make test`, whole."""
PATIENCE = 3600
"""Seconds for a whole run."""
PLUGINS = PROJECT_ROOT / "build" / "cluster"
PROFILE = PROJECT_ROOT / "workflow" / "profiles" / "slurm"


@pytest.fixture
def slurm(tmp_path):
    made = Slurm(tmp_path / "slurm")
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Output:
    """A folder that gets all that runs make."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.runfile = folder.parent / "smoke.yaml"
        self.runfile.write_text(RUN, encoding="utf-8")
        self.run_folder = folder / "build" / "smoke"
        self.environment = {
            **environment,
            "EMOTION_CIRCUITS_OUTPUT": str(folder),
            "PYTHONPATH": f"{PROJECT_ROOT}:{PLUGINS}",
        }

    def start(self, *extra: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "emotion_utils",
            "run",
            str(self.runfile),
            "--no-book",
            "--cores",
            "1",
        ]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*command, *extra], env=self.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def seen(self) -> set[tuple[str, str]]:
        """Where jobs have been started so far, each with its state."""
        records = (self.run_folder / "executions").glob("[!.]*.json")
        told = [json.loads(path.read_text(encoding="utf-8")) for path in records]
        return {(one["host"], one["state"]) for one in told}

    def in_the_middle(self) -> bool:
        """Whether one node is at work on a notebook, and both have finished some."""
        return self.seen() >= {("n1", "complete"), ("n2", "complete"), ("n2", "started")}

    def run(self, *extra: str) -> run_report.RunReport:
        process = self.start(*extra)
        said, _ = process.communicate(timeout=PATIENCE)
        print(said)
        return run_report.read(self.run_folder)


def test_values_are_those_of_a_local_run_and_only_what_a_dead_node_left_is_repeated(slurm, tmp_path):
    there = Output(tmp_path / "there", slurm.environment)
    on_slurm = ["--", "--profile", str(PROFILE), "--slurm-init-seconds-before-status-checks", "5"]
    process = there.start(*on_slurm)
    wait_for(lambda: process.poll() is not None or there.in_the_middle(), "a notebook on n2", PATIENCE)
    assert process.poll() is None, process.communicate()[0]
    assert len(slurm.kill_node("n2")) > 3  # slurmd, slurmstepd, Snakemake, the notebook
    wait_for(lambda: slurm.states()["n2"].startswith("down"), "Slurm to miss n2")
    print(process.communicate(timeout=PATIENCE)[0])
    assert process.returncode != 0
    broken = run_report.read(there.run_folder)
    (lost,) = [job for job in broken.jobs if job.state == "not finished"]
    assert lost.execution.host == "n2"
    done = {job.name for job in broken.jobs if job.state == "run"}
    assert len(done) >= 2

    slurm.start_node("n2")
    wait_for(lambda: slurm.states() == dict.fromkeys(NODES, "idle"), "n2 to come back")
    resumed = there.run(*on_slurm)
    every = {job.name for job in resumed.jobs}
    assert {job.name for job in resumed.jobs if job.state == "run"} == every - done
    assert resumed.counts == {"run": len(every - done), "fresh": len(done)}
    starts = {job.name: job.execution.number for job in resumed.jobs}
    assert starts == {name: 2 if name == lost.name else 1 for name in starts}
    assert all(job.execution.batch_job for job in resumed.jobs)

    local = Output(tmp_path / "here", dict(os.environ)).run()
    assert local.counts == {"run": len(every)}
    assert {job.execution.batch_job for job in local.jobs} == {""}
    assert run_report.differences(local, resumed) == []
    assert local.value_hash == resumed.value_hash
    print(
        f"{len(every)} notebooks, {len(done)} done before {lost.name} was lost: {local.value_hash} on both sides"
    )


def test_a_run_that_is_told_to_end_takes_its_jobs_back(slurm, tmp_path):
    there = Output(tmp_path / "there", slurm.environment)
    process = there.start("--", "--profile", str(PROFILE))
    wait_for(lambda: process.poll() is not None or "RUNNING" in states(slurm), "a job to run", 300)
    process.terminate()
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 130, said
    assert said.strip().endswith("Stopped; the same command goes on where it left off.")
    wait_for(lambda: states(slurm) == {"CANCELLED"}, "the jobs to be cancelled")


def states(slurm: Slurm) -> set[str]:
    return {state for state, _ in slurm.jobs().values()}
