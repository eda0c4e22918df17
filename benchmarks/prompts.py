"""Reading and completing a file of 100,000 prompts, against pandas, which reads the table and checks nothing.

Ours adds an id and a split to every row and looks for emotion keywords. Both are counted in seconds of the processor,
and it is ours that is judged: whoever brings prompts should not wait for them.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from emotion_utils.prompts.loading import load_prompts
from emotion_utils.runtime.benchmarking import Row, in_turns, record

ROWS, REPEATS = 100_000, 5
KINDS = ("gratitude", "anger", "apology", "neutral")


def write(path: Path) -> Path:
    rows = "".join(f"Prompt number {i} is here.,{KINDS[i % len(KINDS)]}\n" for i in range(ROWS))
    path.write_text("text,emotion\n" + rows, encoding="utf-8")
    return path


def main() -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "prompts.csv")
        ours, other = in_turns(
            lambda: load_prompts(path), lambda: pd.read_csv(path), REPEATS, clock=time.process_time
        )
    unit = f"ours over pandas.read_csv, {ROWS:,} prompts; seconds of the processor"
    record(Row("prompts_loading", ours, other, ours / other, unit, REPEATS))


if __name__ == "__main__":
    main()
