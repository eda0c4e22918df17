from __future__ import annotations

import fcntl
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.runtime import snakemake
from emotion_utils.runtime.runs import Job, Run


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_utils.runtime.runs.BUILD", tmp_path)
    jobs = [Job("r", "01_dataset", model, {}) for model in ("small-gpt2", "small-neo")]
    return Run("r", "smoke", 0, "cpu", "float32", jobs, path=Path("runs/r.yaml"))


def test_the_command_names_the_run_file_the_target_and_the_cores(run):
    command = snakemake.snakemake_command(run, 3, "notebooks", ["--dry-run"])
    assert command[2:4] == ["snakemake", "notebooks"]
    assert command[command.index("--cores") + 1] == "3"
    assert command[command.index("--config") + 1] == "run=runs/r.yaml"
    assert command[-1] == "--dry-run"


def test_one_accelerator_is_shared_locally_and_left_to_the_cluster_otherwise(run):
    on_gpu = Run("r", "smoke", 0, "cuda", "float32", run.chapters)
    assert "gpu=1" in snakemake.snakemake_command(on_gpu, 1)
    assert "gpu=1" not in snakemake.snakemake_command(on_gpu, 1, extra=["--executor", "slurm"])
    assert "gpu=1" not in snakemake.snakemake_command(run, 1)


@pytest.mark.parametrize(
    ("extra", "is_elsewhere"),
    [
        (["--executor", "slurm"], True),
        (["-e", "kubernetes"], True),
        (["--profile=workflow/profiles/slurm"], True),
        (["--profile", "mine"], True),
        (["--executor", "local"], False),
        (["--executor=dryrun"], False),
        (["--dry-run"], False),
        ([], False),
    ],
)
def test_a_cluster_is_not_limited_to_the_cores_and_the_memory_of_this_machine(run, extra, is_elsewhere):
    command = snakemake.snakemake_command(run, 3, extra=extra)
    assert ("--cores" not in command) == ("--local-cores" in command) == is_elsewhere
    assert any(word.startswith("mem_mb=") for word in command) == (not is_elsewhere)


def test_a_run_that_only_looks_is_known_by_its_options():
    assert snakemake.is_dry(["--quiet", "-n"])
    assert not snakemake.is_dry(["--executor", "slurm"])


def test_without_records_of_earlier_runs_nothing_counts_as_fresh(run, tmp_path, monkeypatch):
    monkeypatch.setattr(snakemake, "RECORDS", tmp_path / "records")
    assert "--forceall" in snakemake.snakemake_command(run, 1)
    (tmp_path / "records").mkdir()
    assert "--forceall" not in snakemake.snakemake_command(run, 1)


def test_a_run_in_progress_is_refused_and_its_lock_ends_with_it(run):
    with (
        snakemake.run_lock(run),
        pytest.raises(UserError, match="already in progress"),
        snakemake.run_lock(run),
    ):
        pass
    with (run.directory / ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_two_runs_at_once_do_not_share_the_place_of_their_pages(run, tmp_path):
    first, second = (replace(run, name=name, site=tmp_path / "site") for name in ("first", "second"))
    elsewhere = replace(second, site=tmp_path / "other")
    with snakemake.run_lock(first), snakemake.site_lock(first), snakemake.run_lock(second):
        sentence = f'The run "first" is in progress and puts its pages into {first.html}, as "second" would'
        with pytest.raises(UserError, match=re.escape(sentence)) as caught, snakemake.site_lock(second):
            pass
        assert "under the key site" in str(caught.value)
        with snakemake.site_lock(elsewhere):
            pass
    with snakemake.site_lock(second):
        assert (tmp_path / "site" / "_build" / ".lock").read_text() == "second"


def test_only_a_run_that_makes_pages_holds_their_place(run, monkeypatch, tmp_path):
    here = replace(run, site=tmp_path / "site")
    monkeypatch.setattr(snakemake, "snakemake_command", lambda *_: [sys.executable, "-c", ""])
    with snakemake.site_lock(replace(here, name="other")):
        assert snakemake.run_workflow(here, 1, "notebooks") == 0
        with pytest.raises(UserError, match='The run "other" is in progress'):
            snakemake.run_workflow(here, 1, "book")
    assert snakemake.run_workflow(here, 1, "book") == 0


def test_a_folder_that_cannot_be_written_to_says_where_else_results_can_go(run, tmp_path):
    (tmp_path / "file").write_text("")
    for lock, broken in (
        (snakemake.run_lock, replace(run, name="file/x")),
        (snakemake.site_lock, replace(run, site=tmp_path / "file")),
    ):
        with pytest.raises(UserError, match=r"cannot be written .*EMOTION_CIRCUITS_OUTPUT"), lock(broken):
            pass


def test_failures_are_the_sentences_in_the_order_of_the_run_file(run):
    folder = run.directory / "notebooks"
    folder.mkdir(parents=True)
    assert snakemake.failures(run) == []
    (folder / "01_dataset--small-neo.error").write_text("Second.\n")
    (folder / "01_dataset--small-gpt2.error").write_text("First.\n")
    assert snakemake.failures(run) == ["First.", "Second."]


def test_at_least_one_core_is_available():
    assert snakemake.available_cores() >= 1
