"""Render the staged book with Jupyter Book; any warning, broken link or oversized page is a failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from emotion_utils.book.checks import check_site
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Run

STEP = re.compile(r"(?P<name>reading sources|writing output)\.\.\. \[ *(?P<percent>\d+)%\]")


class BookError(UserError):
    """The book was not built; the message holds the warnings."""


def render(run: Run, root: Path = PROJECT_ROOT) -> Path:
    """Build ``_build/html`` under the run's site from the staged book, and return it.

    Raises
    ------
    UserError
        If the book has not been assembled.
    BookError
        If Jupyter Book warns or fails, or a page breaks a promise of `check_site`.
    """
    source = run.book.resolve()
    if not (source / "_toc.yml").is_file():
        raise UserError(f"There is no staged book in {source}: assemble it first, which `make book` does.")
    # Stale pages of another run would otherwise stay beside the new ones.
    shutil.rmtree(run.html, ignore_errors=True)
    failed, lines = _build(source, run.site, root)
    if failed:
        raise BookError(f"The book was not built:\n{_complaints(lines)}")
    if not (run.html / "index.html").is_file():
        raise BookError(
            f"Jupyter Book built the pages, and {run.html / 'index.html'} is not there: something else writes to this "
            "folder or removed it, so give the run a folder of its own under the key site."
        )
    problems = check_site(run.html)
    if problems:
        raise BookError("The book was built, but breaks its promises:\n" + "\n".join(problems))
    return run.html


def _build(source: Path, site: Path, root: Path) -> tuple[bool, list[str]]:
    """Run Jupyter Book under a progress bar; whether it failed, and all that it said."""
    plain = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    lines = []
    with (
        subprocess.Popen(
            _command(source, site, root),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=plain,
        ) as process,
        tqdm(
            total=200, desc="rendering the book", bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
        ) as bar,
    ):
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if step := STEP.match(line):
                done = int(step["percent"]) + 100 * (step["name"] == "writing output")
                bar.update(max(0, done - bar.n))
    return process.returncode != 0, lines


def _command(source: Path, site: Path, root: Path) -> list[str]:
    options = ["--all", "-W", "--keep-going", "--path-output", str(site.resolve())]
    options += ["--config", str((root / "_config.yml").resolve()), "--toc", str(source / "_toc.yml")]
    run_main = "from jupyter_book.cli.main import main; main()"
    return [sys.executable, "-c", run_main, "build", str(source), *options]


def _complaints(lines: list[str]) -> str:
    marked = [line for line in lines if "WARNING: " in line or "ERROR: " in line or "Error: " in line]
    return "\n".join(marked or [line for line in lines if line.strip()][-30:])
