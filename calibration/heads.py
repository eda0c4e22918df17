"""A planted head: how often each method ranks it first, and how often the test finds a head where there is none."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial

import pandas as pd
import torch

from emotion_utils.calibration import generators, handmade, ledger, planted_head, trials

SEED, PERMUTATIONS, PLANTED, NULL = 30_000, 199, 100, 400
NULL_NOISE, NOISES, NOISE_DRAWS = 0.3, (0.3, 1.0), 20
CURVES = (
    "mean ablation", "attribution", "direct logit attribution", "patching z, denoising", planted_head.ATTENTION
)  # fmt: skip
SAMPLE, WORKERS, CHUNK = 5, 2, 20


def main() -> None:
    """Measure, record in the committed table, print."""
    laboratory = planted_head.Laboratory()
    noisy = replace(laboratory, noise=NULL_NOISE)
    seeds = range(SEED, SEED + PLANTED)
    ranked = spread(partial(planted_head.rankings, laboratory), seeds)
    nothing = spread(
        partial(planted_head.null_trials, noisy, n_permutations=PERMUTATIONS), range(SEED, SEED + NULL)
    )
    few = ranked[(ranked["seed"] < SEED + NOISE_DRAWS) & ranked["method"].isin(CURVES)]
    pairs = {"rows": laboratory.units * len(generators.EMOTIONS)}
    least = planted_head.found(few, noise=laboratory.noise, **pairs)
    more = [louder(laboratory, noise, seeds[:NOISE_DRAWS], **pairs) for noise in NOISES]
    plain = partial(planted_head.rankings, replace(laboratory, decoys=0), methods=[planted_head.ATTENTION])
    tables = {
        "first": planted_head.found(ranked),
        "decoys": planted_head.found(spread(plain, seeds), decoys=0),
        "noise": pd.concat([least, *more], ignore_index=True),
        "false": planted_head.false_positives(nothing),
        "ranked": ranked[ranked["seed"] < SEED + SAMPLE],
        "sample": nothing[nothing["seed"] < SEED + SAMPLE],
    }
    settings = {
        "seed": SEED,
        "permutations": PERMUTATIONS,
        "level": trials.LEVEL,
        "laboratory": asdict(laboratory),
        "null": asdict(noisy),
    }
    ledger.record("heads", tables, settings, [generators.__name__, handmade.__name__, planted_head.__name__])
    for table in tables.values():
        print(table.to_string())


def louder(
    laboratory: planted_head.Laboratory, noise: float, seeds: Sequence[int], **about: object
) -> pd.DataFrame:
    """How often some methods rank the planted head first where all others write more noise."""
    ranked = partial(planted_head.rankings, replace(laboratory, noise=noise), methods=CURVES)
    return planted_head.found(spread(ranked, seeds), noise=noise, **about)


def spread(measure: Callable[[Sequence[int]], pd.DataFrame], seeds: Sequence[int]) -> pd.DataFrame:
    """Measure some seeds at a time, on two cores."""
    parts = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, spawn, torch.set_num_threads, (1,)) as pool:
        return pd.concat(pool.map(measure, parts), ignore_index=True)


if __name__ == "__main__":
    main()
