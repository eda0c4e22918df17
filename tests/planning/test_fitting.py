"""Fitting: planted constants are found again, and what other models took changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import nbformat
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import NOTEBOOKS
from emotion_utils.planning import fitting
from emotion_utils.planning.chapters import REST
from emotion_utils.planning.constants import Constants, read_constants, write_constants
from emotion_utils.planning.costs import asked_of, passes_seconds
from emotion_utils.planning.devices import Device
from emotion_utils.planning.fitting import executed, fit_sections
from emotion_utils.planning.outlines import sections_of
from emotion_utils.planning.shown import comparison
from emotion_utils.runtime.runs import read_run

RUN = """
name: planted
profile: smoke
chapters:
  02_activations:
    models: [small-gpt2, small-llama3, smollm2-135m]
  03_emotion_vectors:
    models: [small-gpt2, smollm2-135m]
"""
DEVICE = Device("cpu", (128.0, 1024.0), (1e10, 5e10), 1e10, 1e10)
MACHINE = Constants("2026-01-01", "none", "planted", {"128": 1e10, "1024": 5e10}, 1e10, 1e-4, {})
PLANTED = {
    "held out": 0.4,
    "norms": 0.3,
    "sinks": 0.01,
    "neurons": 2e-4,
    "lens": 1e-4,
    "read": 5.0,
    REST: 12.0,
}


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "planted.yaml"
    path.write_text(RUN, encoding="utf-8")
    return read_run(path, whole=True)


def times_of(job, sections):
    """Seconds of every cell, from the planted constants."""
    told = nbformat.read(NOTEBOOKS / f"{job.chapter}.ipynb", as_version=4)
    cells = [cell for cell in told.cells if cell.cell_type == "code"]
    spent = {
        section.name: passes_seconds(section, "float32", DEVICE, MACHINE)
        + section.units * PLANTED.get(section.name, 0.0)
        for section in sections
    }
    for cell in cells:
        own = [section.name for section in sections if section.marker and section.marker in cell.source]
        cell.metadata["papermill"] = {"duration": sum(spent[name] for name in own)}
    return told, sum(spent.values())


@pytest.fixture
def notebooks(run, tmp_path):
    """Executed notebooks whose times follow from the planted constants; those of the real model take ten times that."""
    paid: set[tuple[str, str]] = set()
    for number, job in enumerate(run.chapters):
        told, seconds = times_of(job, sections_of(job.chapter, asked_of(job, paid)))
        times = 10.0 if job.model == "smollm2-135m" else 1.0
        told.metadata["papermill"] = {"duration": times * seconds, "start_time": f"2026-01-01T00:{number:02}"}
        (tmp_path / f"{job.name}.ipynb").write_text(nbformat.writes(told), encoding="utf-8")
    return executed(run, tmp_path)


def test_planted_constants_are_found_again(notebooks):
    found = fit_sections(notebooks, DEVICE, MACHINE)
    for chapter, names in (
        ("02_activations", ("norms", "sinks", "read", REST)),
        ("03_emotion_vectors", ("held out", "neurons", "lens", "read", REST)),
    ):
        for name in names:
            assert found[chapter][name] == pytest.approx(PLANTED[name], rel=1e-6), name
    assert found["02_activations"]["traps"] == pytest.approx(0.0, abs=1e-9)


def test_models_that_are_not_bundled_are_compared_and_not_fitted(notebooks):
    constants = replace(MACHINE, sections=fit_sections(notebooks, DEVICE, MACHINE))
    rows = fitting.checked(notebooks, DEVICE, constants)
    assert [(row.model, row.fitted) for row in rows if row.chapter.startswith("03")] == [
        ("small-gpt2", True),
        ("smollm2-135m", False),
    ]
    for row in rows:
        assert row.measured / row.planned == pytest.approx(1.0 if row.fitted else 10.0, rel=0.02), row


def test_the_order_of_a_run_is_when_its_jobs_began(run, notebooks, tmp_path):
    first = tmp_path / f"{run.chapters[0].name}.ipynb"
    told = json.loads(first.read_text(encoding="utf-8"))
    told["metadata"]["papermill"]["start_time"] = "2026-01-02"
    first.write_text(json.dumps(told), encoding="utf-8")
    assert executed(run, tmp_path)[-1].job == run.chapters[0]


def test_what_the_processor_spent_goes_before_what_the_clock_says(run, notebooks, tmp_path):
    """Other work on the machine stretches the clock: here to four times."""
    known = {one.job.name: one for one in notebooks}
    for path in tmp_path.glob("0*.ipynb"):
        told = json.loads(path.read_text(encoding="utf-8"))
        told["metadata"]["provenance"] = {"processor_seconds": told["metadata"]["papermill"]["duration"]}
        told["metadata"]["papermill"]["duration"] *= 4
        for cell in told["cells"]:
            if "papermill" in cell["metadata"]:
                cell["metadata"]["papermill"]["duration"] *= 4
        path.write_text(json.dumps(told), encoding="utf-8")
    for one in executed(run, tmp_path):
        assert one.seconds == pytest.approx(known[one.job.name].seconds)
        assert [took for _, took in one.cells] == pytest.approx(
            [took for _, took in known[one.job.name].cells]
        )


def test_a_run_is_fitted_and_another_one_compared(run, notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "measured_machine", lambda: MACHINE)
    monkeypatch.setattr(fitting, "device_named", lambda *_: DEVICE)
    monkeypatch.setattr(
        fitting, "executed", lambda one, bundled=True: notebooks if bundled else notebooks[2:3]
    )
    found = fitting.fit(run, [run])
    assert found.sections["02_activations"]["norms"] == pytest.approx(PLANTED["norms"])
    assert [row.fitted for row in found.checked].count(False) == 3
    assert "smollm2-135m" in comparison(found)


def test_without_executed_notebooks_there_is_nothing_to_fit(run, tmp_path):
    with pytest.raises(UserError, match=r"There is no executed notebook of a bundled model in .* makes them"):
        executed(run, tmp_path / "nothing")


@pytest.mark.parametrize("change", [{"threads": 2}, {"device": "cuda"}, {"dtype": "bfloat16"}])
def test_a_run_of_another_kind_is_not_fit_to_measure_by(run, change):
    with pytest.raises(UserError, match="with one thread, in float32"):
        fitting.fit(replace(run, **change))


def test_rates_are_operations_over_seconds(monkeypatch):
    monkeypatch.setattr(fitting, "_fastest", lambda function: 2.0)
    monkeypatch.setattr(fitting, "BEYOND", 64 * 2**20)
    assert fitting.product_rate(2048) == 2.0 * fitting.ROWS * 4 * 2048**2 / 2.0
    assert fitting.weights_rate({"1024": 1e15}) == pytest.approx(64 * 2**20 / 2.0, rel=1e-3)
    slow = Device("made up", (1.0,), (1e18,), 1e18, 1.0)
    assert fitting.block_seconds("small-gpt2", slow, MACHINE) == pytest.approx(2.0 / 4, rel=1e-3)
    assert torch.get_num_threads() >= 1


def test_constants_are_kept_and_read_back(tmp_path):
    constants = replace(MACHINE, sections={"02_activations": {REST: 1.0}})
    path = write_constants(constants, tmp_path / "plan.json")
    assert read_constants(path) == constants


@pytest.mark.parametrize("text", [None, "{", '{"checked": []}', '{"checked": [{"chapter": 1}]}', "[]"])
def test_constants_that_cannot_be_read_say_how_to_make_them(tmp_path, text):
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(
        UserError, match=r"plan\.json is .*make it again: `python -m emotion_utils plan runs/small.yaml --fit"
    ):
        read_constants(path)
