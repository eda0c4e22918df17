"""Every notebook: its parameters cell, papermill from anywhere, and one clear sentence for bad input."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebook_factory import write_notebook

from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT
from emotion_utils.runtime.parameters import assignments
from emotion_utils.runtime.runs import read_run
from emotion_utils.runtime.schema import CHAPTERS, chapter_schema

CHAPTER = "01_dataset"
PRESENT = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def papermill(notebook: Path, output: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", str(notebook), str(output), "--no-progress-bar", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture
def notebook(tmp_path):
    """The chapter itself, or a small stand-in as long as there is none."""
    real = NOTEBOOKS / f"{CHAPTER}.ipynb"
    return real if real.is_file() else write_notebook(tmp_path / real.name)


def parameters_cell(chapter: str) -> str:
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return cell.source


def test_every_notebook_is_a_declared_chapter_and_runs_in_the_smoke_run():
    assert set(PRESENT) <= set(CHAPTERS)
    assert set(PRESENT) == {job.chapter for job in read_run(PROJECT_ROOT / "runs" / "smoke.yaml").chapters}


@pytest.mark.parametrize("chapter", PRESENT)
def test_the_parameters_cell_is_the_declared_schema(chapter):
    source = parameters_cell(chapter)
    schema = chapter_schema(chapter)
    assert list(assignments(source)) == list(schema)
    for line, statement in zip(source.splitlines(), ast.parse(source).body, strict=True):
        parameter = schema[statement.target.id]
        assert statement.annotation.id == parameter.type.__name__
        assert ast.literal_eval(statement.value) == parameter.default
        assert line.partition("  # ")[2] == parameter.doc


@pytest.mark.parametrize("chapter", PRESENT)
def test_the_cell_after_the_parameters_validates_them(chapter):
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert "parameters" in code[0].metadata["tags"]
    assert f'validate(globals(), "{chapter}")' in code[1].source


def imports_of(cell: nbformat.NotebookNode) -> list[str]:
    lines = (line for line in cell.source.splitlines() if not line.startswith("%"))
    nodes = ast.walk(ast.parse("\n".join(lines)))
    return [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("chapter", PRESENT)
def test_a_notebook_imports_once_and_before_anything_is_loaded(chapter):
    """The package, its chapter's room and its figures; the rest of the package is reached through ``eu``."""
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
    imports = [imports_of(cell) for cell in cells if cell.cell_type == "code"]
    assert [found for i, found in enumerate(imports) if found and i != 1] == []
    ours = [line for line in imports[1] if "emotion_utils" in line]
    assert "import emotion_utils as eu" in ours
    assert len(ours) <= 3
    assert all(line.startswith(("import emotion_utils as eu", "from emotion_utils")) for line in ours)


@pytest.mark.parametrize("chapter", [CHAPTER, "04_alignment"])
def test_papermill_runs_it_from_the_clone(chapter, tmp_path):
    """One chapter on a model and one on several; the smoke run of `make test` executes all of them by papermill."""
    output = tmp_path / "out.ipynb"
    name = (NOTEBOOKS / f"{chapter}.ipynb").relative_to(PROJECT_ROOT)
    given = {"profile": "smoke", "run_dir": str(tmp_path / "run")}
    done = papermill(
        name, output, *(part for pair in given.items() for part in ("-p", *pair)), cwd=PROJECT_ROOT
    )
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(output, as_version=4).cells
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code" and cell.source.strip())


def test_papermill_runs_it_from_another_working_directory(notebook, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = papermill(notebook, Path("out.ipynb"), "-p", "profile", "smoke", "-p", "seed", "3", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert os.listdir(elsewhere) == ["out.ipynb"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("modle", "small-gpt2", 'has no parameter "modle": did you mean "model"?'),
        ("model", "small-gtp2", "small-gtp2"),
        ("model", "./no/such/folder", "no/such/folder"),
        ("profile", "smoek", 'did you mean "smoke"?'),
        ("seed", "abc", '"seed" must be a whole number'),
        ("seed", "1.5", '"seed" must be a whole number'),
        ("seed", "true", '"seed" must be a whole number'),
        ("device", "tpu", '"device" must be one of'),
    ],
)
def test_bad_input_ends_in_one_sentence_before_anything_is_loaded(notebook, tmp_path, name, value, sentence):
    output = tmp_path / "out.ipynb"
    done = papermill(notebook, output, "-p", name, value, cwd=tmp_path)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("UserError: ")
    assert sentence in last
    executed = [
        c for c in nbformat.read(output, as_version=4).cells if c.cell_type == "code" and c.execution_count
    ]
    # the parameters, the injected ones, and the validation that refused them
    assert len(executed) == 3


def test_a_notebook_that_raises_fails(tmp_path):
    raising = write_notebook(tmp_path / "01_dataset.ipynb", ["raise ValueError('no')"])
    command = [
        sys.executable,
        "-m",
        "emotion_utils.runtime.execution",
        str(raising),
        str(tmp_path / "out.ipynb"),
    ]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError: no" in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "out.ipynb").exists()


def test_validation_imports_no_model_library():
    """A typing mistake must not cost the time of loading torch, let alone a model."""
    code = "import sys\nfrom emotion_utils.runtime import parameters\n"
    code += f"parameters.validate({{'profile': 'smoke'}}, '{CHAPTER}')\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "transformer_lens"} & set(done.stdout.split())
