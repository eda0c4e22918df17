"""False positives and power of RSA, CKA, neutral variance, the choice of k and the jackknife."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import product

import pandas as pd
import torch

from emotion_utils.calibration import ledger, similarity
from emotion_utils.planted import generators
from emotion_utils.statistics import permutations

SEED, PERMUTATIONS, NULL, SAMPLE = 50_000, 99, 300, 3
STRENGTHS, POWER = (0.2, 0.5), 60
WORKERS, CHUNK = 2, 20


def measured(kind: str, strength: float, start: int, n: int) -> pd.DataFrame:
    """Outcomes of some seeds, with the experiment and its strength beside them."""
    torch.set_num_threads(1)
    design, seeds = similarity.Design(), range(SEED + start, SEED + start + n)
    made = similarity.trials(design, kind, strength, seeds, PERMUTATIONS)
    return made.assign(kind=kind, strength=strength)


def main() -> None:
    """Measure, record in the committed table, print."""
    wanted = [
        (kind, strength, start, min(CHUNK, n - start))
        for kind, (strength, n) in product(
            similarity.KINDS, [(0.0, NULL), *((strength, POWER) for strength in STRENGTHS)]
        )
        for start in range(0, n, CHUNK)
    ]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, spawn) as pool:
        outcomes = pd.concat(pool.map(measured, *zip(*wanted, strict=True)), ignore_index=True)
    nothing, something = (outcomes[outcomes["strength"].eq(0) == none] for none in (True, False))
    false = similarity.rates(nothing)
    tables = {
        "false": false.assign(null=false["method"].map(similarity.NOTHING)),
        "power": pd.concat(
            [similarity.rates(own, strength=strength) for strength, own in something.groupby("strength")],
            ignore_index=True,
        ),
        "sample": nothing[nothing["seed"] < SEED + SAMPLE][["kind", "seed", "method", "number"]],
    }
    settings = {
        "seed": SEED,
        "permutations": PERMUTATIONS,
        "level": permutations.LEVEL,
        "design": asdict(similarity.Design()),
        "shown": max(STRENGTHS),
    }
    ledger.record("similarity", tables, settings, [generators.__name__, similarity.__name__])
    for table in tables.values():
        print(table.to_string())


if __name__ == "__main__":
    main()
