"""``import emotion_utils``, which opens no room, against importing the room that loads models.

Each import is made in a process of its own and timed inside it, so that starting Python does not count. That the first
one loads neither torch, pandas nor numpy is a test (tests/test_front_door.py), not a time.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from emotion_utils.runtime.benchmarking import Row, record

REPEATS = 7
TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def seconds(module: str) -> float:
    """What the import takes in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(module)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    taken = [(seconds("emotion_utils"), seconds("emotion_utils.models.model")) for _ in range(1 + REPEATS)]
    # the first turn fills the caches of the file system
    ours, other = (statistics.median(side) for side in zip(*taken[1:], strict=True))
    record(Row("import_of_the_package", ours, other, other / ours, "the loader of models over ours", REPEATS))


if __name__ == "__main__":
    main()
