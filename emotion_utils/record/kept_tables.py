"""Tables that took long to make, kept in a file with what they were made from and a hash of the code that made them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import code_digest, digest, read_sealed, write_sealed
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.core.sources import module_sources
from emotion_utils.core.store import from_columns, to_columns

NOT_COUNTED = ("__init__.py", "sizes.py", "sources.py", "name_uses.py", "hashing.py")
"""Files that hand on names, say how much is done, and know what code there is."""


class KeptTables(NamedTuple):
    """What such a file holds.

    Attributes
    ----------
    about
        What the tables were made from: values that JSON knows.
    tables
        By name.
    """

    about: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def write_tables(
    path: Path, about: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], schema: int
) -> Path:
    """Write tables with their hash, whole or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**about, "tables": {name: to_columns(table) for name, table in tables.items()}}
    return write_sealed(path, content, schema)


def read_tables(path: Path, schema: int, mend: str) -> KeptTables | None:
    """Read them back; None where there is no such file.

    Parameters
    ----------
    path
    schema
        Of the file.
    mend
        How it can be had again, for errors.

    Raises
    ------
    UserError
        Where it is damaged, was edited, or has another format.
    """
    if not path.is_file():
        return None
    content = read_sealed(path, schema, mend)
    found = {name: from_columns(columns) for name, columns in content.pop("tables").items()}
    return KeptTables(content, found)


def code_behind(modules: Iterable[str], root: Path = PROJECT_ROOT) -> str:
    """Hash of all code that some modules compute by, in hexadecimal, without comments and words.

    What computes no number is left out (:data:`NOT_COUNTED`), and so are the sizes, which a record keeps.
    """
    kept = [path for path in module_sources(list(modules), root) if path.name not in NOT_COUNTED]
    texts = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in kept}
    return digest({name: code_digest(text) if name.endswith(".py") else text for name, text in texts.items()})


def command(
    parser: ArgumentParser, make: Callable[[Namespace], Path], argv: Sequence[str] | None = None
) -> int:
    """Make a record as a command does, and say where it is; bad input ends in one sentence and status 2.

    Parameters
    ----------
    parser
    make
        Writes the record that the options ask for.
    argv
        By default those of the process.
    """
    options = parser.parse_args(argv)
    try:
        path = make(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {path.parent.name}/{path.name}.")
    return 0
