"""Data sets of a hub, read row by row until there are enough documents of each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emotion_utils.core.errors import UserError, listing
from emotion_utils.corpora.documents import Corpus, Document

PER_LABEL = 200
ROWS = 20_000


def stream(
    name: str,
    *,
    text: str = "text",
    label: str = "label",
    per_label: int = PER_LABEL,
    rows: int = ROWS,
    split: str = "train",
    config: str | None = None,
    data_files: str | None = None,
) -> Corpus:
    """Read the first documents of each label of a data set.

    Parameters
    ----------
    name
        Of the data set, such as ``monology/pile-uncopyrighted``; or a format (``json``) with ``data_files``.
    text, label
        Columns; a dot leads into a column that holds columns. The Pile has ``text`` and ``meta.pile_set_name``.
    per_label
        Documents of each label.
    rows
        Rows that are looked at.
    split, config, data_files
        As in ``datasets.load_dataset``.

    Returns
    -------
    Each document is a group of its own; the notes say how many rows were looked at.

    Raises
    ------
    UserError
        Where the package ``datasets`` is missing, the data set cannot be opened, or a row lacks a column.
    """
    opened = _opened(name, config, split, data_files)
    documents, looked_at = take(opened, name, text, label, per_label, rows)
    found = Counter(document.domain for document in documents)
    short = sorted(domain for domain, count in found.items() if count < per_label)
    notes = [
        f"The first {looked_at:,} rows of {name} were looked at, for up to {per_label} documents of each label."
    ]
    if short:
        notes.append(
            f"{listing(f'{domain} ({found[domain]})' for domain in short)} have fewer: look at more rows."
        )
    return Corpus(f"hub:{name}", documents, tuple(notes))


def take(
    rows: Iterable[Mapping[str, Any]], name: str, text: str, label: str, per_label: int, limit: int
) -> tuple[tuple[Document, ...], int]:
    """The first ``per_label`` documents of each label among the first ``limit`` rows, and how many rows there were.

    Raises
    ------
    UserError
        Where a row lacks a column, or none has text.
    """
    found: list[Document] = []
    counts: Counter[str] = Counter()
    looked_at = 0
    for looked_at, row in _numbered(rows, name, limit):
        words, domain = _at(row, text, name), str(_at(row, label, name))
        if counts[domain] < per_label and isinstance(words, str) and words.strip():
            counts[domain] += 1
            found.append(Document(words, domain, f"row {looked_at}", f"{name}, row {looked_at}"))
    if not found:
        raise UserError(
            f'{name} has no text in the column "{text}" of its first {limit:,} rows: name another column.'
        )
    return tuple(found), looked_at


def _numbered(
    rows: Iterable[Mapping[str, Any]], name: str, limit: int
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows counted from 1; what breaks on the way is said in a sentence."""
    iterator = iter(rows)
    for number in range(1, limit + 1):
        try:
            row = next(iterator, None)
        except Exception as error:
            raise UserError(_why_not(name, error, f"broke off after {number - 1} rows")) from error
        if row is None:
            return
        yield number, row


def _at(row: Mapping[str, Any], column: str, name: str) -> Any:
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UserError(
                f'{name} has no column "{column}": its rows have {listing(row)}; name one of them.'
            )
        value = value[part]
    return value


def _opened(name: str, config: str | None, split: str, data_files: str | None) -> Iterable[Mapping[str, Any]]:
    try:
        # an optional package that takes seconds to import
        from datasets import load_dataset  # type: ignore[import-untyped]
    except ImportError:
        raise UserError(
            f"To stream {name} the package `datasets` is needed: `pip install datasets`, or choose `packages` or a "
            "folder."
        ) from None
    try:
        return load_dataset(name, config, split=split, data_files=data_files, streaming=True)
    except Exception as error:
        raise UserError(_why_not(name, error, "could not be opened")) from error


def _why_not(name: str, error: Exception, what: str) -> str:
    reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
    return (
        f"The data set {name} {what} ({type(error).__name__}: {reason}): check its name and the network, or choose "
        "`packages`, which needs none."
    )
