from __future__ import annotations

import json
import os
import subprocess
import sys

import nbformat
import pytest
from notebook_factory import write_notebook

from emotion_utils.core.errors import UserError
from emotion_utils.runtime import execution
from emotion_utils.runtime.execution import CellFailure, execute, main
from emotion_utils.runtime.resources import read_execution


@pytest.fixture
def run_cells(tmp_path):
    """Execute a small notebook with the given cells and return the status and the output's path."""

    def _run(*cells: str, **parameters: object):
        notebook = write_notebook(tmp_path / "01_dataset.ipynb", cells)
        output = tmp_path / "out" / "copy.ipynb"
        status = main([str(notebook), str(output), "--parameters", json.dumps(parameters), "--no-progress"])
        return status, output

    return _run


def _text(path, cell):
    return nbformat.read(path, as_version=4).cells[cell].outputs[0]["data"]["text/plain"]


def test_the_copy_holds_outputs_parameters_and_provenance(run_cells):
    status, output = run_cells("params.seed + 1", profile="smoke", seed=41)
    assert status == 0
    assert _text(output, -1) == "42"
    record = nbformat.read(output, as_version=4).metadata["provenance"]
    assert record["chapter"] == "01_dataset"
    assert record["model"] == "small-gpt2"
    assert record["model_label"] == "bundled small model"
    assert record["parameters"] == {
        "model": "small-gpt2",
        "profile": "smoke",
        "run_dir": "build/scratch",
        "device": "cpu",
        "dtype": "float32",
        "seed": 41,
    }
    assert os.listdir(output.parent) == ["copy.ipynb"]


def test_the_copy_says_what_the_processor_spent_on_it(run_cells, monkeypatch):
    told = iter([3.0, 10.25])
    monkeypatch.setattr(execution, "_processor_seconds", lambda: next(told))
    status, output = run_cells("1")
    assert status == 0
    assert nbformat.read(output, as_version=4).metadata["provenance"]["processor_seconds"] == 7.2


def test_processes_that_have_ended_count():
    before = execution._processor_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    assert execution._processor_seconds() > before


def test_threads_of_the_kernel_are_capped(run_cells):
    status, output = run_cells("import torch\ntorch.get_num_threads()")
    assert status == 0
    assert _text(output, -1) == "1"


def test_a_cell_that_raises_leaves_no_output_and_one_sentence(run_cells, capfd):
    status, output = run_cells("1 / 0")
    assert status == 1
    assert not output.exists()
    sentence = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence.startswith(
        "01_dataset.ipynb stopped in its cell 3 with ZeroDivisionError: division by zero."
    )
    assert output.with_suffix(".error").read_text().strip() == sentence
    failed = output.with_name("copy.failed.ipynb")
    assert "ZeroDivisionError" in failed.read_text()


def test_a_user_error_in_a_cell_is_the_sentence_itself_and_status_2(run_cells, capfd):
    status, _ = run_cells("from emotion_utils.core.errors import UserError\nraise UserError('Take another.')")
    assert status == 2
    assert capfd.readouterr().err.strip().splitlines()[-1] == "Take another."


def test_a_failure_keeps_the_copy_of_an_earlier_success(run_cells):
    _, output = run_cells("'first'")
    before = output.read_bytes()
    assert run_cells("1 / 0")[0] == 1
    assert output.read_bytes() == before
    assert run_cells("'third'")[0] == 0
    assert sorted(os.listdir(output.parent)) == ["copy.ipynb"]


def test_a_kernel_that_dies_is_one_sentence(run_cells, capfd):
    status, output = run_cells("import os\nos._exit(9)")
    assert status == 1
    assert not output.exists()
    assert "died" in capfd.readouterr().err.strip().splitlines()[-1]


def test_kernels_and_settings_of_somebody_else_are_left_alone(run_cells, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    startup = tmp_path / "home" / ".ipython" / "profile_default" / "startup"
    spec.mkdir(parents=True)
    startup.mkdir(parents=True)
    foreign = {"argv": ["/bin/false"], "display_name": "Python 3", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(foreign))
    (startup / "00.py").write_text("theirs = 1\n")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    status, output = run_cells("import sys\n(sys.executable, 'theirs' in globals())")
    assert status == 0
    assert _text(output, -1) == repr((sys.executable, False))
    assert os.environ["JUPYTER_PATH"] == str(tmp_path / "jupyter")


def test_a_kernel_that_does_not_start_is_one_sentence(run_cells, capfd, monkeypatch):
    monkeypatch.setattr("ipykernel.kernelspec.make_ipkernel_cmd", lambda **_: ["/bin/false"])
    status, output = run_cells("1")
    assert status == 1
    assert not output.exists()
    assert "did not start: `" in capfd.readouterr().err.strip().splitlines()[-1]


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path):
    notebook = write_notebook(tmp_path / "01_dataset.ipynb")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file cannot be written .*another folder for out\.ipynb"):
        execute(notebook, tmp_path / "file" / "out.ipynb", {})


def test_a_missing_notebook_and_bad_json_are_user_errors(tmp_path, capfd):
    with pytest.raises(UserError, match="no notebook"):
        execute(tmp_path / "none.ipynb", tmp_path / "out.ipynb", {})
    notebook = write_notebook(tmp_path / "01_dataset.ipynb")
    for text in ("{", "[1]"):
        assert main([str(notebook), str(tmp_path / "out.ipynb"), "--parameters", text]) == 2
        assert "--parameters" in capfd.readouterr().err


def test_cell_failure_says_whose_fault_it_was():
    assert CellFailure("x", user_error=True).user_error


def test_what_an_execution_took_is_recorded(tmp_path):
    cells = "import numpy\nfilled = numpy.ones(40_000_000)\nlen(filled)", "if params.seed: 1 / 0"
    notebook, record = write_notebook(tmp_path / "01_dataset.ipynb", cells), tmp_path / "took" / "job.json"
    asked = [
        "--record",
        str(record),
        "--memory-mb",
        "3000",
        "--minutes",
        "30",
        "--no-progress",
        "--parameters",
    ]
    command = [str(notebook), str(tmp_path / "copy.ipynb"), *asked]
    assert main([*command, '{"seed": 0}']) == 0
    took = read_execution(record)
    assert (took.number, took.state, took.memory_mb, took.minutes) == (1, "complete", 3000, 30)
    assert took.seconds > 0
    assert took.peak_memory_mb > 320  # of the array; other children may have been larger
    assert main([*command, '{"seed": 1}']) == 1
    failed = read_execution(record)
    assert (failed.number, failed.state) == (2, "failed")
    assert "ZeroDivisionError" in failed.sentence
