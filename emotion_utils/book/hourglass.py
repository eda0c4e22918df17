"""A chapter's page opens with its answer, and what only a specialist needs is folded.

The cells of the answer stand at the end of the notebook and move to the top. In JupyterLab they stay where they are
computed, and nothing is folded.
"""

from __future__ import annotations

import html

import nbformat

ANSWER, PICTURE = "in-short", "picture"
"""Tags of the cell that prints the answer, and of the one that draws the one picture."""
ASIDE = "aside"
"""Tag of a Markdown cell that opens a section, with a heading as its first line, which the page folds whole."""
ABOVE = "*The picture stands on top of this page.*"


def answer_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Take the cells of the answer out of the notebook; where the picture was, a line says where it is now.

    Returns
    -------
    The answer, then the picture; empty where the notebook has no answer, or its cell was left out.
    """
    taken = []
    for tag in (ANSWER, PICTURE):
        for at, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and tag in cell.metadata.get("tags", []) and cell.get("outputs"):
                taken.append(_shown(notebook.cells[at]))
                notebook.cells[at : at + 1] = [_pointer(cell)] if tag == PICTURE else []
                break
        else:
            if tag == ANSWER:
                return []
    return taken


def _pointer(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """What stands where the picture was: its code, folded, without the output."""
    left = nbformat.from_dict(cell)
    left.outputs = [nbformat.v4.new_output("display_data", data={"text/markdown": ABOVE})]
    return left


def _shown(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The cell on top: outputs alone."""
    shown = nbformat.from_dict(cell)
    shown.metadata["tags"] = ["remove-input", *(t for t in cell.metadata["tags"] if t in (ANSWER, PICTURE))]
    shown.id = f"{cell.id}-on-top"
    return shown


def fold_asides(notebook: nbformat.NotebookNode) -> None:
    """Fold each section whose first cell is tagged so, up to the next heading; its own becomes its summary."""
    cells, inside = [], False
    for cell in notebook.cells:
        heading = cell.cell_type == "markdown" and cell.source.lstrip().startswith("#")
        if heading and inside:
            cells.append(nbformat.v4.new_markdown_cell("</details>"))
            inside = False
        if heading and ASIDE in cell.metadata.get("tags", []):
            first, _, rest = cell.source.lstrip().partition("\n")
            title = html.escape(first.lstrip("#").strip(), quote=False)
            cell.source = f'<details class="emo-aside"><summary>{title}</summary>\n\n{rest.strip()}'
            inside = True
        cells.append(cell)
    if inside:
        cells.append(nbformat.v4.new_markdown_cell("</details>"))
    notebook.cells = cells
