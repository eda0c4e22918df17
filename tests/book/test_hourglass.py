"""The answer of a chapter moves to the top of its page, and nothing is lost on the way."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from emotion_utils.book.hourglass import ABOVE
from emotion_utils.book.pages import prepare


def _cell(source: str, *tags: str, output: str = "") -> nbformat.NotebookNode:
    outputs = [new_output("display_data", data={"text/markdown": output})] if output else []
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=outputs)


def _page(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    provenance = {"parameters": {"profile": "smoke"}, "commit": "abc"}
    return prepare(
        new_notebook(
            cells=[new_markdown_cell("# Title\n\nA story."), *cells], metadata={"provenance": provenance}
        ),
        siblings=[("a", "x"), ("b", "y")],
        stem="a",
    )


def test_title_tabs_answer_picture_then_what_made_it_and_the_story() -> None:
    page = _page(
        _cell("plot()", "picture", output="PICTURE"),
        new_markdown_cell("## What we found"),
        _cell("answer()", "in-short", output="ANSWER"),
    )
    title, answer, picture, story, left, end = page.cells
    assert title.source.startswith("# Title")
    assert "emo-tabs" in title.source
    assert "story" not in title.source
    assert answer.outputs[0].data["text/markdown"] == "ANSWER"
    assert picture.outputs[0].data["text/markdown"] == "PICTURE"
    assert "remove-input" in answer.metadata["tags"]
    assert "remove-input" in picture.metadata["tags"]
    assert story.source.index("emo-provenance") < story.source.index("A story.")
    assert left.source == "plot()"
    assert left.outputs[0].data["text/markdown"] == ABOVE
    assert end.source == "## What we found"
    assert len({cell.id for cell in page.cells}) == len(page.cells)


def test_without_an_answer_the_page_is_as_it_was() -> None:
    page = _page(_cell("plot()", "picture", output="PICTURE"), _cell("answer()", "in-short"))
    assert page.cells[0].source.index("emo-tabs") < page.cells[0].source.index("A story.")
    assert page.cells[1].outputs[0].data["text/markdown"] == "PICTURE"


def test_an_answer_without_a_picture_stands_on_top_alone() -> None:
    page = _page(_cell("answer()", "in-short", output="ANSWER"))
    assert [cell.cell_type for cell in page.cells] == ["markdown", "code", "markdown"]
