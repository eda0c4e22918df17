"""Reading anybody's prompt file: bytes to rows, with one clear sentence where that is not possible."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import POINTER
from emotion_utils.core.paths import expanded

Row = tuple[int, dict[str, Any]]
"""A line number (from 1) and the fields found there."""

FORMATS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
SIGNATURES = {
    POINTER: "the Git LFS pointer of a file (`git lfs pull` brings the file)",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a SQLite database",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
}
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF32_MARKS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
NEWLINE = re.compile(r"\r\n|\r|\n")


def read_rows(
    path: str | Path, *, encoding: str = "utf-8", separator: str | None = None, file_format: str | None = None
) -> tuple[list[str], list[Row]]:
    """Read a CSV, TSV or JSON Lines file.

    Parameters
    ----------
    path
        The file. Its ending says the format, unless `file_format` does.
    encoding
        Of the bytes; a UTF-8 byte order mark is dropped.
    separator
        Between the columns of a CSV, a comma if not given.
    file_format
        `csv`, `tsv` or `jsonl`.

    Returns
    -------
    The column names in order of appearance, and the rows with their line numbers.

    Raises
    ------
    UserError
        For a file that is missing, empty, binary, wrongly encoded or not well formed.
    """
    path = expanded(path)
    kind = _format_of(path, file_format)
    _check_separator(separator)
    text = _decode(_read_bytes(path), path, encoding)
    if kind == "jsonl":
        rows = list(_json_rows(text, path))
        columns = list(dict.fromkeys(name for _, fields in rows for name in fields))
    else:
        columns, rows = _delimited_rows(text, path, separator or ("\t" if kind == "tsv" else ","))
    if not rows:
        raise UserError(f"{path.name} has no rows: write at least one prompt below the column names.")
    return columns, rows


def _check_separator(separator: str | None) -> None:
    if separator is not None and (len(separator) != 1 or separator in '"\r\n\0'):
        raise UserError(
            f"The separator is {separator!r}: pass one character, such as ';', which stands between all columns; where "
            "several do, write commas in their place."
        )


def _format_of(path: Path, file_format: str | None) -> str:
    kind = file_format or FORMATS.get(path.suffix.lower())
    if kind in ("csv", "tsv", "jsonl"):
        return kind
    raise UserError(
        f"The format of {path.name!r} is unknown: name the file .csv, .tsv or .jsonl, "
        f"or pass file_format='csv', 'tsv' or 'jsonl' (found {file_format or path.suffix or 'no ending'!r})."
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise UserError(
            f"{str(path)!r} is a folder, not a prompt file: name one CSV, TSV or JSONL file in it."
        ) from None
    except (FileNotFoundError, ValueError):  # a path with a NUL is no path
        link = f" (a link to {path.readlink()}, which is not there)" if _is_link(path) else ""
        raise UserError(
            f"There is no file {str(path)!r}{link}: check the path (looked from {Path.cwd()})."
        ) from None
    except OSError as error:
        raise UserError(
            f"{str(path)!r} could not be read ({error.strerror}): check the path and its permissions."
        ) from error


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except ValueError:
        return False


def _decode(data: bytes, path: Path, encoding: str) -> str:
    if not data.strip():
        raise UserError(f"{path.name} is empty: write a header and at least one prompt into it.")
    for signature, what in SIGNATURES.items():
        if data.startswith(signature):
            raise UserError(
                f"{path.name} is {what}, not a file of prompts: export the prompts as CSV, TSV or JSONL."
            )
    is_utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")
    if is_utf8:
        _refuse_foreign(data, path)
    try:
        text = data.decode("utf-8-sig" if is_utf8 else encoding)
    except UnicodeDecodeError as error:
        raise UserError(_wrong_encoding(data, error, path, encoding)) from error
    except LookupError as error:
        raise UserError(
            f"There is no encoding {encoding!r}: pass one such as 'utf-8' or 'cp1252'."
        ) from error
    return text.removeprefix("\ufeff")


def _refuse_foreign(data: bytes, path: Path) -> None:
    if data.startswith(UTF32_MARKS):
        raise UserError(f"{path.name} is UTF-32, not UTF-8: pass encoding='utf-32', or save it as UTF-8.")
    if data.startswith(UTF16_MARKS):
        raise UserError(f"{path.name} is UTF-16, not UTF-8: pass encoding='utf-16', or save it as UTF-8.")
    at = data.find(b"\0")
    if at >= 0:
        raise UserError(
            f"{path.name} looks like a binary file: byte {at + 1} (line {_line_of(data, at)}) is NUL. "
            "Give a text file in CSV, TSV or JSONL, or pass its encoding, for example encoding='utf-16-le'."
        )


def _wrong_encoding(data: bytes, error: UnicodeDecodeError, path: Path, encoding: str) -> str:
    at = error.start
    byte = data[at : at + 1]
    guess = byte.decode("cp1252", errors="replace")
    lines = data.split(b"\n")
    mixed = any(_is_foreign_utf8(line) for line in lines)
    found = "mixes encodings" if mixed else f"is not {encoding}"
    more = (
        f", while line {1 + next(i for i, x in enumerate(lines) if _is_foreign_utf8(x))} is UTF-8"
        if mixed
        else ""
    )
    return (
        f"{path.name} {found}: byte {at + 1} (line {_line_of(data, at)}) is 0x{byte.hex()}{more}. Save the file as "
        f"UTF-8, or pass its encoding (in encoding='cp1252' that byte reads {guess!r})."
    )


def _is_foreign_utf8(line: bytes) -> bool:
    try:
        return not line.isascii() and bool(line.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _line_of(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


def _json_rows(text: str, path: Path) -> Iterator[Row]:
    if text.lstrip().startswith("["):
        raise UserError(f"{path.name} is one JSON list: write one object per line (JSON Lines) instead.")
    for number, line in enumerate(NEWLINE.split(text), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line, object_pairs_hook=_unique)
        except RecursionError:
            raise UserError(
                f"{path.name}, line {number}, is nested too deeply: write one flat object there."
            ) from None
        except ValueError as error:
            where = f"line {number}, column {getattr(error, 'colno', 1)}"
            raise UserError(f"{path.name}, {where}, is not JSON: {getattr(error, 'msg', error)}.") from error
        if not isinstance(fields, dict):
            raise UserError(
                f'{path.name}, line {number}, is not a JSON object: write {{"text": ..., ...}} there.'
            )
        yield number, fields


def _unique(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of which Python would silently keep the last of two values under one name."""
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the name "{twice}" is written twice')
    return found


