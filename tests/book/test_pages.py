"""From executed notebooks to pages: what is staged, and that every fault stops the book."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from emotion_utils.book import assemble, check_site, render, vendor
from emotion_utils.book.pages import command, drop_labels, prepare, provenance_box, read_executed, tabs
from emotion_utils.book.rendering import BookError
from emotion_utils.book.toc import derive_toc
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.runtime.execution import CellFailure, collect
from emotion_utils.runtime.runs import Run
from tests.book import sample

PLAN = yaml.safe_load(sample.TOC)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[Path, Run]]:
    """A project with prose and a chapter that was "executed" by hand, so that a test takes no kernel."""
    sample.write_project(tmp_path)
    (tmp_path / "book" / "facts.md").write_text("# Facts\n\nPlain.\n")
    (tmp_path / "book" / "index.md").write_text("# Welcome\n\nSee [the facts](facts.md).\n")
    chapter = new_notebook(
        cells=[new_markdown_cell("# A chapter\n\nText."), new_code_cell("1 + 1", execution_count=1)],
        metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}},
    )
    with sample.built_under(tmp_path):
        run = sample.sample_run(tmp_path, ("gpt2",))
        run.chapters[0].output.parent.mkdir(parents=True)
        nbformat.write(chapter, run.chapters[0].output)
        yield tmp_path, run


def test_the_contents_keep_prose_and_what_ran() -> None:
    toc = derive_toc(PLAN, {"01_sample": [("01_sample", "gpt2"), ("01_sample--x", "x")]})
    chapters = [entry for part in toc["parts"] for entry in part["chapters"]]
    assert [entry["file"] for entry in chapters] == ["book/facts", "notebooks/01_sample"]
    assert chapters[1]["sections"] == [{"file": "notebooks/01_sample--x", "title": "… on x"}]
    assert toc["root"] == "book/index"


def test_a_chapter_outside_the_plan_is_refused() -> None:
    with pytest.raises(UserError, match=r"05_lost ran but is not in _toc\.yml"):
        derive_toc(PLAN, {"05_lost": [("05_lost", "")]})


def test_labels_are_dropped_from_a_second_copy_only() -> None:
    text = "(a-label)=\n# Title {#anchor}\n\n$$\nx\n$$ (eq-x)\n\n```{figure} a.svg\n:name: fig-a\n```\n(not a label)\n"
    assert drop_labels(text) == "\n# Title \n\n$$\nx\n$$ \n\n```{figure} a.svg\n```\n(not a label)\n"


def test_tabs_link_the_pages_and_mark_the_current_one() -> None:
    markup = tabs([("03", "a<b"), ("03--c", "c")], "03--c")
    assert '<a href="03.html">a&lt;b</a>' in markup
    assert '<a href="03--c.html" aria-current="page">c</a>' in markup
    assert tabs([("03", "a")], "03") == ""


def test_the_provenance_names_what_can_change_a_number() -> None:
    record = {
        "model": "gpt2", "model_label": "hub model", "date": "2026-11-22T08:00:00+00:00", "commit": "abc123",
        "parameters": {"profile": "smoke", "seed": 3, "device": "cpu", "dtype": "float32", "text": "<b>"},
        "python": "3.11.1", "packages": {"torch": "2.13.0", "absent": None},
    }  # fmt: skip
    box = provenance_box(record)
    for fact in (
        "gpt2 (hub model)",
        "profile smoke",
        "seed 3",
        "device cpu",
        "dtype float32",
        "2026-11-22",
        "abc123",
    ):
        assert fact in box
    assert "2.13.0" in box
    assert "<b>&quot;" not in box
    assert "absent" not in box


def test_a_page_says_that_weights_are_not_the_original_ones() -> None:
    notes = collect("04_alignment", {"models": "small-gpt2, smollm2-135m"})["weights"]
    assert len(notes) == 1
    box = provenance_box({"commit": "abc", "weights": notes})
    assert "SmolLM2 135M are quantised (4-bit, Q4_1)" in box
    assert "not the original ones of HuggingFaceTB/SmolLM2-135M-Instruct" in box
    assert "quantised" not in provenance_box({"commit": "abc", "weights": []})


def test_the_provenance_names_the_commit_of_each_hub_model() -> None:
    box = provenance_box({"commit": "abc", "revisions": {"gpt2": "f" * 40}})
    assert f"<dt>commit of gpt2</dt><dd>{'f' * 40}</dd>" in box
    assert collect("04_alignment", {"models": "small-gpt2, small-neo"})["revisions"] == {}


def test_a_page_loses_what_only_jupyterlab_draws() -> None:
    data = {
        "text/html": "<p>x</p>",
        "application/vnd.plotly.v1+json": {},
        "application/papermill.record/text/html": "y",
    }
    cell = new_code_cell("x", outputs=[new_output("display_data", data)])
    page = prepare(new_notebook(cells=[new_markdown_cell("# T"), cell]))
    assert set(page.cells[1].outputs[0].data) == {"text/html", "application/papermill.record/text/html"}


@pytest.mark.parametrize(
    ("tags", "staged"),
    [
        ([], ["hide-input"]),
        (["parameters"], ["parameters", "hide-input"]),
        (["show"], ["show"]),
        (["hide-cell"], ["hide-cell"]),
        (["hide-cell", "details"], ["hide-cell", "details"]),
        (["remove-input"], ["remove-input"]),
        (["injected-parameters"], ["injected-parameters", "remove-cell"]),
    ],
)
def test_code_is_folded_unless_its_cell_is_to_be_read(tags: list[str], staged: list[str]) -> None:
    cells = [new_markdown_cell("# T"), new_code_cell("1 + 1", metadata={"tags": tags} if tags else {})]
    page = prepare(new_notebook(cells=cells))
    assert page.cells[1].metadata["tags"] == staged
    assert ("mystnb" in page.cells[1].metadata) == ("hide-cell" in tags)
    if "hide-cell" in tags:
        told = "Show table" if "details" in tags else "Show solution"
        assert page.cells[1].metadata["mystnb"]["code_prompt_show"] == told
    assert "tags" not in page.cells[0].metadata


def test_a_raising_notebook_is_refused(tmp_path: Path) -> None:
    error = new_output("error", ename="ValueError", evalue="too small", traceback=[])
    path = tmp_path / "x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("x", outputs=[error])]), path)
    with pytest.raises(UserError, match="raised ValueError: too small"):
        read_executed(path)


def test_a_torn_or_missing_notebook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.ipynb").write_text('{"cells": [')
    with pytest.raises(UserError, match="is damaged"):
        read_executed(tmp_path / "torn.ipynb")
    with pytest.raises(UserError, match="is missing"):
        read_executed(tmp_path / "none.ipynb")


def test_the_libraries_come_out_of_the_wheels_once(tmp_path: Path) -> None:
    plotly, circuitsvis = vendor(tmp_path)
    assert "plotly.js v" in plotly.read_text(encoding="utf-8")[:200]
    assert "var CircuitsVis=" in circuitsvis.read_text(encoding="utf-8")[:200]
    before = plotly.stat().st_mtime_ns
    vendor(tmp_path)
    assert plotly.stat().st_mtime_ns == before


def test_a_sound_book_is_built(project: tuple[Path, Run]) -> None:
    root, run = project
    assert assemble(run, root) == run.book
    html = render(run, root)
    assert (html / "index.html").is_file()
    assert (html / "notebooks" / "01_sample.html").stat().st_size < 60_000
    assert (html / "_static" / "plotly.min.js").is_file()
    assert check_site(html) == []


# Each fault on a page of its own, with a word of the complaint about it; the book is built once for all of them.
WARNINGS = {
    "link": ("See [nothing](nowhere.md).", "nowhere.md"),
    "doc": ("See {doc}`lost-page`.", "lost-page"),
    "directive": ("```{no-such-directive}\n```", "no-such-directive"),
    "citation": ("Cited by {cite:t}`nobody1900`.", "nobody1900"),
    "formula": ("$$\\nosuchmacro{x}$$", "nosuchmacro"),
    "glue": ("{glue:text}`facts.md::no_such_key:.2f`", "no_such_key"),
}
BROKEN_PROMISES = {
    "raw": ('<a href="gone.html">raw</a>', r"book/raw\.html links to gone\.html, which does not exist"),
    "anchor": ('<a href="facts.html#gone">raw</a>', r"book/anchor\.html links to facts\.html#gone"),
    "image": (
        '<img src="https://example.org/x.png" alt="">',
        r"book/image\.html fetches https://example\.org/x\.png",
    ),
    "size": ("<p>" + "y" * 400_000 + "</p>", r"book/size\.html has [\d,]+ bytes; the limit is 400,000"),
}


@pytest.mark.parametrize("faults", [WARNINGS, BROKEN_PROMISES], ids=["warnings", "broken promises"])
def test_every_fault_on_a_page_stops_the_book(
    project: tuple[Path, Run], faults: dict[str, tuple[str, str]]
) -> None:
    root, run = project
    for name, (fault, _) in faults.items():
        (root / "book" / f"{name}.md").write_text(f"# {name}\n\n{fault}\n")
    plan = {
        **PLAN,
        "parts": [*PLAN["parts"], {"caption": "Faults", "chapters": [{"file": f"book/{n}"} for n in faults]}],
    }
    (root / "_toc.yml").write_text(yaml.safe_dump(plan))
    assemble(run, root)
    with pytest.raises(BookError) as raised:
        render(run, root)
    complaints = str(raised.value)
    assert [name for name, (_, complaint) in faults.items() if not re.search(complaint, complaints)] == []
    assert len(complaints.splitlines()) == len(faults) + 1


def test_a_page_that_raises_stops_the_book(project: tuple[Path, Run]) -> None:
    root, run = project
    page = sample.FACTS.replace("from IPython.display import Markdown", "raise RuntimeError('no cards')")
    (root / "book" / "facts.md").write_text(page)
    with pytest.raises(CellFailure, match="no cards"):
        assemble(run, root)
    assert not run.book.exists()


def test_an_unassembled_book_is_refused(project: tuple[Path, Run]) -> None:
    root, run = project
    with pytest.raises(UserError, match="There is no staged book"):
        render(run, root)


def test_models_of_one_chapter_must_stand_together(project: tuple[Path, Run]) -> None:
    root, run = project
    job = run.chapters[0]
    scattered = replace(run, chapters=[job, replace(job, chapter="02_other"), job])
    with pytest.raises(UserError, match="01_sample stands twice"):
        assemble(scattered, root)


def test_assembly_starts_afresh(project: tuple[Path, Run]) -> None:
    root, run = project
    assemble(run, root)
    (run.book / "notebooks" / "stale.ipynb").write_text("{}")
    shutil.copy(run.book / "_toc.yml", root / "kept.yml")
    assemble(run, root)
    assert not (run.book / "notebooks" / "stale.ipynb").exists()
    assert (run.book / "_toc.yml").read_text() == (root / "kept.yml").read_text()


def test_links_to_chapters_that_did_not_run_become_words(project: tuple[Path, Run]) -> None:
    root, run = project
    text = "# Links\n\n[Here](../notebooks/01_sample.ipynb) and [there](../notebooks/09_other.ipynb#part).\n"
    (root / "book" / "links.md").write_text(text)
    assemble(run, root)
    staged = (run.book / "book" / "links.md").read_text()
    assert "[Here](../notebooks/01_sample.ipynb) and there." in staged


def test_no_page_names_a_folder_of_this_machine(project: tuple[Path, Run]) -> None:
    """A book of notebooks that were executed on a model given by its path, which they print again and again."""
    root, _ = project
    model = root / "some where" / "my-model"
    model.mkdir(parents=True)
    run = sample.sample_run(root, ("gpt2", str(model)))
    for job in run.chapters:
        printed = f"<p>Read from {job.model}/config.json and {PROJECT_ROOT}/data/claims.csv.</p>"
        given = {"model": job.model, "run_dir": str(root / "build" / "sample"), "seed": 0}
        cells = [
            new_markdown_cell("# A chapter"),
            new_code_cell(f'model = "{job.model}"', metadata={"tags": ["injected-parameters"]}),
            new_code_cell("model", outputs=[new_output("display_data", {"text/html": printed})]),
            new_code_cell("1", outputs=[new_output("stream", name="stdout", text=f"{job.model}\n")]),
        ]
        about = {"model": job.model, "model_label": "local model", "parameters": given, "date": "2026-11-29"}
        metadata = {
            "provenance": about,
            "papermill": {"output_path": str(job.output), "parameters": given},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        }
        job.output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata=metadata), job.output)
    assemble(run, root)
    html = render(run, root)
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in html.rglob("*")
        if path.suffix in (".html", ".ipynb", ".js", ".json") and "_static" not in path.parts
    }
    pages = [name for name in texts if name.startswith("01_sample")]
    assert {name for name in pages if name.endswith(".html")} == {
        "01_sample.html",
        "01_sample--my-model.html",
    }
    own = texts["01_sample--my-model.html"]
    assert "Read from my-model/config.json and data/claims.csv." in own
    assert "my-model (local model)" in own
    assert "A chapter · my-model, local" in own
    assert ">my-model, local</a>" in texts["01_sample.html"]
    assert ">gpt2, pretrained</a>" in texts["01_sample.html"]
    for name, text in texts.items():
        assert str(root) not in text, name
        assert str(PROJECT_ROOT) not in text, name


def test_a_page_that_names_a_folder_of_this_machine_breaks_a_promise(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(f"<p>{PROJECT_ROOT}/data</p>")
    (said,) = check_site(tmp_path)
    assert said == f"index.html names the folder {PROJECT_ROOT}/ of this machine: show its last part."


def test_a_page_says_what_makes_it_again() -> None:
    given = {"model": "my model", "profile": "smoke", "seed": 0, "run_dir": "build/x", "device": "cpu"}
    assert command("05_steering", given) == (
        "papermill notebooks/05_steering.ipynb out.ipynb -p model 'my model' -p profile smoke"
    )
    assert (
        command("00_calibration", {"seed": 3})
        == "papermill notebooks/00_calibration.ipynb out.ipynb -p seed 3"
    )
    assert "out.ipynb -p profile smoke" in provenance_box({"parameters": {"profile": "smoke"}}, "05_steering")
    assert "papermill" not in provenance_box({"parameters": {"profile": "smoke"}}, "no_chapter")
