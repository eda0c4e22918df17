"""A chapter's main numbers: kept with its run, and shown beside those of the real models in the committed record."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.versions import commit
from emotion_utils.models.registry import reader_name
from emotion_utils.record.record_file import PATH, Part, chapter_code, read_record, rows_of
from emotion_utils.reports.claims import measurement_file
from emotion_utils.runtime.schema import chapter_schema

NOTHING = "–"


def keep_findings(run_path: str | Path, chapter: str, model: str, findings: pd.DataFrame) -> Path:
    """Write the main numbers of a chapter to ``<run_path>/findings/<chapter>[--<model>].json``, whole or not at all.

    Parameters
    ----------
    run_path
        Of the run.
    chapter
        Such as `03_emotion_vectors`.
    model
        As the chapter was given it; of a chapter on several models all their names, with commas between.
    findings
        Columns ``finding`` (words for readers, the same for every model), ``value, low, high`` (95 % interval),
        ``null`` (mean of what the same method gives where there is nothing) and ``n`` (units); NaN where there is none.

    Returns
    -------
    The file.

    Raises
    ------
    UserError
        Where a column is missing, a finding has no name or stands there twice, or a number is infinite.
    """
    path = findings_file(run_path, chapter, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "chapter": chapter,
        "model": model,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "code": chapter_code(chapter),
        "findings": rows_of(findings),
    }
    return write_atomically(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def findings_file(run_path: str | Path, chapter: str, model: str | None) -> Path:
    """Where the findings of a chapter are kept, apart for each model where the chapter takes one."""
    own = model if "model" in chapter_schema(chapter) else None
    return Path(run_path) / "findings" / measurement_file(run_path, chapter, own).name


def read_findings(path: Path) -> Mapping[str, Any]:
    """Read what a chapter kept with :func:`keep_findings`.

    Raises
    ------
    UserError
        Where the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows_of(pd.DataFrame(content["findings"]))
        return {name: content[name] for name in ("chapter", "model", "date", "commit", "code", "findings")}
    except FileNotFoundError:
        raise UserError(f"The findings {path} are missing: run the chapter again.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run its chapter again.") from error


def beside_record(chapter: str, findings: pd.DataFrame, model: str, path: Path = PATH) -> pd.DataFrame:
    """The findings of this run beside those of the real models, as texts for readers.

    Parameters
    ----------
    chapter
        Such as `03_emotion_vectors`.
    findings, model
        As for :func:`keep_findings`.
    path
        Of the record; without one there is a column for this run alone.

    Returns
    -------
    One row per finding, those of this run first: ``finding``, a column for this run, and one for each model or pair
    of the record. A cell is ``value (low to high); null``.
    """
    rows_of(findings)
    columns = {f"{reader_name(model)} (this run)": findings}
    columns |= {f"{reader_name(part.model)} (record)": part.table for part in _parts(chapter, path)}
    names = list(dict.fromkeys(name for table in columns.values() for name in table["finding"]))
    shown: dict[str, list[str]] = {"finding": names}
    for head, table in columns.items():
        cells = {row["finding"]: in_words(row) for row in table.to_dict("records")}
        shown[head] = [cells.get(name, NOTHING) for name in names]
    return pd.DataFrame(shown)


def caption(chapter: str, path: Path = PATH) -> str:
    """What the table of :func:`beside_record` is: since when its record stands, and whether its code still does."""
    parts = _parts(chapter, path)
    if not parts:
        return "On this model; there is no record of this chapter on real models yet"
    day = date.fromisoformat(max(part.date for part in parts))
    said = f"On real models, and here: value (95 % interval); null. Record of {day:%-d %B %Y}, commit {parts[0].commit}"
    if any(part.changed for part in parts):
        said += "; the code of this chapter has changed since"
    return said


def _parts(chapter: str, path: Path) -> tuple[Part, ...]:
    record = read_record(path)
    return record.of(chapter) if record else ()


def in_words(row: Mapping[str, Any]) -> str:
    """A finding as ``value (low to high); null``, with what there is of it."""
    value, low, high, null = (number_in_words(row[name]) for name in ("value", "low", "high", "null"))
    if not value:
        return NOTHING
    interval = f" ({low} to {high})" if low and high else ""
    return f"{value}{interval}" + (f"; null {null}" if null else "")


def number_in_words(number: float | None) -> str:
    """A number with two decimals where they tell enough: more near 0 and 1, fewer in large numbers, no exponent.

    Returns
    -------
    With a true minus sign; nothing for what is no number.
    """
    if number is None or not math.isfinite(number):
        return ""
    size = abs(number)
    if 0 < size < 0.001:
        return f"{Decimal(f'{number:.1g}'):f}".replace("-", "−")
    fine = 0 < size < 0.095 or 0.985 < size < 0.9995  # nearer to 1 a third decimal would say 1.000
    decimals = 3 if fine else 2 if size < 10 else 1 if size < 100 else 0
    return f"{number:,.{decimals}f}".replace("-", "−")