def _delimited_rows(text: str, path: Path, separator: str) -> tuple[list[str], list[Row]]:
    # a prompt may be longer than the csv module's default limit of 128 KiB per field
    old_limit = csv.field_size_limit(max(len(text), 131_072))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        columns = [name.strip() for name in next((row for row in reader if any(row)), [])]
        _check_header(columns, path, separator)
        return columns, [
            (reader.line_num, _fields(columns, row, reader.line_num, path)) for row in reader if any(row)
        ]
    except csv.Error as error:
        raise UserError(
            f"{path.name}, line {reader.line_num}, is not well formed ({error}): check the quotes; "
            'a quote inside a quoted text is written twice ("").'
        ) from error
    finally:
        csv.field_size_limit(old_limit)


def _check_header(columns: list[str], path: Path, separator: str) -> None:
    if not columns:
        raise UserError(
            f"{path.name} names no columns: write for example text,emotion in its first line and a prompt below."
        )
    other = next((m for m in SEPARATORS if len(columns) == 1 and m != separator and m in columns[0]), None)
    if other:
        raise UserError(
            f"{path.name} has {SEPARATORS[other]} between its columns, not "
            f"{SEPARATORS.get(separator, repr(separator))}: pass separator={other!r}, or save it with commas."
        )
    twice = [name for name in columns if columns.count(name) > 1 and name]
    if twice:
        raise UserError(f"{path.name} has two columns named {twice[0]!r}: rename one of them.")


def _fields(columns: list[str], row: list[str], line: int, path: Path) -> dict[str, Any]:
    if len(row) > len(columns):
        raise UserError(
            f"{path.name}, line {line}, has {len(row)} fields but the header names {len(columns)}: "
            "put a text that contains the separator into double quotes."
        )
    return dict(zip(columns, row, strict=False))
