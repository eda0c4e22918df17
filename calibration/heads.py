"""A planted head: how often each method ranks it first, and how often the test finds a head where there is none."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial

import pandas as pd
import torch

from emotion_utils.calibration import ledger
from emotion_utils.planted import generators, handmade, heads
from emotion_utils.statistics import permutations

SEED, PERMUTATIONS, PLANTED, NULL = 30_000, 199, 100, 400
NULL_NOISE, NOISES, NOISE_DRAWS = 0.3, (0.3, 1.0), 20
CURVES = (
    "mean ablation", "attribution", "direct logit attribution", "patching z, denoising", heads.ATTENTION
)  # fmt: skip
SAMPLE, WORKERS, CHUNK = 5, 2, 20


def main() -> None:
    """Measure, record in the committed table, print."""
    laboratory = heads.Laboratory()
    noisy = replace(laboratory, noise=NULL_NOISE)
    seeds = range(SEED, SEED + PLANTED)
    ranked = spread(partial(heads.rankings, laboratory), seeds)
    nothing = spread(partial(heads.null_trials, noisy, n_permutations=PERMUTATIONS), range(SEED, SEED + NULL))
    few = ranked[(ranked["seed"] < SEED + NOISE_DRAWS) & ranked["method"].isin(CURVES)]
    pairs = {"rows": laboratory.units * len(generators.EMOTIONS)}
    least = heads.found(few, noise=laboratory.noise, **pairs)
    more = [louder(laboratory, noise, seeds[:NOISE_DRAWS], **pairs) for noise in NOISES]
    plain = partial(heads.rankings, replace(laboratory, decoys=0), methods=[heads.ATTENTION])
    tables = {
        "first": heads.found(ranked),
        "decoys": heads.found(spread(plain, seeds), decoys=0),
        "noise": pd.concat([least, *more], ignore_index=True),
        "false": heads.false_positives(nothing),
        "ranked": ranked[ranked["seed"] < SEED + SAMPLE],
        "sample": nothing[nothing["seed"] < SEED + SAMPLE],
    }
    settings = {
        "seed": SEED,
        "permutations": PERMUTATIONS,
        "level": permutations.LEVEL,
        "laboratory": asdict(laboratory),
        "null": asdict(noisy),
    }
    ledger.record("heads", tables, settings, [generators.__name__, handmade.__name__, heads.__name__])
    for table in tables.values():
        print(table.to_string())


def louder(laboratory: heads.Laboratory, noise: float, seeds: Sequence[int], **about: object) -> pd.DataFrame:
    """How often some methods rank the planted head first where all others write more noise."""
    ranked = partial(heads.rankings, replace(laboratory, noise=noise), methods=CURVES)
    return heads.found(spread(ranked, seeds), noise=noise, **about)


def spread(measure: Callable[[Sequence[int]], pd.DataFrame], seeds: Sequence[int]) -> pd.DataFrame:
    """Measure some seeds at a time, on two cores."""
    parts = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, spawn, torch.set_num_threads, (1,)) as pool:
        return pd.concat(pool.map(measure, parts), ignore_index=True)


if __name__ == "__main__":
    main()
