"""The committed record of the real models, ``data/real.json``: what a run found, whole, with date, commit and hashes.

A run on pretrained models takes hours and needs packages that a reader may not have. What it found is therefore kept,
as the calibration is: one part for each page of the run, with a hash of the code that measured it, and one hash over
all of it, so that an edited number does not go unnoticed. Code may change afterwards; then the pages say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.hashing import code_digest, digest
from emotion_utils.core.paths import DATA, NOTEBOOKS, PROJECT_ROOT
from emotion_utils.reports.claims import Measurement
from emotion_utils.runtime.dependencies import package_sources

PATH = DATA / "real.json"
SCHEMA = 1
"""Of the file; a reader refuses another one."""
COLUMNS = ["finding", "value", "low", "high", "null", "n"]
"""Of the findings of a chapter."""
_ONLY_SHOWS = ("figures", "plots", "runtime", "book", "ledger", "record")
"""Rooms whose code changes no number."""


@dataclass(frozen=True)
class Part:
    """What one page of the run found.

    Attributes
    ----------
    chapter, model
        Of the page; of a chapter on several models all their names, with commas between.
    date, commit, code
        Of the execution; `code` is :func:`chapter_code`.
    parameters
        That it was executed with.
    findings
        Rows with the names of :data:`COLUMNS`; None where there is no number.
    measurements
        Of the claims of the chapter.
    """

    chapter: str
    model: str
    date: str
    commit: str
    code: str
    parameters: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...]
    measurements: tuple[Measurement, ...]

    @property
    def changed(self) -> bool:
        """Whether the code of the chapter is another one than when this was measured."""
        return chapter_code(self.chapter) != self.code

    @property
    def table(self) -> pd.DataFrame:
        """The findings."""
        table = pd.DataFrame(list(self.findings), columns=COLUMNS)
        return table.astype(dict.fromkeys(COLUMNS[1:], float))


@dataclass(frozen=True)
class Record:
    """The whole record.

    Attributes
    ----------
    run, profile
        Of the run that it was made from.
    date, commit
        Of the recording.
    parts
        In the order of the run.
    """

    run: str
    profile: str
    date: str
    commit: str
    parts: tuple[Part, ...]

    def of(self, chapter: str) -> tuple[Part, ...]:
        """The parts of one chapter, one for each model or pair."""
        return tuple(part for part in self.parts if part.chapter == chapter)


def read_record(path: Path = PATH) -> Record | None:
    """The record, or None where there is none yet.

    Raises
    ------
    UserError
        Where it is damaged, was edited, or has another format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kept, schema = content.pop("hash"), content["schema"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{_where(path)} is damaged ({error}): {_MEND}.") from error
    if schema != SCHEMA:
        raise UserError(f"{_where(path)} has the format {schema!r}, and this is {SCHEMA}: {_MEND}.")
    if kept != digest(content):
        raise UserError(f"{_where(path)} is not what was recorded, its hash differs: {_MEND}.")
    return Record(**{name: content[name] for name in _ABOUT}, parts=tuple(map(_part, content["parts"])))


_ABOUT = ("run", "profile", "date", "commit")
_MEND = "restore it from git, or record a run again with `python -m emotion_utils record runs/real.yaml`"


def write_record(record: Record, path: Path = PATH) -> Path:
    """Write the record with its hash, whole or not at all."""
    content = {"schema": SCHEMA, **json.loads(json.dumps(asdict(record), allow_nan=False))}
    content["hash"] = digest(content)
    return write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _where(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path.name)


def _part(content: Mapping[str, Any]) -> Part:
    rows = tuple(Measurement(**row) for row in content["measurements"])
    return Part(**{**content, "findings": tuple(content["findings"]), "measurements": rows})


@cache
def chapter_code(chapter: str) -> str:
    """Hash of what a chapter computes: of its code cells and of the modules that they stand on, without words.

    Rooms that only show results are left out, and so are comments, docstrings and layout. Asked once in a process.

    Raises
    ------
    UserError
        Where there is no such chapter.
    """
    notebook = NOTEBOOKS / f"{chapter}.ipynb"
    texts = [_of_source(path) for path in package_sources(notebook) if _measures(path)]
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _measures(path: Path) -> bool:
    parts = path.relative_to(PROJECT_ROOT).parts
    # the package's own __init__ only hands on names, and what is behind them is counted
    return parts[1] not in (*_ONLY_SHOWS, "__init__.py")


def _of_source(path: Path) -> str:
    return _digest_of(path, path.stat().st_mtime_ns)


@cache
def _digest_of(path: Path, modified: int) -> str:
    """Chapters share most of their modules."""
    text = path.read_text(encoding="utf-8")
    return code_digest(text) if path.suffix == ".py" else hashlib.sha256(text.encode()).hexdigest()


def rows_of(findings: pd.DataFrame) -> Sequence[dict[str, Any]]:
    """Findings as rows that JSON knows.

    Raises
    ------
    UserError
        Where a column is missing, a finding has no name or stands there twice, or a number is infinite.
    """
    missing = [column for column in COLUMNS if column not in findings]
    if missing:
        raise UserError(f"The findings have no column {missing[0]!r}: they need {', '.join(COLUMNS)}.")
    names = findings["finding"]
    if not len(names) or not names.map(lambda name: isinstance(name, str) and bool(name.strip())).all():
        raise UserError(
            "Every finding needs its words in the column 'finding', and there must be one at least."
        )
    if names.duplicated().any():
        raise UserError(
            f'The finding "{names[names.duplicated()].iloc[0]}" stands there twice: name it once.'
        )
    numbers = findings[COLUMNS[1:]].astype(float)
    if numbers.isin([float("inf"), float("-inf")]).any(axis=None):
        raise UserError("A finding is infinite: give NaN where there is no number.")
    kept = numbers.astype(object).where(numbers.notna(), None)
    return [{"finding": name, **row} for name, row in zip(names, kept.to_dict("records"), strict=True)]
