"""The pages of the claims ledger: of this run, and as tabs of every other run that has one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from emotion_utils.core.paths import OUTPUT, PROJECT_ROOT
from emotion_utils.ledger import assembly, files

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Run

PAGE, WELCOME = "ledger", "index"


@dataclass(frozen=True)
class LedgerPages:
    """What the pages need.

    Attributes
    ----------
    parameters
        By the stem of a page in ``book/``.
    siblings
        All pages of the ledger as (stem, run), this run's first; a single one has no tabs.
    """

    parameters: Mapping[str, Mapping[str, Any]]
    siblings: list[tuple[str, str]] = field(default_factory=list)


def stage(run: Run, folder: Path) -> LedgerPages:
    """Write the run's ``claims.json``, and put it and those of other runs beside the pages that show them.

    Parameters
    ----------
    run
        Whose chapters have run.
    folder
        The staged copy of ``book/``. Without a page for the ledger only the file is written.

    Raises
    ------
    UserError
        Where a chapter left a claim out, or the file of another run is damaged.
    """
    files.write(run, assembly.assemble(run))
    page = folder / f"{PAGE}.md"
    own = {"run_dir": _relative(run.directory)}
    if not page.is_file():
        return LedgerPages({})
    shutil.copy(run.directory / files.NAME, folder / files.NAME)
    parameters: dict[str, Mapping[str, Any]] = {WELCOME: own, PAGE: own | {"here": True}}
    siblings = [(PAGE, run.name)]
    for other in files.others(run):
        files.read(other)  # a damaged one is said here, before any page is made
        name = other.name
        stem = f"{PAGE}--{name}"
        copied = f"claims--{name}.json"
        shutil.copy(other / files.NAME, folder / copied)
        text = page.read_text(encoding="utf-8").replace(f"<{files.NAME}>", f"<{copied}>")
        (folder / f"{stem}.md").write_text(text, encoding="utf-8")
        parameters[stem] = {"run_dir": _relative(other), "here": False}
        siblings.append((stem, name))
    return LedgerPages(parameters, siblings)


def where_to_object(config: Path = PROJECT_ROOT / "_config.yml") -> str:
    """Where an objection goes, in Markdown: to the issues of the repository that the book's configuration names.

    Parameters
    ----------
    config
        Of Jupyter Book, with ``repository: url``; that is empty in a copy that has no public place.
    """
    url = str((yaml.safe_load(config.read_text(encoding="utf-8")).get("repository") or {}).get("url") or "")
    if not url:
        return "an issue in the repository that this copy of the book comes from"
    return f"[an issue in the repository]({url.rstrip('/')}/issues/new)"


def _relative(path: Path) -> str:
    return os.path.relpath(path, OUTPUT)
