from __future__ import annotations

import json
import re
from dataclasses import asdict

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from emotion_utils import cli
from emotion_utils.core.errors import UserError
from emotion_utils.ledger import run_report
from emotion_utils.planning import allocation
from emotion_utils.runtime.resources import Recorder, Resources, record_of

MODELS = ("small-gpt2", "small-neo", "small-pythia", "small-llama3", "small-qwen3")


def execute(job, value: str = "1", end: str | None = "") -> None:
    """What an execution leaves: a record, and where it ends well a notebook; None ends it by a kill."""
    recorder = Recorder(record_of(job), 3_000, 30)
    if end is not None:
        recorder.end(end)
    if end == "":
        output = new_output("execute_result", {"text/plain": value})
        job.output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=[new_code_cell("x", id="only", outputs=[output])]), job.output)


@pytest.fixture
def run(make):
    """Five jobs, of which the second has been executed."""
    made = make(*[("01_dataset", model) for model in MODELS])
    execute(made.chapters[1])
    return made


@pytest.fixture
def report(run):
    before = run_report.executions(run)
    execute(run.chapters[0])
    execute(run.chapters[2], end="It stopped in cell 3.")
    execute(run.chapters[3], end=None)
    return run_report.collect(run, before, 1)


def test_every_job_has_the_state_that_it_ended_in(run, report):
    assert [job.state for job in report.jobs] == ["run", "earlier", "failed", "not finished", "not run"]
    assert [bool(job.value_hash) for job in report.jobs] == [True, True, False, False, False]
    assert report.jobs[0].values["cell only"] == report.jobs[1].values["cell only"]
    whole = run_report.collect(run, run_report.executions(run), 0)
    assert [job.state for job in whole.jobs] == ["fresh", "fresh", "not run", "not run", "not run"]


def test_what_is_run_again_is_counted(run, report):
    before = run_report.executions(run)
    assert before == {job.name: n for job, n in zip(run.chapters, (1, 1, 1, 1, 0), strict=True)}
    for job in run.chapters[2:]:
        execute(job)
    again = run_report.collect(run, before, 0)
    assert [job.state for job in again.jobs] == ["fresh", "fresh", "run", "run", "run"]
    assert [job.execution.number for job in again.jobs] == [1, 1, 2, 2, 1]
    assert again.counts == {"run": 3, "fresh": 2}


def test_the_page_has_a_row_for_every_job_and_says_why_one_failed(run, report):
    page = run_report.write(run, report).read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| 01_")]
    assert [row[1] for row in rows] == [job.state for job in report.jobs]
    assert rows[0][6] == "3000 MB, 30 min"
    assert re.fullmatch(r"small-gpt2 [0-9a-f]{16}", rows[0][8])
    assert "- 01_dataset--small-pythia: It stopped in cell 3." in page
    assert "5 jobs: 1 run, 1 earlier, 1 failed, 1 not finished, 1 not run" in page
    assert run_report.read(run.directory) == report


def test_a_hub_model_has_the_commit_that_its_notebook_has_read(make):
    """As the provenance of an executed notebook says; a name that was not executed has what was asked for."""
    names = ("gpt2", "gpt2@main", "org/model@v1", "pythia-160m", "org/other")
    run = make(*[("02_activations", name) for name in names])
    commit = "0123456789abcdef" * 2 + "89abcdef"
    found = {"gpt2": commit, "gpt2@main": commit[::-1], "pythia-160m": "unknown"}
    for job in run.chapters[:2] + run.chapters[3:4]:
        execute(job)
        notebook = nbformat.read(job.output, as_version=4)
        notebook.metadata["provenance"] = {"revisions": {job.model: found[job.model]}}
        nbformat.write(notebook, job.output)
    report = run_report.collect(run, {}, 1)
    told = [job.models[name] for job, name in zip(report.jobs, names, strict=True)]
    assert told == [commit, commit[::-1], "v1", "default branch", "default branch"]
    page = run_report.in_markdown(report)
    assert f"| gpt2 {commit[:12]} |" in page
    assert f"| gpt2@main {commit[::-1][:12]} |" in page


def test_what_was_planned_stands_beside_what_was_asked_for_and_taken(run):
    first, second = run.chapters[:2]
    planned = {
        first.name: Resources(3_000, 30, 0, 1_999, 0.85),
        second.name: Resources(2_000, 9, 0, note="Unknown."),
    }
    content = {"key": "", "jobs": {name: asdict(one) for name, one in planned.items()}}
    (run.directory / allocation.NAME).write_text(json.dumps(content))
    report = run_report.collect(run, run_report.executions(run), 0)
    page = run_report.write(run, report).read_text()
    rows = {
        line.split(" | ")[0][2:]: line.split(" | ") for line in page.splitlines() if line.startswith("| 01_")
    }
    assert rows[first.name][7] == "1999 MB, 51 s"
    assert (rows[second.name][6], rows[second.name][7]) == ("3000 MB, 30 min", "")
    assert page.endswith("- Unknown.\n")
    assert run_report.read(run.directory) == report


def test_a_report_that_cannot_be_read_is_one_sentence(run, report, tmp_path):
    with pytest.raises(UserError, match=r"There is no report .*: run its run file"):
        run_report.read(tmp_path / "none.json")
    run_report.write(run, report)
    path = run.directory / "report.json"
    content = json.loads(path.read_text())
    for wrong, said in (({"schema": 0}, "has the format 0"), ({"jobs": [{}]}, "is damaged")):
        path.write_text(json.dumps(content | wrong))
        with pytest.raises(UserError, match=said):
            run_report.read(path)


def test_two_runs_are_compared_place_by_place(make, run, capsys):
    other = make(*[("01_dataset", model) for model in MODELS[:2]], name="other")
    one = make(*[("01_dataset", model) for model in MODELS[:2]], name="one")
    for made in (one, other):
        for job in made.chapters:
            execute(job)
        print(run_report.make(made, {}, 0))
    folders = [str(made.directory) for made in (one, other)]
    capsys.readouterr()
    assert cli.main(["compare", *folders]) == 0
    assert "All 2 jobs gave the same values" in capsys.readouterr().out

    execute(other.chapters[1], value="2")
    run_report.make(other, {}, 0)
    assert cli.main(["compare", *folders]) == 1
    assert capsys.readouterr().out == "01_dataset--small-neo: cell only of 2 places differ.\n"

    run_report.make(run, {}, 1)
    assert cli.main(["compare", str(run.directory), folders[0]]) == 1
    said = capsys.readouterr().out
    assert "01_dataset--small-gpt2: without values in one of the runs." in said
    assert "01_dataset--small-qwen3: only the first run has this job." in said
