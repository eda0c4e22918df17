from __future__ import annotations

import json
from dataclasses import replace

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from emotion_utils.core.errors import UserError
from emotion_utils.ledger.values import digest_of, outputs, values_of
from emotion_utils.record.findings import findings_file, keep_findings
from emotion_utils.reports.claims import measurement_file, read_measurements, write_measurements

CHAPTER, MODEL = "02_activations", "small-gpt2"


def shown(markdown: str, **more: str) -> nbformat.NotebookNode:
    return new_output("execute_result", {"text/markdown": markdown, "text/plain": "<object at 0x7f>"} | more)


def printed(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


def cell(name: str, *listed: nbformat.NotebookNode, tags: tuple[str, ...] = ()) -> nbformat.NotebookNode:
    return new_code_cell("f()", id=name, outputs=list(listed), metadata={"tags": list(tags)})


@pytest.fixture
def run(make):
    """One job that has "run", with a notebook of three cells that show values."""
    made = make((CHAPTER, MODEL))
    write(made, "0.70")
    return made


def write(run, value: str, clock: str = "12 s") -> None:
    path = run.chapters[0].output
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [
        cell("a", shown(f"It is **{value}**.")),
        cell("b", printed("one\n"), printed("\r 5%", "stderr"), printed("two\n")),
        cell("c", shown(f"It took {clock}."), tags=("hide-cell", "timing")),
        cell("d", printed("Loading", "stderr")),
    ]
    nbformat.write(new_notebook(cells=cells, metadata={"provenance": {"date": clock}}), path)


def test_a_value_changes_the_hash_of_its_place_and_of_no_other(run):
    job = run.chapters[0]
    first = values_of(run, job)
    assert set(first) == {"cell a", "cell b", "measurements"}
    write(run, "0.71")
    second = values_of(run, job)
    assert {place for place in first if first[place] != second[place]} == {"cell a"}
    assert digest_of(first) != digest_of(second)


def test_times_progress_addresses_and_the_cuts_of_printed_text_are_no_values(run):
    job = run.chapters[0]
    first = values_of(run, job)
    write(run, "0.70", clock="13 s")
    text = job.output.read_text().replace("0x7f", "0x80").replace("5%", "6%")
    job.output.write_text(text)
    notebook = nbformat.read(job.output, as_version=4)
    notebook.cells[1].outputs = [printed("one\ntwo\n")]
    nbformat.write(notebook, job.output)
    assert values_of(run, job) == first
    assert outputs(job.output)["b"] == ["one\ntwo\n"]


@pytest.mark.parametrize(("claim", "counts"), [("P2.throughput", False), ("P2.files.baseline", True)])
def test_a_measured_speed_is_no_value_and_every_other_measurement_is_one(run, claim, counts):
    job, path = run.chapters[0], measurement_file(run.directory, CHAPTER, MODEL)
    first, rows = values_of(run, job), read_measurements(path)
    changed = [replace(row, value=2.5) if row.claim == claim else row for row in rows]
    assert changed != rows
    write_measurements(run.directory, CHAPTER, changed, model=MODEL)
    assert (values_of(run, job) != first) == counts


def test_findings_count_without_their_date(run):
    job = run.chapters[0]
    table = pd.DataFrame(
        [{"finding": "A share", "value": 0.5, "low": 0.4, "high": 0.6, "null": 0.1, "n": 9.0}]
    )
    path = keep_findings(run.directory, CHAPTER, MODEL, table)
    assert path == findings_file(run.directory, CHAPTER, MODEL)
    first = values_of(run, job)["findings"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"date": "2001-01-01", "commit": "x"}))
    assert values_of(run, job)["findings"] == first
    keep_findings(run.directory, CHAPTER, MODEL, table.assign(value=0.51))
    assert values_of(run, job)["findings"] != first


@pytest.mark.parametrize("content", ["{", "[]", '{"cells": [{}]}'])
def test_a_damaged_notebook_is_one_sentence(tmp_path, content):
    (tmp_path / "x.ipynb").write_text(content)
    with pytest.raises(UserError, match=r"x\.ipynb is "):
        outputs(tmp_path / "x.ipynb")
