"""From a finished run to the record of the real models: all of it, or a sentence that says what is missing."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat.v4 import new_notebook

from emotion_utils.cli import main
from emotion_utils.core.errors import UserError
from emotion_utils.ledger.recording import WHOLE, collect
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.record.findings import findings_file, keep_findings
from emotion_utils.record.record_file import chapter_code, read_record, write_record
from emotion_utils.reports.claims import Measurement, write_measurements
from emotion_utils.runtime import runs
from emotion_utils.runtime.runs import Job, Run
from tests.recorded import NAN, findings

PAIR = ", ".join(PACKAGED)
ROW = ("AUROC", 0.77, 0.71, 0.82, 0.5, 34)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run of all chapters on both real models, and of one on a small model."""
    monkeypatch.setattr(runs, "BUILD", tmp_path / "build")
    jobs = [
        Job("real", "01_dataset", "smollm2-135m", {}),
        Job("real", "03_emotion_vectors", "small-gpt2", {}),
    ]
    for chapter in WHOLE:
        if chapter == "04_alignment":
            jobs.append(Job("real", chapter, None, {"models": PAIR}))
        else:
            jobs += [Job("real", chapter, model, {}) for model in PACKAGED]
    made = Run("real", "baseline", 0, "cpu", "float32", jobs)
    for job in jobs:
        finish(made, job)
    return made


def finish(run, job):
    models = ", ".join(job.models)
    job.output.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "parameters": {"seed": 0, "run_dir": "build/real"},
        "date": "2026-11-29T10:00:00",
        "commit": "abc",
    }
    nbformat.write(new_notebook(metadata={"provenance": about}), job.output)
    if job.chapter in WHOLE:
        keep_findings(run.directory, job.chapter, models, findings(ROW, ("none", NAN, NAN, NAN, NAN, NAN)))
    measured = [Measurement("P1.size.total", job.models[0], 680.0, note="counted")]
    write_measurements(run.directory, job.chapter, measured, model=job.model)


def test_a_whole_run_comes_back_from_its_record(run, tmp_path):
    record = collect(run)
    read = read_record(write_record(record, tmp_path / "real.json"))
    assert read == record
    assert [part.model for part in read.of("04_alignment")] == [PAIR]
    assert [part.model for part in read.of("03_emotion_vectors")] == list(PACKAGED)  # and not the small one
    assert len(read.parts) == 1 + 2 * (len(WHOLE) - 1) + 1
    one = read.of("05_steering")[1]
    assert (one.date, one.commit, one.parameters) == ("2026-11-29", "abc", {"seed": 0})
    assert one.code == chapter_code("05_steering")
    assert one.measurements[0].value == 680.0
    assert one.table["finding"].tolist() == ["AUROC", "none"]


@pytest.mark.parametrize("chapter", WHOLE)
def test_a_run_without_a_chapter_is_refused(run, chapter):
    run.chapters[:] = [job for job in run.chapters if job.chapter != chapter]
    with pytest.raises(
        UserError, match=f'The run "real" has no {chapter} on gemma3-270m and smollm2-135m: a record'
    ):
        collect(run)


def test_a_run_without_one_of_the_models_is_refused(run):
    run.chapters[:] = [job for job in run.chapters if (job.chapter, job.model) != (WHOLE[1], "gemma3-270m")]
    with pytest.raises(UserError, match="has no 03_emotion_vectors on gemma3-270m: a record"):
        collect(run)


def test_what_has_not_run_or_is_of_other_models_is_refused(run):
    job = next(job for job in run.chapters if job.chapter == "04_alignment")
    keep_findings(run.directory, job.chapter, "small-gpt2, small-neo", findings(ROW))
    with pytest.raises(
        UserError, match="are of small-gpt2 and small-neo, and the run file asks for smollm2-135m and"
    ):
        collect(run)
    findings_file(run.directory, job.chapter, PAIR).unlink()
    with pytest.raises(UserError, match="are missing: run the chapter again"):
        collect(run)
    job.output.unlink()
    with pytest.raises(
        UserError, match='04_alignment of the run "real" has not been executed: run its run file'
    ):
        collect(run)


def test_an_executed_notebook_without_provenance_is_refused(run):
    nbformat.write(new_notebook(), run.chapters[0].output)
    with pytest.raises(UserError, match="is damaged"):
        collect(run)
    content = json.loads(run.chapters[0].output.read_text())
    content["metadata"]["provenance"] = {"parameters": {}, "date": "2026-11-29"}
    run.chapters[0].output.write_text(json.dumps(content))
    with pytest.raises(UserError, match="does not say its commit"):
        collect(run)


def test_the_command_writes_the_record_or_leaves_it_as_it_was(run, tmp_path, monkeypatch, capsys):
    path = tmp_path / "real.json"
    monkeypatch.setattr("emotion_utils.runtime.runs.read_run", lambda _: run)
    assert main(["record", "runs/real.yaml", "--to", str(path)]) == 0
    out = capsys.readouterr().out
    assert f"{len(collect(run).parts)} pages" in out
    assert out.count("The welcome page lacks a finding: ") == 5
    before = path.read_bytes()
    run.chapters[0].output.unlink()
    assert main(["record", "runs/real.yaml", "--to", str(path)]) == 2
    assert "01_dataset--smollm2-135m" in capsys.readouterr().err
    assert path.read_bytes() == before
