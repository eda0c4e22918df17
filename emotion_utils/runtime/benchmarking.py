"""Side-by-side measurements: medians of repeats that take turns, so that a slow moment of the machine hits both.

`python -m emotion_utils.runtime.benchmarking` publishes what was measured, with the machine that it was measured on.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import write_atomically
from emotion_utils.core.paths import BUILD, DATA
from emotion_utils.core.versions import commit, versions

BENCH = BUILD / "bench.json"
PUBLISHED = DATA / "bench.json"

BARS: dict[str, tuple[str, str, float]] = {
    "extraction_overhead": ("ratio", "at most", 1.2),
    "extraction_vs_single": ("ratio", "at least", 10.0),
    "extraction_memory": ("ours", "at most", 2000.0),
    "permutation_null_vs_refit": ("ratio", "at least", 50.0),
    "steering_packed_vs_loop_8": ("ratio", "at least", 4.0),
    "steering_packed_vs_loop_64": ("ratio", "at least", 1.0),
    "steering_packed_vs_published": ("ratio", "at least", 6.0),
    "steering_overhead": ("ratio", "at most", 1.3),
    "head_attribution_vs_exact": ("ratio", "at least", 3.2),
    "head_resume_vs_loop": ("ratio", "at least", 1.5),
    "bootstrap_vs_loop": ("ratio", "at least", 100.0),
    "predictor_training": ("ratio", "at least", 0.6),
    "sae_training": ("ratio", "at least", 0.5),
    "prompts_loading": ("ours", "at most", 3.0),
    "classifier_training": ("ours", "at most", 3.0),
    "scrutiny_of_all_claims": ("ours", "at most", 5.0),
    "import_of_the_package": ("ours", "at most", 0.05),
    "real_extraction_overhead": ("ratio", "at most", 1.0),
    "real_extraction_vs_lens": ("ratio", "at least", 1.0),
    "real_extraction_vs_nnsight": ("ratio", "at least", 1.0),
    "real_steering_vs_peers_16": ("ratio", "at least", 2.5),
    "real_steering_vs_peers_4": ("ratio", "at least", 6.0),
    "real_steering_overhead": ("ratio", "at most", 1.05),
    "real_screening_vs_sweep": ("ratio", "at least", 10.0),
}
"""What each row has to reach: the column that is judged, the direction and the bound."""


@dataclass(frozen=True)
class Row:
    """One comparison: ours and the other, the ratio that is judged, its unit, and the number of repeats.

    Both sides are medians in seconds, unless the unit says what else they are. NaN could not be measured, and the unit
    says why.
    """

    name: str
    ours: float
    other: float
    ratio: float
    unit: str
    n: int


def turns(
    functions: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
    *,
    warm: bool = True,
) -> pd.DataFrame:
    """Seconds of functions that take turns, so that a slow moment of the machine hits all of them.

    Parameters
    ----------
    functions
        By name.
    repeats
    clock
        ``time.process_time`` where seconds of the processor are judged, which a busy machine stretches less.
    warm
        Whether each is called once before, unmeasured.

    Returns
    -------
    One row per turn, one column per function.
    """
    rows = []
    for _ in range(repeats + warm):
        taken = {}
        for name, function in functions.items():
            began = clock()
            function()
            taken[name] = clock() - began
        rows.append(taken)
    return pd.DataFrame(rows[warm:], columns=list(functions))


def in_turns(
    ours: Callable[[], object],
    other: Callable[[], object],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """Median seconds of two functions in :func:`turns`."""
    seconds = turns({"ours": ours, "other": other}, repeats, clock).median()
    return float(seconds["ours"]), float(seconds["other"])


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


def publish(source: Path = BENCH, target: Path = PUBLISHED) -> Path:
    """Put the measured rows where the book reads them, with date, commit, machine and package versions.

    Rows that stand there and were not measured now stay, with the date and the commit that they were measured at.

    Raises
    ------
    UserError
        Where nothing was measured yet, or a row has no bar in :data:`BARS`.
    """
    if not source.is_file():
        raise UserError(f"There is nothing to publish in {source}: run `make bench` first.")
    rows = json.loads(source.read_text(encoding="utf-8"))
    missing = sorted({row["name"] for row in rows} - set(BARS))
    if missing:
        raise UserError(f'The measurement "{missing[0]}" has no bar: add one to BARS in benchmarking.py.')
    now = {"date": datetime.now(UTC).date().isoformat(), "commit": commit()}
    rows = [row | now for row in rows]
    if target.is_file():
        names = {row["name"] for row in rows}
        before = json.loads(target.read_text(encoding="utf-8"))
        then = {"date": before["date"], "commit": before["commit"]}
        rows = [then | row for row in before["rows"] if row["name"] not in names] + rows
    about = now | {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "packages": versions(),
    }
    return write_atomically(target, json.dumps(about | {"rows": rows}, indent=1) + "\n")


def published(path: Path = PUBLISHED) -> tuple[pd.DataFrame, dict[str, str]]:
    """The published rows with their bars, and what they were measured with.

    Returns
    -------
    Columns ``name, ours, other, ratio, unit, n, date, commit, bar, met``, and of the last time
    ``date``, ``commit`` and ``machine``.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    when = {"date": content["date"], "commit": content["commit"]}
    table = pd.DataFrame([when | row for row in content["rows"]])
    table = table[[*Row.__annotations__, *when]]
    judged = []
    for row in content["rows"]:
        column, direction, bound = BARS[row["name"]]
        met = row[column] <= bound if direction == "at most" else row[column] >= bound
        verdict = "not measured" if isnan(row[column]) else "yes" if met else "no"
        judged.append((f"{column} {direction} {bound:,g}", verdict))
    table[["bar", "met"]] = judged
    return table, {name: content[name] for name in ("date", "commit", "machine")}


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of :func:`published` for a page: what decides first, and three digits of every number."""
    shown = table[["name", "met", "bar", "ratio", "ours", "other", "unit", "n", "date", "commit"]].copy()
    for column in ("ratio", "ours", "other"):
        shown[column] = [
            "–" if isnan(value) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            for value in table[column]
        ]
    return shown


if __name__ == "__main__":
    print(f"Published in {publish()}.")
