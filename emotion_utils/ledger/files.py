"""The ledger as a file, ``build/<run>/claims.json``: for other programs, and for the pages of other runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_utils.errors import UserError
from emotion_utils.files import write_atomically
from emotion_utils.ledger.records import Entry, Row

if TYPE_CHECKING:
    from emotion_utils.runs import Run

__all__ = ["NAME", "SCHEMA", "Ledger", "others", "read", "write"]

NAME = "claims.json"
SCHEMA = 1
"""Of the file; a reader refuses another one."""


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
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise UserError(
                f"{path} has the format {content['schema']}, and this is {SCHEMA}: delete it, or run its book again."
            )
        entries = tuple(
            Entry(**{**claim, "rows": tuple(Row(**row) for row in claim["rows"])})
            for claim in content["claims"]
        )
        return Ledger(content["run"], content["profile"], entries)
    except FileNotFoundError:
        raise UserError(f"There is no ledger {path}: `make book` writes it, with the pages.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it, or run its book again.") from error


def others(run: Run) -> list[Path]:
    """Folders of the other runs beside this one that have a ledger, by name."""
    found = sorted(run.directory.parent.glob(f"*/{NAME}"))
    return [path.parent for path in found if path.parent != run.directory]
