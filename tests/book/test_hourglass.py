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


def test_an_aside_is_folded_up_to_the_next_heading() -> None:
    aside = new_markdown_cell("### How a & b\n\nWords.", metadata={"tags": ["aside"]})
    page = _page(new_markdown_cell("## One"), aside, _cell("plot()", output="X"), new_markdown_cell("## Two"))
    sources = [cell.source for cell in page.cells]
    at = sources.index('<details class="emo-aside"><summary>How a &amp; b</summary>\n\nWords.')
    assert sources[at + 1 : at + 4] == ["plot()", "</details>", "## Two"]


def test_asides_one_after_the_other_and_at_the_end_are_closed() -> None:
    two = [new_markdown_cell(f"### {name}\n\n{name}.", metadata={"tags": ["aside"]}) for name in "ab"]
    sources = [cell.source for cell in _page(*two).cells]
    assert sum(source.count("<details") for source in sources[1:]) == 2
    assert [source == "</details>" for source in sources[1:]] == [False, True, False, True]


def test_other_sections_stay_open() -> None:
    assert all("emo-aside" not in cell.source for cell in _page(new_markdown_cell("## One\n\nWords.")).cells)
