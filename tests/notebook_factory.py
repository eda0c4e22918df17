"""Small notebooks for tests, in the shape of the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

PARAMETERS = """\
model: str = "small-gpt2"  # registry name, hub id or path
profile: str = "baseline"  # smoke, baseline, extended or powered
run_dir: str = "build/scratch"  # where results are kept, relative to the project
device: str = "cpu"  # cpu, cuda, cuda:1 or mps
dtype: str = "float32"  # float32 or bfloat16
seed: int = 0  # the one number that all random draws come from"""
VALIDATION = """\
from emotion_utils.runtime import parameters
params = parameters.validate(globals(), "01_dataset")"""


def write_notebook(path: Path, cells: Sequence[str] = ("params.seed + 1",)) -> Path:
    """A notebook with the parameters cell, the validation cell and `cells`."""
    sources = [PARAMETERS, VALIDATION, *cells]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path
