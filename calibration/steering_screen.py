"""Whether the screen of chapter 05 chooses as a sweep over everything does, on all bundled models.

The sweep generates a text for every kind of vector, window, layer and strength in every context, and the rule of the
chapter chooses among all of them. The screen reads two sentences for each setting and generates texts for the best few;
the same rule chooses among these. Both choices are looked up in the sweep: what the screen's one turns less is its
regret.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import torch

from emotion_utils.calibration import ledger
from emotion_utils.core.budget import counted
from emotion_utils.models.model import load
from emotion_utils.models.registry import BUNDLED
from emotion_utils.prompts.loading import load_profile
from emotion_utils.steering import screening, trials
from emotion_utils.steering.choice import FEW, choose, random_share
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.subject import SteeredModel, prepare

SEED, CONTEXTS, TEST, RANDOM, PAIRS, WORKERS = 0, 18, 18, 12, 3, 2
CLOSE = 0.05
"""Regret up to which a choice counts as the same."""
SAME = ["emotion", "made", "where", "layer", "alpha"]


def main() -> None:
    """Measure, record in the committed table, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(BUNDLED), help="bundled models")
    parser.add_argument("--print", action="store_true", help="record nothing")
    asked = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, spawn, torch.set_num_threads, (1,)) as pool:
        found = pd.concat(pool.map(of_model, asked.models), ignore_index=True)
    tables = {"cells": found, "ways": ways(found)}
    settings = {
        "seed": SEED, "contexts": CONTEXTS, "test": TEST, "random": RANDOM, "pairs": PAIRS, "close": CLOSE,
        "finalists": screening.FINALISTS, "strengths": list(trials.STRENGTHS), "windows": list(trials.SEARCHED),
    }  # fmt: skip
    if not asked.print:
        ledger.record("steering screen", tables, settings, [screening.__name__])
    for table in tables.values():
        print(table.to_string(), flush=True)


def of_model(name: str) -> pd.DataFrame:
    """Both choices of each emotion, what they turn in the sweep and on contexts that neither has seen, and tokens."""
    prompts = load_profile("implicit")
    steered = prepare(load(name), prompts, seed=SEED)
    contexts = neutral_contexts(prompts, "select", CONTEXTS)
    settings = trials.grid(steered)
    with counted() as full:
        sweep = summary(steered, contexts, settings)
    few = random_share(steered, contexts.head(FEW), RANDOM, SEED)
    known: dict[tuple, float] = {}

    def random(row: pd.Series) -> float:
        key = tuple(row[SAME])
        if key not in known:
            known[key] = few(row)
        return known[key]

    best = choose(sweep, random)
    with counted() as cheap:
        screened = screening.screen(steered, contexts, settings, PAIRS)
        entered = screening.finalists(screened)
        short = summary(steered, contexts, screening.settings_of(steered, entered))
    odds = screening.screen(steered, contexts, settings, PAIRS, against="neutral")
    rivals = sweep.merge(screening.finalists(odds)[SAME], on=SAME)
    return cells(name, steered, sweep, {
        "sweep": best, "screen": choose(short, random), "screen by log-odds": choose(rivals, random),
    }).assign(tokens_sweep=round(full.tokens), tokens_screen=round(cheap.tokens))  # fmt: skip


def summary(steered: SteeredModel, contexts: pd.DataFrame, settings: Sequence) -> pd.DataFrame:
    """Share and cost of settings."""
    return trials.sweep_summary(trials.outcomes(steered, trials.run(steered, contexts, settings)))


def cells(
    name: str, steered: SteeredModel, sweep: pd.DataFrame, chosen: dict[str, dict[str, pd.Series]]
) -> pd.DataFrame:
    """One row per emotion: what each way of choosing takes and what that turns in the sweep."""
    prompts = load_profile("implicit")
    tested = neutral_contexts(prompts, "test", TEST)
    held = {
        way: trials.outcomes(
            steered, trials.run(steered, tested, trials.chosen_settings(steered, rows)), cost=False
        )
        .groupby("emotion")["target"]
        .mean()
        for way, rows in chosen.items()
    }
    rows = []
    for emotion, own in sweep.groupby("emotion", sort=False):
        row = {"model": name, "emotion": emotion, "settings": len(own)}
        for way, picked in chosen.items():
            at = own.merge(picked[emotion][SAME].to_frame().T.astype(own[SAME].dtypes), on=SAME).iloc[0]
            row |= {f"{way}: {key}": at[key] for key in ("made", "where", "layer", "alpha", "share", "cost")}
            row[f"{way}: test"] = float(held[way][emotion])
        row["random setting"] = float(own["share"].mean())
        row |= by_depth(own, len(steered.layers))
        rows.append(row)
    return pd.DataFrame(rows)


def by_depth(own: pd.DataFrame, n_layers: int) -> dict[str, float]:
    """What one unit of the vector of the reports turns at each relative depth, begun at the reply."""
    plain = own[(own["made"] == "minus neutral") & (own["where"] == trials.WHERE) & (own["alpha"] == 1.0)]
    return {f"depth {(int(r.layer) + 1) / n_layers:g}": float(r.share) for r in plain.itertuples()}


def ways(table: pd.DataFrame) -> pd.DataFrame:
    """How far each way of choosing falls behind the sweep, over all emotions and models.

    Of the relative depths the one is shown that does best over all cells, in hindsight.
    """
    depths = [column for column in table if column.startswith("depth ")]
    best = table[depths].mean().idxmax()
    shares: dict[str, Callable[[], pd.Series]] = {
        "screen": lambda: table["screen: share"],
        "screen by log-odds": lambda: table["screen by log-odds: share"],
        f"{best}, one unit": lambda: table[best],
        "a random setting": lambda: table["random setting"],
    }
    tokens = {"screen": table["tokens_screen"] / table["tokens_sweep"]}
    rows = []
    for way, share in shares.items():
        regret = (table["sweep: share"] - share()).to_numpy(dtype=float)
        spent = float(tokens[way].max()) if way in tokens else np.nan
        rows.append(
            (way, float((regret <= CLOSE + 1e-9).mean()), regret.mean(), regret.max(), len(regret), spent)
        )
    return pd.DataFrame(rows, columns=["way", "close", "regret", "largest", "cells", "tokens"])


if __name__ == "__main__":
    main()
