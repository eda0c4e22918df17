"""A page about a reader's own texts: sections of which nothing ran are not shown, and named at its end."""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode

from emotion_utils.runtime.own_prompts import NEEDS

HEADING = re.compile(r"^(#{1,6}) +(.+?) *$", re.MULTILINE)


def need_left_out(cell: NotebookNode) -> str | None:
    """Which of :data:`NEEDS` a cell was left out for; None where it ran."""
    for output in cell.get("outputs", []):
        need = output.get("metadata", {}).get("text/markdown", {}).get("left_out")
        if need is not None:
            return str(need)
    return None


def without_left_out(notebook: NotebookNode) -> NotebookNode:
    """The notebook without the sections of which no cell ran; it is changed in place and returned.

    A section goes from its heading to the next one of its own or a higher level. Within a section of which something
    ran, a cell that was left out says so where it stands, a second one for the same reason does not.
    """
    if not any(map(need_left_out, notebook.cells)):
        return notebook
    left: dict[str, list[str]] = {}
    kept: list[NotebookNode] = []
    cells = list(notebook.cells)
    at = 0
    while at < len(cells):
        end = _end(cells, at)
        code = [cell for cell in cells[at:end] if cell.cell_type == "code"]
        needs = [need_left_out(cell) for cell in code]
        if _level(cells[at]) > 1 and code and all(needs):
            left.setdefault(str(needs[0]), []).append(_title(cells[at]))
            at = end
        else:
            kept.append(cells[at])
            at += 1
    notebook.cells = _once(kept)
    if left:
        lines = [
            f"- {NEEDS[need]}: {', '.join(f'*{title}*' for title in titles)}" for need, titles in left.items()
        ]
        said = "## Left out\n\nSections of this chapter that say nothing of these texts:\n\n" + "\n".join(
            lines
        )
        notebook.cells.append(nbformat.v4.new_markdown_cell(said))
    return notebook


def _level(cell: NotebookNode) -> int:
    """Level of the heading that a cell begins with, 1 for the title; 0 where it begins with none."""
    found = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
    return len(found[1]) if found else 0


def _title(cell: NotebookNode) -> str:
    found = HEADING.match(cell.source)
    return found[2] if found else ""


def _end(cells: list[NotebookNode], at: int) -> int:
    """Where the section ends that begins at a cell."""
    level = _level(cells[at])
    if not level:
        return at + 1
    return next((i for i in range(at + 1, len(cells)) if 0 < _level(cells[i]) <= level), len(cells))


def _once(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Of neighbouring cells that were left out for one reason, the first."""
    kept, before = [], None
    for cell in cells:
        need = need_left_out(cell)
        if need is None or need != before:
            kept.append(cell)
        if cell.cell_type == "markdown":
            before = None
        elif cell.get("outputs"):
            before = need
    return kept
