from __future__ import annotations

import subprocess
import sys

import pytest

from emotion_utils import cli
from emotion_utils.core.paths import PROJECT_ROOT, RUNS
from emotion_utils.ledger.run_report import read
from emotion_utils.models.registry import BUNDLED, HUB_ALIASES, PACKAGED
from emotion_utils.runtime import doctor, snakemake


def test_models_lists_all_names(capsys):
    assert cli.main(["models"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in [*BUNDLED, *PACKAGED, *HUB_ALIASES])


def test_prompts_counts_each_emotion(capsys):
    assert cli.main(["prompts"]) == 0
    (smoke,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("smoke")]
    # methods.md: four prompts for each of the four emotions
    assert "16 prompts" in smoke
    assert all(f"{emotion} 4" in smoke for emotion in ("gratitude", "anger", "apology", "neutral"))


def test_chapters_shows_parameters_as_the_notebook_writes_them(capsys):
    assert cli.main(["chapters"]) == 0
    assert 'model: str = "small-gpt2"  # registry name, hub id or path' in capsys.readouterr().out


def test_a_user_error_is_one_sentence_on_standard_error_and_status_2(capsys):
    assert cli.main(["run", "runs/none.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "There is no run file runs/none.yaml: runs/small.yaml is one to copy.\n"


def test_run_refuses_no_cores(capsys):
    assert cli.main(["run", str(RUNS / "smoke.yaml"), "--cores", "0"]) == 2
    assert "--cores must be at least 1" in capsys.readouterr().err


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Runs leave what they make in a folder of the test."""
    monkeypatch.setattr("emotion_utils.runtime.runs.BUILD", tmp_path)
    monkeypatch.setattr("emotion_utils.runtime.runs.OUTPUT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("status", "last"), [(0, "is complete"), (1, "did not finish")])
def test_run_passes_on_the_target_the_extra_arguments_and_the_status(
    monkeypatch, capsys, elsewhere, status, last
):
    seen = {}

    def workflow(run, cores, target, extra):
        seen.update(name=run.name, cores=cores, target=target, extra=extra)
        return status

    monkeypatch.setattr(snakemake, "run_workflow", workflow)
    monkeypatch.setattr(snakemake, "failures", lambda run: [])
    command = ["run", str(RUNS / "smoke.yaml"), "--cores", "3", "--no-book", "--", "--executor", "slurm"]
    assert cli.main(command) == status
    assert seen == {"name": "smoke", "cores": 3, "target": "notebooks", "extra": ["--executor", "slurm"]}
    out, err = capsys.readouterr()
    assert last in out + err
    report = read(elsewhere / "smoke")
    assert f"{len(report.jobs)} jobs: {len(report.jobs)} not run; values {report.value_hash}." in out
    assert str(elsewhere / "smoke" / "report.md") in out


def test_a_dry_run_writes_no_report_and_claims_nothing(monkeypatch, capsys, elsewhere):
    monkeypatch.setattr(snakemake, "run_workflow", lambda *_: 0)
    assert cli.main(["run", str(RUNS / "smoke.yaml"), "--", "--dry-run"]) == 0
    assert capsys.readouterr().out == ""
    assert not list(elsewhere.glob("*/report.*"))


def test_a_failed_run_ends_with_the_sentence_of_the_notebook(monkeypatch, capsys, elsewhere):
    monkeypatch.setattr(snakemake, "run_workflow", lambda *_: 1)
    monkeypatch.setattr(snakemake, "failures", lambda run: ["It stopped in cell 4."])
    assert cli.main(["run", str(RUNS / "smoke.yaml")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "It stopped in cell 4."


def test_an_interruption_says_that_the_run_can_go_on(monkeypatch, capsys, elsewhere):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(snakemake, "run_workflow", interrupted)
    assert cli.main(["run", str(RUNS / "smoke.yaml")]) == 130
    assert "where it left off" in capsys.readouterr().err
    assert read(elsewhere / "smoke").status == 130


def test_doctor_shows_every_check_and_fails_with_the_count(monkeypatch, capsys):
    checks = [
        doctor.Check("a", "ok", "fine"),
        doctor.Check("b", "fails", "do this"),
        doctor.Check("c", "note", "hm"),
    ]
    monkeypatch.setattr(doctor, "check_all", lambda: iter(checks))
    assert cli.main(["doctor"]) == 2
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["ok", "fails", "note"]
    assert err.startswith("1 of the checks failed")
    monkeypatch.setattr(doctor, "check_all", lambda: iter(checks[::2]))
    assert cli.main(["doctor"]) == 0


def test_it_runs_as_a_module_and_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "emotion_utils", "--help"],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        check=True,
    )
    assert all(name in done.stdout for name in ("models", "prompts", "chapters", "run", "doctor"))
