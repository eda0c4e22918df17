"""What the jobs of a run ask for is planned once, and again when something that it follows from has changed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from emotion_utils.core.paths import MODELS, PROJECT_ROOT
from emotion_utils.planning import allocation, resources
from emotion_utils.planning.allocation import NAME, allocate, kept
from emotion_utils.runtime import runs
from emotion_utils.runtime.resources import Resources
from emotion_utils.runtime.runs import read_run

TWO = "profile: smoke\nseed: {seed}\nchapters:\n  01_dataset: {{models: [small-gpt2, {second}]}}\n"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a run file of two jobs; all that it makes lies in a folder of its own."""
    monkeypatch.setattr(runs, "BUILD", tmp_path / "build")
    monkeypatch.setattr(runs, "OUTPUT", tmp_path)
    monkeypatch.delenv(allocation.GPU, raising=False)

    def written(second="small-neo", seed=1):
        path = tmp_path / "mine.yaml"
        path.write_text(TWO.format(second=second, seed=seed), encoding="utf-8")
        return read_run(path)

    return written


@pytest.fixture
def planned(monkeypatch):
    """The names of all jobs that have been planned."""
    names: list[str] = []

    def plan(job, gpu):
        names.append(job.name)
        return Resources(1, 2, 0, 3, 4.0, note=f"{gpu}unknown." if job.model == "org/model-7B" else "")

    monkeypatch.setattr(resources, "resources_of", plan)
    return names


def test_a_run_is_planned_once_and_what_was_kept_is_what_was_planned(read, planned):
    run = read()
    assert kept(run) == {}
    found = allocate(run, pytest.fail)
    assert list(found) == [job.name for job in run.chapters] == planned
    assert allocate(read(), pytest.fail) == kept(run) == found
    assert len(planned) == 2


@pytest.mark.parametrize("change", ["seed", "model", "gpu", "code", "constants", "damage"])
def test_it_is_planned_again_when_what_it_follows_from_has_changed(
    read, planned, change, monkeypatch, tmp_path
):
    allocate(read(), pytest.fail)
    if change == "gpu":
        monkeypatch.setenv(allocation.GPU, "h200")
    if change == "code":
        monkeypatch.setattr(allocation, "PROJECT_ROOT", tmp_path)
    if change == "constants":
        monkeypatch.setattr(allocation, "CONSTANTS", tmp_path / "mine.yaml")
    if change == "damage":
        (read().directory / NAME).write_text('{"key": 1, "jobs": []}')
    run = read(seed=2 if change == "seed" else 1, second="small-qwen3" if change == "model" else "small-neo")
    allocate(run, pytest.fail)
    assert len(planned) == 4


def test_a_model_of_a_reader_is_planned_again_when_its_sizes_change(read, planned, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for path in (MODELS / "small-gpt2").iterdir():
        (folder / path.name).symlink_to(path)
    allocate(read(second=str(folder)), pytest.fail)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps(config | {"n_layer": 2}))
    allocate(read(second=str(folder)), pytest.fail)
    assert len(planned) == 4


def test_what_could_not_be_planned_is_said_once(read, planned, monkeypatch):
    told: list[str] = []
    for _ in range(2):
        allocate(read(second="org/model-7B"), told.append)
    assert told == ["unknown."]
    monkeypatch.setattr(allocation, "cached_commit", lambda *_: 40 * "a")  # it was downloaded meanwhile
    allocate(read(second="org/model-7B"), told.append)
    assert len(planned) == 4


def test_what_was_kept_is_read_without_torch(tmp_path):
    """As each job of a cluster does, which reads the workflow again."""
    code = (
        "import sys; from emotion_utils.planning.allocation import allocate; from emotion_utils.runtime.runs import "
        "read_run; allocate(read_run(sys.argv[1]), print); print('torch' in sys.modules)"
    )
    path = tmp_path / "mine.yaml"
    path.write_text(TWO.format(second="small-neo", seed=1), encoding="utf-8")
    command = [sys.executable, "-c", code, str(path)]
    environment = {"EMOTION_CIRCUITS_OUTPUT": str(tmp_path), "PYTHONPATH": str(PROJECT_ROOT)}
    said = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["True\n", "False\n"]
