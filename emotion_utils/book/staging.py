"""Stage the sources of the book: prose, executed pages and chapters, drawing libraries, table of contents."""

from __future__ import annotations

import re
import shutil
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import yaml

from emotion_utils.book import ledgers
from emotion_utils.book.own_texts import without_left_out
from emotion_utils.book.pages import prepare, read_executed, without_paths
from emotion_utils.book.toc import derive_toc, read_plan
from emotion_utils.book.vendoring import vendor
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.models.registry import reader_name
from emotion_utils.runtime.execution import execute

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Job, Run

CHAPTER_LINK = re.compile(
    r"\[(?P<words>[^\]\[]+)\]\((?:\.\./notebooks/)?(?P<chapter>\d\d_\w+)\.ipynb(?:#[^)]*)?\)"
)
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}
"""Parameters cannot be handed to a page whose language is not said."""
RUNS = "This page for other runs"
NOT_PAGES = ("_ext", "_static", "_vendor", "__pycache__", ".ipynb_checkpoints")


def assemble(run: Run, root: Path = PROJECT_ROOT) -> Path:
    """Stage the book of `run` afresh and return its folder, ``build/<run>/book``; beside it, write ``claims.json``.

    The folder mirrors the project (``book/``, ``notebooks/``), so that a relative link works in both. Pages of
    ``book/`` with code cells are executed on the way.

    Raises
    ------
    UserError
        Where an executed notebook is missing, damaged or holds an error, a chapter is not in the plan, or says
        nothing of one of its claims.
    CellFailure
        Where a page of ``book/`` raises.
    """
    stage = run.book.with_name("book.partial")
    shutil.rmtree(stage, ignore_errors=True)
    pages = _chapter_pages(run)
    plan = read_plan(root / "_toc.yml")
    shutil.copytree(root / "book", stage / "book", ignore=shutil.ignore_patterns(*NOT_PAGES))
    shutil.copytree(root / "book" / "_static", stage / "_static")
    vendor(stage / "_vendor")
    claims = ledgers.stage(run, stage / "book")
    toc = derive_toc(plan, pages, claims.siblings)
    executed = _execute_pages(stage / "book", claims)
    for jobs in _by_chapter(run):
        _stage_chapter(jobs, pages[jobs[0].chapter], stage / "notebooks")
    _follow_renamed(stage, executed)
    _unlink_absent(stage, set(pages))
    (stage / "_toc.yml").write_text(
        yaml.safe_dump(toc, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    shutil.rmtree(run.book, ignore_errors=True)
    return stage.rename(run.book)


def _by_chapter(run: Run) -> list[list[Job]]:
    return [list(jobs) for _, jobs in groupby(run.chapters, key=lambda job: job.chapter)]


def _chapter_pages(run: Run) -> dict[str, list[tuple[str, str]]]:
    """The main page carries the chapter's plain name, so that links to it hold whatever models ran."""
    pages: dict[str, list[tuple[str, str]]] = {}
    for first, *others in _by_chapter(run):
        if first.chapter in pages:
            raise UserError(
                f"The chapter {first.chapter} stands twice in the run {run.name}: list its models together."
            )
        pages[first.chapter] = [
            (first.chapter, _reader(first)),
            *((job.name, _reader(job)) for job in others),
        ]
    return pages


def _reader(job: Job) -> str:
    return reader_name(job.model) if job.model else ""


def _stage_chapter(jobs: list[Job], siblings: list[tuple[str, str]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, (job, (stem, _)) in enumerate(zip(jobs, siblings, strict=True)):
        shown = without_left_out(without_paths(read_executed(job.output)))
        notebook = prepare(shown, siblings=siblings, stem=stem, first=i == 0)
        nbformat.write(notebook, folder / f"{stem}.ipynb")


def _execute_pages(folder: Path, claims: ledgers.LedgerPages) -> list[Path]:
    """Turn each Markdown page with code cells into an executed notebook of the same name; give the pages' old names."""
    from myst_nb.core.read import (  # type: ignore[import-untyped]
        is_myst_markdown_notebook,
        read_myst_markdown_notebook,
    )

    executed = []
    for source in sorted(folder.rglob("*.md")):
        text = source.read_text(encoding="utf-8")
        if not is_myst_markdown_notebook(text):
            continue
        target = source.with_suffix(".ipynb")
        written = read_myst_markdown_notebook(text, path=source)
        written.metadata["kernelspec"] = KERNEL
        nbformat.write(written, target)
        execute(target, target, claims.parameters.get(source.stem, {}))
        siblings = claims.siblings if source.stem in dict(claims.siblings) else ()
        first = not siblings or source.stem == ledgers.PAGE
        shown = prepare(read_executed(target), siblings=siblings, stem=source.stem, first=first, about=RUNS)
        nbformat.write(shown, target)
        source.unlink()
        executed.append(source)
    return executed


def _unlink_absent(folder: Path, present: set[str]) -> None:
    """A link to a chapter that did not run would lead nowhere: its words stay, without the link."""

    def plain(found: re.Match[str]) -> str:
        return found[0] if found["chapter"] in present else found["words"]

    for page in [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]:
        text = page.read_text(encoding="utf-8")
        page.write_text(CHAPTER_LINK.sub(plain, text), encoding="utf-8")


def _follow_renamed(folder: Path, executed: list[Path]) -> None:
    """Links to ``models.md`` must find ``models.ipynb`` in the staged copy."""
    for page in [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]:
        text = page.read_text(encoding="utf-8")
        for source in executed:
            stem = re.escape(source.stem)
            text = re.sub(rf"(?<=[(`<'\"/]){stem}\.md(?=[)#>`:'\"])", f"{source.stem}.ipynb", text)
        page.write_text(text, encoding="utf-8")
