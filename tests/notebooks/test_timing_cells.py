"""Cells that show what the clock on the wall says have the tag `timing`, by which runs are compared without them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_factory import write_notebook

from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT
from emotion_utils.ledger.values import TIMING

CLOCKS = {"throughput", "from_store"}
"""Functions of the package whose results are times."""
TIMED = {
    "activations/throughput.py",
    "classification/trainer.py",  # how old what is kept is; no result
    "parts/checkpoints.py",  # how old the last one is; no result
    "planning/fitting.py",
    "runtime/benchmarking.py",
    "runtime/resources.py",
    "scaling/transfer.py",  # whose times stand in the columns that `transfer_findings.costs` shows
    "training/trainer.py",
}
"""Modules that look at a clock; those that pages use have their functions in CLOCKS."""


def untagged(notebook: Path) -> list[str]:
    """First lines of the cells that use a time, or what was made from one, and say nothing of it."""
    times: set[str] = set()
    found = []
    for cell in code_cells(notebook):
        source = "".join(cell["source"])
        tree = ast.parse(source)
        timed = uses(tree, times)
        times |= {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and uses(node, times)
            for name in names(node)
        }
        if timed and TIMING not in cell["metadata"].get("tags", []) and not refuses(tree):
            found.append(source.splitlines()[0])
    return found


def code_cells(notebook: Path) -> Iterator[dict]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return (cell for cell in cells if cell["cell_type"] == "code")


def uses(tree: ast.AST, times: set[str]) -> bool:
    """Whether a clock is called, or a name read that stands for a time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in times:
            return True
    return False


def names(node: ast.Assign) -> set[str]:
    return {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def refuses(tree: ast.AST) -> bool:
    """Whether a cell shows an error alone."""
    return any(isinstance(node, ast.Try) for node in ast.walk(tree))


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_cells_that_show_times_say_so(notebook):
    assert untagged(notebook) == []


def test_a_cell_that_does_not_say_so_would_be_found(tmp_path):
    cells = ("speed = eu.activations.throughput.throughput(model)", "table = f(speed)", "g(table)", "h(1)")
    assert untagged(write_notebook(tmp_path / "x.ipynb", cells)) == list(cells[:3])


def test_no_other_module_looks_at_a_clock():
    package = PROJECT_ROOT / "emotion_utils"
    asking = {path for path in package.glob("*/*.py") if "import time\n" in path.read_text(encoding="utf-8")}
    assert {str(path.relative_to(package)) for path in asking} - {"runtime/fetching.py"} == TIMED
