"""The ledger in the book: pages for this run and others, tabs, contents, and the anchors to which verdicts lead."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from emotion_utils.book import assemble, ledgers
from emotion_utils.book.pages import DECIDED, DECIDES, prepare
from emotion_utils.book.toc import derive_toc
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT
from emotion_utils.ledger import assembly, files
from emotion_utils.ledger.records import CHAPTERS
from tests.ledger.conftest import measure

WRITTEN = sorted({NOTEBOOKS / f"{chapter}.ipynb" for _, chapter in CHAPTERS})


@pytest.mark.parametrize("path", [path for path in WRITTEN if path.is_file()], ids=lambda path: path.stem)
def test_every_chapter_with_claims_has_the_anchor_before_the_cell_that_judges_them(path: Path):
    page = prepare(nbformat.read(path, as_version=4))
    at = [i for i, cell in enumerate(page.cells) if cell.source == DECIDED]
    assert len(at) == 1
    assert DECIDES in page.cells[at[0] + 1].source


def test_a_chapter_without_claims_has_no_anchor():
    page = prepare(new_notebook(cells=[new_markdown_cell("# T"), new_code_cell("1")]))
    assert [cell.source.strip() for cell in page.cells] == ["# T", "1"]


def test_prose_that_names_the_call_is_not_what_decides():
    said, code = new_markdown_cell(f"`{DECIDES}...)` writes"), new_code_cell(f"{DECIDES}run_dir)")
    page = prepare(new_notebook(cells=[new_markdown_cell("# T"), said, code]))
    assert [cell.source for cell in page.cells[1:]] == [said.source, DECIDED, code.source]


def test_the_chapter_to_which_the_scrutiny_leads_has_that_heading():
    source = (NOTEBOOKS / f"{assembly.SCRUTINISED}.ipynb").read_text(encoding="utf-8")
    assert "## Scrutiny" in source or "(scrutiny)=" in source


def test_pages_of_other_runs_stand_below_this_one():
    plan = {"parts": [{"caption": "Appendix", "chapters": [{"file": "book/ledger"}, {"file": "book/x"}]}]}
    toc = derive_toc(plan, {}, [("ledger", "small"), ("ledger--smoke", "smoke")])
    first, second = toc["parts"][0]["chapters"]
    assert first["sections"] == [{"file": "book/ledger--smoke", "title": "… of smoke"}]
    assert second == {"file": "book/x"}
    assert "sections" not in plan["parts"][0]["chapters"][0]
    assert derive_toc(plan, {}, [("ledger", "small")])["parts"] == plan["parts"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A staged copy of ``book/`` with the page of the ledger only."""
    made = tmp_path / "staged"
    made.mkdir()
    shutil.copy(PROJECT_ROOT / "book" / "ledger.md", made)
    return made


def test_each_run_has_a_page_with_its_own_file(make, scrutiny, folder, monkeypatch):
    monkeypatch.setattr("emotion_utils.scrutiny.everything", lambda seed: scrutiny)
    other = make(("01_dataset", "small-neo"), name="other")
    files.write(other, assembly.assemble(other, scrutiny=scrutiny))
    run = make(("01_dataset", "small-gpt2"))
    pages = ledgers.stage(run, folder)
    assert pages.siblings == [("ledger", "tried"), ("ledger--other", "other")]
    assert {stem: given.get("here") for stem, given in pages.parameters.items()} == {
        "index": None,
        "ledger": True,
        "ledger--other": False,
    }
    assert (folder / "claims.json").read_text() == (run.directory / "claims.json").read_text()
    assert json.loads((folder / "claims--other.json").read_text())["run"] == "other"
    assert "<claims--other.json>" in (folder / "ledger--other.md").read_text()
    assert not Path(pages.parameters["ledger"]["run_dir"]).is_absolute()


def test_a_damaged_ledger_of_another_run_is_said(make, scrutiny, folder, monkeypatch):
    monkeypatch.setattr("emotion_utils.scrutiny.everything", lambda seed: scrutiny)
    other = make(("01_dataset", "small-neo"), name="other")
    (other.directory / files.NAME).write_text("[1, 2")
    with pytest.raises(
        UserError, match=r"other.claims\.json is damaged .*: delete it, or run its book again"
    ):
        ledgers.stage(make(("01_dataset", "small-gpt2")), folder)


def test_a_result_that_changes_changes_the_page(make, scrutiny, tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_utils.scrutiny.everything", lambda seed: scrutiny)
    root = tmp_path / "project"
    (root / "book" / "_static").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "book" / "ledger.md", root / "book")
    (root / "book" / "index.md").write_text("# Welcome\n")
    plan = {"format": "jb-book", "root": "book/index", "parts": []}
    plan["parts"] = [
        {"caption": "Chapters", "chapters": [{"file": "notebooks/01_dataset"}]},
        {"caption": "Appendix", "chapters": [{"file": "book/ledger"}]},
    ]
    (root / "_toc.yml").write_text(yaml.safe_dump(plan))
    run = make(("01_dataset", "small-gpt2"))
    run.chapters[0].output.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# T")]), run.chapters[0].output)

    def page() -> str:
        cells = nbformat.read(assemble(run, root) / "book" / "ledger.ipynb", as_version=4).cells
        return "".join(
            out["data"].get("text/html", "") + out["data"].get("text/markdown", "")
            for cell in cells
            for out in cell.get("outputs", [])
            if "data" in out
        )

    before = page()
    measure(run, "01_dataset", "small-gpt2", P1_tokens_mean=None)
    after = page()
    row = 'id="claim-P1.tokens.mean" data-replication="{}"'
    assert row.format("other data") in before
    assert row.format("pending") in after
    assert "**0 reproduced, 0 not reproduced**" in before  # sizes and lengths are in no headline
