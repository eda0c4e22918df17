"""Memory above the loaded model while 50,000 prompts are streamed, against what holding all of it would take.

All readable hook points of all layers at three positions; the peak is that of the whole process (ru_maxrss), after
a first hundred prompts have brought in what any extraction needs. It includes the table of prompts itself.
"""

from __future__ import annotations

import resource
import time

import pandas as pd
import torch

from emotion_utils.activations.extraction import READABLE, points, stream
from emotion_utils.models.model import load
from emotion_utils.prompts import loading
from emotion_utils.runtime.benchmarking import Row, record

MODEL, PROMPTS, POSITIONS = "small-gpt2", 50_000, ("end", "emotion", "mean")


def peak() -> float:
    """Most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def repeated(table: pd.DataFrame, n: int) -> pd.DataFrame:
    many = pd.concat([table] * (n // len(table) + 1), ignore_index=True).head(n)
    return many.assign(id=[f"{name}-{i}" for i, name in enumerate(many["id"])])


def main() -> None:
    torch.set_num_threads(2)
    model = load(MODEL)
    table = loading.load_profile("powered")
    where = points(model, READABLE)
    for _ in stream(model, table.head(100), where, POSITIONS, progress=False):
        pass
    before, held, began = peak(), 0, time.perf_counter()
    for part in stream(model, repeated(table, PROMPTS), where, POSITIONS, progress=False):
        held += sum(values.numel() * values.element_size() for values in part.values.values())
    ours, whole = peak() - before, held / 2**20
    print(f"{PROMPTS} prompts in {time.perf_counter() - began:.0f} s")
    record(
        Row("extraction_memory", ours, whole, whole / ours, "all held over the peak; MB above the model", 1)
    )


if __name__ == "__main__":
    main()
