"""Work for the cores that a measurement leaves idle: a run has none, and cores share units, caches and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from emotion_utils.runtime.snakemake import available_cores

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MULTIPLY = """
import torch
torch.set_num_threads(1)
rows, weight = torch.randn(256, 512), torch.randn(2048, 512)
print("at work", flush=True)
while True:
    torch.nn.functional.linear(rows, weight)
"""


@contextmanager
def busy_neighbours(count: int | None = None) -> Iterator[list[subprocess.Popen[str]]]:
    """Keep processes at work beside this one, one on each other core, from their first product on.

    Parameters
    ----------
    count
        How many; by default one less than the cores that this process may use.
    """
    wanted = available_cores() - 1 if count is None else count
    command, environment = [sys.executable, "-c", MULTIPLY], {**os.environ, **ONE_THREAD}
    processes: list[subprocess.Popen[str]] = []
    try:
        for _ in range(wanted):
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        for process in processes:
            if process.stdout is not None:
                process.stdout.readline()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()
