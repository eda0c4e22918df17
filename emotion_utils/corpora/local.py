"""Texts on this machine: a folder with a folder per label, a file of rows with text and label, or one text file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.paths import expanded
from emotion_utils.corpora.documents import Corpus, Document
from emotion_utils.prompts.files import FORMATS, SIGNATURES, UTF16_MARKS, UTF32_MARKS, read_rows


def local(path: str | Path, text: str = "text", label: str = "label", group: str | None = None) -> Corpus:
    """Read a folder or a file.

    Parameters
    ----------
    path
        A folder, where each folder in it is a label and each file below that a document (files that stand in it
        directly have the folder's own name as label); a CSV, TSV or JSONL file with a document per row; or a text
        file, which is one document.
    text, label
        Columns of a file of rows; a file without the column of labels is one domain, by the file's name.
    group
        Column of what may not stand on two sides of a split; each row of its own if not given.

    Returns
    -------
    Documents in the order of their names, or of the rows.

    Raises
    ------
    UserError
        For a path that is not there, an empty folder, a file that is empty, binary or not UTF-8 (with file and byte),
        and a row without text.
    """
    path = expanded(path)
    if path.is_dir():
        documents = tuple(_folder(path))
    elif path.suffix.lower() in FORMATS:
        documents = tuple(_rows(path, text, label, group))
    else:
        documents = (Document(read_text(path), path.stem, path.name, path.name),)
    return Corpus(str(path), documents)


def _folder(folder: Path) -> Iterator[Document]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not _hidden(file, folder)]
    if not files:
        raise UserError(
            f"The folder {folder} has no files: put a folder for each label into it, with text files (UTF-8)."
        )
    for file in files:
        inside = file.relative_to(folder)
        label = inside.parts[0] if len(inside.parts) > 1 else folder.resolve().name
        yield Document(read_text(file), label, str(inside), str(inside))


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def read_text(path: Path) -> str:
    """Read a UTF-8 file; a byte order mark is dropped, and no other encoding is guessed.

    Raises
    ------
    UserError
        Naming the file, the byte where it is not UTF-8, and what to do.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"There is no file {path} (looked from {Path.cwd()}): check the path.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    _refuse_binary(data, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = f"byte {error.start + 1} is 0x{data[error.start]:02x}"
        raise UserError(
            f"{path} is not UTF-8 ({at}): save it as UTF-8, or take it out of the folder."
        ) from error
    if not text.strip():
        raise UserError(f"{path} is empty: write text into it, or take it out of the folder.")
    return text.replace("\r\n", "\n")


def _refuse_binary(data: bytes, path: Path) -> None:
    wide = {UTF32_MARKS: "UTF-32", UTF16_MARKS: "UTF-16"}
    named = [name for marks, name in wide.items() if data.startswith(marks)]
    kinds = [what for signature, what in SIGNATURES.items() if data.startswith(signature)]
    if named:
        raise UserError(f"{path} is {named[0]} (bytes 1 to 2 say so), not UTF-8: save it as UTF-8.")
    if kinds:
        raise UserError(f"{path} is {kinds[0]}, not text: take it out of the folder, or export its text.")
    at = data.find(b"\0")
    if at >= 0:
        raise UserError(
            f"{path} is a binary file (byte {at + 1} is NUL), not text: take it out of the folder."
        )


def _rows(path: Path, text: str, label: str, group: str | None) -> Iterator[Document]:
    columns, rows = read_rows(path)
    asked = [text, *([group] if group else [])]
    absent = [column for column in asked if column not in columns]
    if absent:
        raise UserError(
            f'{path.name} has no column "{absent[0]}": its columns are {listing(columns)}; name one of them.'
        )
    for line, fields in rows:
        words = fields.get(text)
        if not isinstance(words, str) or not words.strip():
            raise UserError(
                f'{path.name}, line {line}, has no text in "{text}" (found {str(words)[:40]!r}): fill it in, or take '
                "the line out."
            )
        domain = _label(fields, label, path, line) if label in columns else path.stem
        own = str(fields[group]) if group and fields.get(group) is not None else f"{path.name}, line {line}"
        yield Document(words, domain, own, f"{path.name}, line {line}")


def _label(fields: dict[str, Any], label: str, path: Path, line: int) -> str:
    value = fields.get(label)
    if value is None or not str(value).strip():
        raise UserError(f'{path.name}, line {line}, has no "{label}": fill it in, or take the line out.')
    return str(value).strip()
