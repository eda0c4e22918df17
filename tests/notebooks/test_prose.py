"""No decimal in prose is typed by hand: it comes from a result, or from `data/claims.csv` by the {claim} role."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT

NAMES = {
    "Phase 3.5": "the name of a part of the reports",
    "Llama 3.1": "the name of a model",
}
"""What is no number, although it looks like one, and why."""

WAY_OUT = "take it from a result, or from data/claims.csv by the {claim} role"
PAGES = sorted([*NOTEBOOKS.glob("*.ipynb"), *(PROJECT_ROOT / "book").glob("*.md")])
DECIMAL = re.compile(r"(?<![\w.])\d*\.\d+")
SPECIFICATION = re.compile(r"\{[^{}]*:[^{}]*\}|[<>^=+,#\d ]*\.\d+[efgEFG%]")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FENCE = re.compile(r"^(`{3,})(\{?[\w-]*\}?)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"^:[\w-]+:.*$", re.MULTILINE)
ADDRESS = re.compile(r"\]\([^)\s]*\)|https?://\S+")


class Typed(NamedTuple):
    """A decimal, and the cell that has it."""

    page: str
    cell: str
    number: str

    def __str__(self) -> str:
        return f"{self.page}, {self.cell}: {self.number} is typed by hand; {WAY_OUT}"


def strings(source: str) -> Iterator[str]:
    """The string literals of a code cell, without format specifications."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    nodes = list(ast.walk(ast.parse(code)))
    specifications = {
        id(part)
        for node in nodes
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
        for part in ast.walk(node.format_spec)
    }
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in specifications:
            yield "" if SPECIFICATION.fullmatch(node.value) else SPECIFICATION.sub("", node.value)


def body_of_directive(fence: re.Match[str]) -> str:
    """The text of a directive; nothing of code."""
    _, kind, body = fence.groups()
    return body if kind.startswith("{") and kind != "{code-cell}" else " "


def prose(text: str) -> str:
    """Markdown without code, addresses and the options of directives."""
    text = FENCE.sub(body_of_directive, FRONT_MATTER.sub("", text))
    return ADDRESS.sub(" ", OPTION.sub("", text))


def readable(path: Path) -> Iterator[tuple[str, str]]:
    """What a reader may see of a page, as (cell, text)."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [(cell.cell_type, cell.source) for cell in nbformat.reads(text, as_version=4).cells]
    else:
        code = [OPTION.sub("", body) for _, kind, body in FENCE.findall(text) if kind == "{code-cell}"]
        cells = [("markdown", text), *(("code", body) for body in code)]
    for i, (kind, source) in enumerate(cells):
        for part in strings(source) if kind == "code" else [prose(source)]:
            yield f"cell {i}", part


def typed(path: Path, names: Mapping[str, str] = NAMES) -> list[Typed]:
    """Every decimal of a page that no computation wrote and that is no name."""
    found = []
    for cell, text in readable(path):
        for name in names:
            text = re.sub(rf"{re.escape(name)}(?![\d.]*\d)", " ", text)
        found += [Typed(path.name, cell, number) for number in DECIMAL.findall(text)]
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_decimal_is_typed_by_hand(path):
    found = typed(path)
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("name", NAMES)
def test_every_exception_is_needed_and_has_a_reason(name):
    rest = {other: reason for other, reason in NAMES.items() if other != name}
    assert any(typed(path, rest) for path in PAGES), f'no page says "{name}" any more: take it off the list'
    assert NAMES[name]


def planted(path: Path) -> Path:
    cells = [
        new_markdown_cell("The overlap is 0.99, p = .05, or `1.5`; {claim}`P35.align.after`, Phase 3.5."),
        new_code_cell(
            'share = 0.25\nprint(f"of {share:.2f}, 0.75x")\ntable.style.format(".1%")\n"{:.3f}".format'
        ),
    ]
    path.write_text(writes(new_notebook(cells=cells)), encoding="utf-8")
    return path


def test_a_planted_decimal_is_found_in_a_notebook(tmp_path):
    path = planted(tmp_path / "planted.ipynb")
    assert [found[1:] for found in typed(path)] == [
        ("cell 0", "0.99"),
        ("cell 0", ".05"),
        ("cell 0", "1.5"),
        ("cell 1", "0.75"),
    ]
    with pytest.raises(AssertionError, match=r"planted\.ipynb, cell 1: 0\.75 is typed by hand; take it from"):
        test_no_decimal_is_typed_by_hand(path)


def test_a_planted_decimal_is_found_in_a_page(tmp_path):
    path = tmp_path / "planted.md"
    path.write_text(
        "---\nversion: 1.5\n---\nAbout 2.7 times, [as told](https://a.b/3.5), <https://a.b/4.5>.\n\n"
        ":::{note}\n:width: 0.5\nIn a note 5.5.\n:::\n\n```{note}\nIn another 6.5.\n```\n\n"
        "```{code-cell} python\n:tags: [x]\nprint('at 1.25', 0.5)\n```\n\n```python\nx = 7.5\n```\n",
        encoding="utf-8",
    )
    assert [found.number for found in typed(path)] == ["2.7", "5.5", "6.5", "1.25"]


@pytest.mark.parametrize("text", ["Phase 3.5", "Llama 3.1 8B"])
def test_a_name_is_no_number(tmp_path, text):
    path = tmp_path / "named.md"
    path.write_text(f"{text} says so.\n", encoding="utf-8")
    assert not typed(path)
    path.write_text(f"{text.split()[1]} says so, and {text.split()[0]} 3.55 too.\n", encoding="utf-8")
    assert len(typed(path)) == 2
