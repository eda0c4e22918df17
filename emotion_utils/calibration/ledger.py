"""The committed table of the calibration, with hashes that say whether it still is what was measured.

`make calibrate` writes one section per script into ``data/calibration.json``. A section has a hash of its content and
one of the modules that made its data, so that neither a number that was edited nor a generator that was changed goes
unnoticed. A method under test may change in the meantime: the chapter therefore repeats the first trials of a section.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.hashing import code_digest
from emotion_utils.core.paths import DATA
from emotion_utils.core.sources import module_file
from emotion_utils.core.versions import versions

PATH = DATA / "calibration.json"


@dataclass(frozen=True, eq=False)
class Section:
    """What one script of `make calibrate` measured.

    Attributes
    ----------
    tables
        By name.
    settings
        All that the numbers depend on, the seed among them.
    versions
        Of the packages.
    date
        Of the measurement.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    date: str


def code_hash(modules: Sequence[str]) -> str:
    """Hash of what modules of the package do: of their syntax without words, imports and layout.

    Parameters
    ----------
    modules
        Dotted names.

    Raises
    ------
    UserError
        Where one does not exist.
    """
    sources = (module_file(name).read_text(encoding="utf-8") for name in sorted(modules))
    return hashlib.sha256("".join(code_digest(source) for source in sources).encode()).hexdigest()


def _content_hash(entry: Mapping[str, Any]) -> str:
    kept = {name: entry[name] for name in ("settings", "modules", "tables", "versions", "date", "code")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def record(
    name: str,
    tables: Mapping[str, pd.DataFrame],
    settings: Mapping[str, Any],
    modules: Sequence[str],
    path: Path = PATH,
) -> Path:
    """Put a section into the table, in place of an earlier one of that name.

    Parameters
    ----------
    name
        Of the section.
    tables
        By name; plain numbers and texts.
    settings
        All that the numbers depend on, the seed among them.
    modules
        Modules that make the data, by their dotted names.
    """
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    entry: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "settings": dict(settings),
        "versions": versions(),
        "modules": sorted(modules),
        "code": code_hash(modules),
        "tables": {key: json.loads(table.to_json(orient="split", index=False, double_precision=6))
                   for key, table in tables.items()},
    }  # fmt: skip
    known[name] = entry | {"hash": _content_hash(entry)}
    return write_atomically(path, json.dumps(known, indent=1, sort_keys=True) + "\n")


def read(name: str, path: Path = PATH) -> Section:
    """One section of the committed table.

    Raises
    ------
    UserError
        Where it is missing, was edited, or was made by other generators than those of today.
    """
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if name not in known:
        raise UserError(f'{path.name} has no section "{name}": run `make calibrate`.')
    entry = known[name]
    if _content_hash(entry) != entry["hash"]:
        raise UserError(
            f'The section "{name}" of {path.name} is not what was measured: restore it from git, or run '
            "`make calibrate`."
        )
    if code_hash(entry["modules"]) != entry["code"]:
        raise UserError(
            f'The section "{name}" of {path.name} was made by an earlier version of {", ".join(entry["modules"])}: '
            "run `make calibrate`."
        )
    tables = {
        key: pd.DataFrame(part["data"], columns=part["columns"]) for key, part in entry["tables"].items()
    }
    return Section(tables, entry["settings"], entry["versions"], entry["date"])
