"""No decimal in prose is typed by hand: it comes from a result, or from `data/claims.csv` by the {claim} role."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from emotion_utils.paths import NOTEBOOKS, PROJECT_ROOT

DECIMAL = re.compile(r"(?<![\w.])-?\d*\.\d+(?!\w)")
SPEC = re.compile(r"[<>^+,#0-9 ]*\.\d+[a-z%]")
NOT_PROSE = re.compile(
    r"\{[\w:-]+\}`[^`]*`|`[^`]*`|\]\([^)]*\)|<[^>]*>|https?://\S+|\$[^$]*\$|^:[\w-]+:.*$|^```.*$",
    re.MULTILINE,
)
FENCE = re.compile(r"^```(\{?[\w-]*\}?)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)

ALLOWED = {
    ("*", "3.5"): "Phase 3.5 is the name of a part of the reports",
    ("*", "0.05"): "the customary level of a test, which no result can change",
    ("00_calibration.ipynb", "3.1"): "Llama 3.1 is the name of a model",
}
"""Where and what, with the reason; `*` is any page."""


def strings(source: str) -> Iterator[str]:
    """What a code cell can print: its string literals, without format specifications."""
    tree = ast.parse(source)
    specs = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
        for inner in ast.walk(node.format_spec)
    }
    yield from (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in specs
    )


def decimals_of_code(source: str) -> list[str]:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    texts = {text for text in strings("\n".join(lines)) if not SPEC.fullmatch(text)}
    return [found for text in texts for found in DECIMAL.findall(text)]


def decimals_of_text(text: str) -> list[str]:
    return DECIMAL.findall(NOT_PROSE.sub(" ", text))


def decimals(path: Path) -> list[tuple[str, str]]:
    """Every decimal of a page as (place, number)."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        parts = [(f"cell {i}", c.cell_type == "code", c.source) for i, c in enumerate(cells)]
    else:
        text = path.read_text(encoding="utf-8")
        code = [body for kind, body in FENCE.findall(text) if kind == "{code-cell}"]
        prose = re.sub(r"\A---\n.*?\n---\n", "", FENCE.sub("", text), flags=re.DOTALL)
        parts = [
            ("prose", False, prose),
            *(("code", True, re.sub(r"^:.*\n", "", c, flags=re.M)) for c in code),
        ]
    return [
        (place, number)
        for place, is_code, source in parts
        for number in (decimals_of_code if is_code else decimals_of_text)(source)
    ]


PAGES = sorted([*NOTEBOOKS.glob("*.ipynb"), *(PROJECT_ROOT / "book").glob("*.md")])


def allowed(path: Path, number: str) -> list[tuple[str, str]]:
    return [key for key in ((path.name, number), ("*", number)) if key in ALLOWED]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_decimal_is_typed_by_hand(path):
    typed = [f"{place}: {number}" for place, number in decimals(path) if not allowed(path, number)]
    assert typed == [], (
        f"{path.name} has decimals typed by hand: take them from a result, or from the claims by the {{claim}} role"
    )


def test_every_exception_is_used_and_has_a_reason():
    used = {key for path in PAGES for _, number in decimals(path) for key in allowed(path, number)}
    assert set(ALLOWED) == used
    assert all(len(reason) > 10 for reason in ALLOWED.values())


def test_a_planted_decimal_is_found_wherever_a_reader_sees_it(tmp_path):
    cells = [
        new_markdown_cell(
            "The overlap is 0.99, p = .05; `x = 0.5` is code, {claim}`P35.align.after` is not typed."
        ),
        new_code_cell('x = 0.25\nprint(f"a share of 0.75 and {x:.2f}")\ntable.style.format(".1%")'),
    ]
    path = tmp_path / "planted.ipynb"
    path.write_text(writes(new_notebook(cells=cells)))
    assert decimals(path) == [("cell 0", "0.99"), ("cell 0", ".05"), ("cell 1", "0.75")]
    page = tmp_path / "planted.md"
    page.write_text(
        "---\na: 1.5\n---\nAbout 2.7 times.\n\n```{code-cell} python\n:tags: [x]\nprint('at 1.25')\n```\n"
    )
    assert decimals(page) == [("prose", "2.7"), ("code", "1.25")]
