"""Which files an executed notebook depends on, so that it is run again when one changes and only then."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from emotion_utils.core.errors import UserError
from emotion_utils.core.name_uses import read_uses
from emotion_utils.core.paths import DATA, PROJECT_ROOT, PROMPTS
from emotion_utils.core.sources import PACKAGE, Modules, module_file, module_sources
from emotion_utils.models.registry import MINIATURES, model_files
from emotion_utils.runtime.runs import Job

_RECORD, _SHOWS_RECORD = DATA / "real.json", "emotion_utils.record.findings"
_KEPT = {
    "emotion_utils.scaling.record": DATA / "scaling",
    "emotion_utils.predictability.record": DATA / "predictability",
    "emotion_utils.siblings.record": DATA / "siblings",
}
"""Module to the folder of the record that a chapter shows by it."""
_GENERATED = {"_vendor", "__pycache__"}
_COMPARES = "emotion_utils.models.comparison"
"""A chapter that stands on this module shows all bundled models."""
_READS = {
    "08_statistics": ("04_alignment", "05_steering", "06_head_screening", "07_head_patching"),
    "09_scaling": ("04_alignment", "05_steering"),
    "12_features": ("11_circuits",),
}
"""Chapters that read what others leave in the store of the run, and would compute it themselves if they came first."""


def job_inputs(job: Job) -> list[Path]:
    """The notebook, its modules, the files of its models, prompts, claims, calibration and records of real models."""
    files = [job.notebook, *package_sources(job.notebook), *sorted(PROMPTS.glob("*.jsonl"))]
    files += [path for path in (DATA / "claims.csv", DATA / "calibration.json") if path.is_file()]
    if job.own_prompts is not None:
        files.append(job.own_prompts)
    if module_file(_SHOWS_RECORD) in files and _recorded_run() not in (None, job.run):
        files.append(_RECORD)
    for module, folder in _KEPT.items():
        if module_file(module) in files:
            files += sorted(folder.glob("*.*"))
    names = job.models
    if module_file(_COMPARES) in files:
        names += [name for name in MINIATURES if name not in names]
    return files + [path for name in names for path in model_files(name)]


def _recorded_run() -> str | None:
    """The run that the record of real models was made from, which cannot wait for it; None where there is no record."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(_RECORD.read_text(encoding="utf-8"))["run"])
    return "" if _RECORD.is_file() else None


def jobs_before(job: Job, jobs: Iterable[Job]) -> list[Job]:
    """Those of a run's jobs that have to be finished before `job`, because its chapter reads what they keep."""
    return [other for other in jobs if other.chapter in _READS.get(job.chapter, ())]


def book_inputs() -> list[Path]:
    """What the pages are made from, apart from the executed notebooks.

    Pages of the book may hold code cells too, which show models and prompts: hence all sources and cards.
    """
    files = {
        PROJECT_ROOT / "_config.yml",
        PROJECT_ROOT / "_toc.yml",
        DATA / "claims.csv",
        DATA / "bench.json",
        DATA / "calibration.json",
        _RECORD,
    }
    files |= {*PROJECT_ROOT.glob("book/**/*"), *PROJECT_ROOT.glob("emotion_utils/**/*")}
    files |= {*PROMPTS.glob("*.jsonl"), *DATA.glob("models/*/*.json"), *DATA.glob("models/*/*.csv")}
    return sorted(path for path in files if path.is_file() and not _GENERATED & set(path.parts))


def package_sources(notebook: Path) -> list[Path]:
    """The source files of every module of the package that `notebook` imports, directly or not."""
    return module_sources(imported_modules(notebook))


def imported_modules(notebook: Path) -> set[str]:
    """The modules of the package that the code cells of `notebook` import, and that it reaches by their names."""
    cells = [_parsed(source) for source in _code_cells(notebook)]
    whole = ast.Module(body=[node for cell in cells for node in cell.body], type_ignores=[])
    return Modules().named(read_uses(whole, PACKAGE))


def _code_cells(notebook: Path) -> list[str]:
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"There is no notebook {notebook}: `python -m emotion_utils chapters` lists them."
        ) from None
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def _parsed(source: str) -> ast.Module:
    """A cell, or else what is left of it without magic commands.

    What is not Python either (``x = %time f()``) may use anything: it counts with the whole package.
    """
    for text in (source, "\n".join(map(_without_magic, source.splitlines()))):
        with suppress(SyntaxError):
            return ast.parse(text)
    return ast.parse(f"import {PACKAGE}")


def _without_magic(line: str) -> str:
    """A line of a cell; of a magic command (``%time f(x)``) what it runs, if that is Python."""
    bare = line.lstrip()
    if not bare.startswith(("%", "!")):
        return line
    run = bare.partition(" ")[2].strip() if bare.startswith("%") else ""
    with suppress(SyntaxError):
        ast.parse(run)
        return line[: len(line) - len(bare)] + run
    return ""
