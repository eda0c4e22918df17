"""The ledger as a file, ``build/<run>/claims.json``: for other programs, and for the pages of other runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_origin, get_type_hints

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.ledger.records import VERDICTS, Entry, Row
from emotion_utils.scrutiny.rules import SCRUTINY

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Run

Record = TypeVar("Record")
NAME = "claims.json"
SCHEMA = 3
"""Of the file; a reader refuses another one, whose verdicts were given by other rules."""


@dataclass(frozen=True)
class Ledger:
    """All claims as a run leaves them.

    Attributes
    ----------
    run, profile
        Of the run.
    entries
        In the order of `data/claims.csv`.
    """

    run: str
    profile: str
    entries: tuple[Entry, ...]


def write(run: Run, entries: Sequence[Entry]) -> Path:
    """Write ``claims.json`` into the folder of a run, whole or not at all."""
    content = {
        "schema": SCHEMA,
        "run": run.name,
        "profile": run.profile,
        "claims": [asdict(entry) for entry in entries],
    }
    run.directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return write_atomically(run.directory / NAME, text)


def read(directory: str | Path) -> Ledger:
    """The ledger of the run in a folder such as ``build/small``.

    Raises
    ------
    UserError
        Where there is none, it is damaged, or was written in another format.
    """
    path = Path(directory) / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        schema = content["schema"]
        if schema == SCHEMA:
            return _ledger(content)
    except FileNotFoundError:
        raise UserError(f"There is no ledger {path}: `make book` writes it, with the pages.") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it, or run its book again.") from error
    raise UserError(
        f"{path} has the format {schema!r}, and this is {SCHEMA}: delete it, or run its book again."
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number that JSON knows")


def _ledger(content: Mapping[str, Any]) -> Ledger:
    entries = tuple(
        _typed(Entry, {**claim, **{kind: _rows(claim.get(kind, [])) for kind in ("rows", "record")}})
        for claim in content["claims"]
    )
    twice = [name for name, times in Counter(entry.id for entry in entries).items() if times > 1]
    if twice:
        raise ValueError(f"the claim {twice[0]!r} stands there twice")
    for entry in entries:
        unknown = {entry.verdict, *(row.verdict for row in entry.rows + entry.record)} - set(VERDICTS)
        unknown |= {entry.scrutiny} - set(SCRUTINY)
        if unknown:
            raise ValueError(f"{entry.id} has the verdict {unknown.pop()!r}")
    return _typed(Ledger, {"run": content["run"], "profile": content["profile"], "entries": entries})


def _rows(rows: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    return tuple(_typed(Row, row) for row in rows)


def _typed(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """A record whose fields have the types that it declares; JSON alone does not promise that."""
    for name, hint in get_type_hints(kind).items():
        if name in values and not isinstance(values[name], tuple if get_origin(hint) is tuple else hint):
            raise TypeError(f"{name} is {values[name]!r}")
    return kind(**values)


def others(run: Run) -> list[Path]:
    """Folders of the other runs beside this one whose ledger has today's format, or is damaged, by name.

    One that was written by older rules would put their verdicts beside today's, and is left out.
    """
    found = sorted(run.directory.parent.glob(f"*/{NAME}"))
    return [path.parent for path in found if path.parent != run.directory and not _older(path)]


def _older(path: Path) -> bool:
    """Whether a file is a ledger of another format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA
