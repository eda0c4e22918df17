"""Which files an executed notebook depends on, so that it is run again when one changes and only then."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from emotion_utils.errors import UserError
from emotion_utils.models import BUNDLED
from emotion_utils.parameters import chapter_schema, model_names
from emotion_utils.paths import DATA, PROJECT_ROOT, PROMPTS
from emotion_utils.runs import Job

__all__ = [
    "book_inputs",
    "fingerprint",
    "imported_modules",
    "job_inputs",
    "jobs_before",
    "model_files",
    "module_sources",
    "package_sources",
]

_PACKAGE = "emotion_utils"
_GENERATED = {"_vendor", "__pycache__"}
_COMPARES = {PROJECT_ROOT / _PACKAGE / path for path in ("overview.py", "steering/overview.py")}
"""A chapter that imports one of these shows all bundled models."""
_READS = {"08_statistics": ("04_alignment", "05_steering", "06_head_screening", "07_head_patching")}
"""Chapters that read what others leave in the store of the run, and would compute it themselves if they came first."""
_CONTENT = PROJECT_ROOT / _PACKAGE / "smallworld" / "content"


def job_inputs(job: Job) -> list[Path]:
    """The notebook, the modules it stands on, the files of its models, the prompts, the claims and the calibration."""
    files = [job.notebook, *package_sources(job.notebook), *sorted(PROMPTS.glob("*.jsonl"))]
    files += [path for path in (DATA / "claims.csv", DATA / "calibration.json") if path.is_file()]
    defaults = {name: parameter.default for name, parameter in chapter_schema(job.chapter).items()}
    names = model_names({"models": defaults.get("models", ""), **job.parameters, "model": job.model})
    if _COMPARES & set(files):
        names += [name for name in BUNDLED if name != job.model]
    return files + [path for name in names for path in model_files(name)]


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
    }
    files |= {*PROJECT_ROOT.glob("book/**/*"), *PROJECT_ROOT.glob("emotion_utils/**/*")}
    files |= {*PROMPTS.glob("*.jsonl"), *DATA.glob("models/*/*.json"), *DATA.glob("models/*/*.csv")}
    return sorted(path for path in files if path.is_file() and not _GENERATED & set(path.parts))


def model_files(name: str) -> list[Path]:
    """The files of a bundled or local model; nothing for a hub model, whose revision names its content."""
    from emotion_utils.models import resolve_model

    reference = resolve_model(name)
    if reference.source == "hub":
        return []
    files = (path for path in Path(reference.location).iterdir() if path.is_file())
    return sorted(path for path in files if path.suffix in {".json", ".safetensors", ".model", ".txt"})


def package_sources(notebook: Path) -> list[Path]:
    """The source files of every module of the package that `notebook` imports, directly or not."""
    return module_sources(imported_modules(notebook))


def module_sources(names: Iterable[str]) -> list[Path]:
    """The source files of modules of the package and of all that they import, directly or not."""
    modules = _closure(names)
    files = {_module_file(name) for name in modules}
    if any(name.startswith(f"{_PACKAGE}.smallworld") for name in modules):
        files |= set(_CONTENT.rglob("*.yaml"))
    return sorted(files)


def imported_modules(notebook: Path) -> set[str]:
    """The modules of the package that the code cells of `notebook` name in an import."""
    found: set[str] = set()
    for source in _code_cells(notebook):
        for node in ast.walk(_parsed(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == _PACKAGE}


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of `files`, in hexadecimal, 16 digits."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\0".encode())
        digest.update(_file_digest(path, path.stat().st_mtime_ns))
    return digest.hexdigest()[:16]


@cache
def _file_digest(path: Path, modified: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@cache
def _import_graph() -> Any:
    import grimp

    return grimp.build_graph(_PACKAGE, cache_dir=None)


def _closure(names: Iterable[str]) -> set[str]:
    """All modules of the package that run when `names` are imported: upstream ones and parent packages."""
    graph = _import_graph()
    waiting = {name for name in names if name in graph.modules}
    waiting |= {child for name in waiting - {_PACKAGE} for child in graph.find_descendants(name)}
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        parent = {name.rpartition(".")[0]} - {""}
        waiting |= (graph.find_upstream_modules(name) | parent) - reached
    return reached


def _code_cells(notebook: Path) -> list[str]:
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"There is no notebook {notebook}: `python -m emotion_utils chapters` lists them."
        ) from None
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def _parsed(source: str) -> ast.Module:
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _is_package(name: str) -> bool:
    return (PROJECT_ROOT.joinpath(*name.split(".")) / "__init__.py").is_file()


def _module_file(name: str) -> Path:
    base = PROJECT_ROOT.joinpath(*name.split("."))
    return base / "__init__.py" if _is_package(name) else base.with_suffix(".py")
