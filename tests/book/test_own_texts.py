"""Pages about a reader's own texts: what was left out goes, what ran stays, and no path is shown."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import emotion_utils as eu
from emotion_utils.book.own_texts import need_left_out, without_left_out
from emotion_utils.book.pages import provenance_box, without_paths
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.runtime.own_prompts import NEEDS, left_out
from emotion_utils.runtime.runs import read_run

PAGE = (PROJECT_ROOT / "book" / "your_data.md").read_text(encoding="utf-8")


def ran(text: str = "1") -> NotebookNode:
    return new_code_cell("1", outputs=[new_output("execute_result", {"text/plain": text}, execution_count=1)])


def absent(need: str = "pairs") -> NotebookNode:
    """A cell as a kernel leaves it where it was left out."""
    shown = left_out(need)
    data, metadata = shown._repr_markdown_()
    output = new_output(
        "execute_result", {"text/markdown": data}, metadata={"text/markdown": metadata}, execution_count=1
    )
    return new_code_cell("# needs", outputs=[output])


def page(*cells: NotebookNode | str) -> NotebookNode:
    return new_notebook(cells=[new_markdown_cell(c) if isinstance(c, str) else c for c in cells])


def sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def test_a_page_of_which_all_ran_stays_as_it_is() -> None:
    whole = page("# Title", "## One", ran(), "## Two", ran())
    assert sources(without_left_out(whole)) == ["# Title", "## One", "1", "## Two", "1"]


def test_sections_without_a_cell_that_ran_go_and_are_named_at_the_end() -> None:
    shown = without_left_out(
        page(
            "# Title", ran(), "## Kept\n\ntext", ran(), "### Gone", "more prose", absent("words"), "## Lost", absent(),
            absent(), "### Below it", absent(), "## Only prose", "## Also kept", ran(),
        )
    )  # fmt: skip
    kept = sources(shown)
    assert kept[:-1] == ["# Title", "1", "## Kept\n\ntext", "1", "## Only prose", "## Also kept", "1"]
    assert f"- {NEEDS['words']}: *Gone*" in kept[-1]
    assert f"- {NEEDS['pairs']}: *Lost*" in kept[-1]
    assert "Below it" not in kept[-1]  # it went with the section that it belongs to


def test_in_a_section_of_which_something_ran_a_reason_is_said_once() -> None:
    shown = without_left_out(
        page("# Title", "## Mixed", absent(), absent(), absent("words"), ran(), absent())
    )
    assert [need_left_out(cell) for cell in shown.cells[2:]] == ["pairs", "words", None, "pairs"]


def test_a_subsection_that_ran_keeps_the_section_above_it() -> None:
    shown = without_left_out(page("# Title", "## Above", absent(), "### Below", ran()))
    assert "## Above" in sources(shown)
    assert [need_left_out(cell) for cell in shown.cells if cell.cell_type == "code"] == ["pairs", None]


def test_the_path_of_the_file_is_on_no_page(tmp_path: Path) -> None:
    given = {"prompts": str(tmp_path / "mine.csv"), "run_dir": "build/x", "model": "small-gpt2"}
    shown = page("# Title", ran(f"read {tmp_path / 'mine.csv'}"))
    shown.metadata["provenance"] = {"parameters": given, "model": "small-gpt2"}
    text = str(without_paths(shown)) + provenance_box({"parameters": given, "model": "small-gpt2"})
    assert str(tmp_path) not in text
    assert "mine.csv" in text


def test_the_page_on_own_data_runs_and_its_run_file_is_about_the_example() -> None:
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(block, names)  # noqa: S102 - the page's own code
    moods, scores = names["moods"], names["scores"]
    assert moods["emotion"].value_counts().to_dict() == {"joy": 20, "worry": 20, "neutral": 20}
    assert scores["emotion"].tolist() == ["joy", "worry", "mean"]
    assert np.isfinite(names["joy"].values.numpy()).all()
    run = read_run(PROJECT_ROOT / "runs" / "own.yaml")
    assert {job.own_prompts for job in run.chapters} == {PROJECT_ROOT / "data" / "examples" / "moods.csv"}
    assert eu.prompts(run.chapters[0].own_prompts, text="line", label="mood", reference="calm").equals(moods)
