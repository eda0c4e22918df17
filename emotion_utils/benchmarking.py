"""Side-by-side measurements: medians of repeats that take turns, so that a slow moment of the machine hits both."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from emotion_utils.files import write_atomically
from emotion_utils.paths import BUILD

__all__ = ["BENCH", "Row", "in_turns", "record"]

BENCH = BUILD / "bench.json"


@dataclass(frozen=True)
class Row:
    """One comparison: ours and the other, the ratio that is judged, its unit, and the number of repeats.

    Both sides are medians in seconds, unless the unit says what else they are.
    """

    name: str
    ours: float
    other: float
    ratio: float
    unit: str
    n: int


def in_turns(
    ours: Callable[[], object], other: Callable[[], object], repeats: int, warmup: int = 1
) -> tuple[float, float]:
    """Median seconds of two functions that are called in turns: ours, other, ours, other, ..."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(warmup + repeats):
        for function, taken in zip((ours, other), times, strict=True):
            began = time.perf_counter()
            function()
            if turn >= warmup:
                taken.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


def record(row: Row, path: Path = BENCH) -> Row:
    """Put a row into the list at ``path``, in place of an earlier one of that name, and print it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    rows = [r for r in known if r["name"] != row.name] + [asdict(row)]
    write_atomically(path, json.dumps(rows, indent=1) + "\n")
    print(
        f"{row.name}: ours {row.ours:.4g}, other {row.other:.4g}, ratio {row.ratio:.3g} ({row.unit}, n = {row.n})"
    )
    return row
