"""Records of real models with numbers that were made up, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from emotion_utils.record.record_file import COLUMNS, Part, Record, rows_of, write_record
from emotion_utils.reports.claims import Measurement

NAN = float("nan")


def findings(*rows: tuple[object, ...]) -> pd.DataFrame:
    """Findings from rows (finding, value, low, high, null, n)."""
    return pd.DataFrame(list(rows), columns=COLUMNS)


def part(
    chapter: str,
    model: str,
    *rows: tuple[object, ...],
    code: str = "as it was",
    measurements: Sequence[Measurement] = (),
) -> Part:
    """One page of a record."""
    kept = tuple(rows_of(findings(*rows)))
    return Part(chapter, model, "2026-11-29", "abc123", code, {"seed": 0}, kept, tuple(measurements))


def record(path: Path, *parts: Part) -> Path:
    """Write a record of some pages."""
    return write_record(Record("real", "baseline", "2026-11-30", "abc123", parts), path)
