"""Planted directions and planted dictionaries: how well they are found, and how often where there are none."""

from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd

from emotion_utils.calibration import ledger
from emotion_utils.models.loading import load_model, load_tokenizer
from emotion_utils.planted import dictionaries, directions, generators, rotated_twins
from emotion_utils.prompts import loading
from emotion_utils.statistics import permutations

SEED, PERMUTATIONS, SAMPLE, DRAWS = 20_000, 199, 100, 1500
PAIRS, NOISES, RECOVERY_DRAWS = (24, 70, 225), (0.1, 0.3, 1.0), 20
STRENGTHS, SIZES, POWER_DRAWS, SHOWN = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0), (70, 225), 100, 3.0
DICTIONARY_NOISES, DICTIONARY_DRAWS, DICTIONARY_SAMPLE = (0.1, 0.5, 1.0), 40, 2
MODELS = ("small-gpt2", "small-llama3", "small-qwen3")


def main() -> None:
    """Measure, record in the committed table, print."""
    planting, sparse = directions.Planting(), dictionaries.Sparse()
    false, sample = false_positives(planting)
    seeds = range(SEED, SEED + POWER_DRAWS)
    learned = dictionaries.trials(sparse, DICTIONARY_NOISES, range(SEED, SEED + DICTIONARY_DRAWS))
    repeated = learned[(learned["noise"] == sparse.noise) & (learned["seed"] < SEED + DICTIONARY_SAMPLE)]
    tables = {
        "recovery": directions.recovery(planting, PAIRS, NOISES, range(SEED, SEED + RECOVERY_DRAWS)),
        "false": false,
        "power": directions.power(planting, STRENGTHS, SIZES, seeds, PERMUTATIONS),
        "models": pd.concat([of_model(name) for name in MODELS], ignore_index=True),
        "dictionary": dictionaries.found_rates(learned),
        "dictionaries": repeated,
        "sample": sample,
    }
    settings = {
        "seed": SEED,
        "permutations": PERMUTATIONS,
        "level": permutations.LEVEL,
        "shown": SHOWN,
        "states": sparse.rows,
        "planting": asdict(planting),
        "sparse": asdict(sparse),
    }
    ledger.record(
        "planted", tables, settings, [dictionaries.__name__, generators.__name__, directions.__name__]
    )
    for table in tables.values():
        print(table.head(80).to_string())


def false_positives(planting: directions.Planting) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rates of all kinds of data with nothing to find, and the first draws of the first kind."""
    rates, sample = [], pd.DataFrame()
    for kind, (changes, _) in directions.KINDS.items():
        made = replace(planting, **changes)
        measured = directions.trials(made, range(SEED, SEED + DRAWS), PERMUTATIONS)
        rates.append(directions.false_positives(measured, kind))
        if kind == "alike":
            sample = measured.head(SAMPLE)
    return pd.concat(rates, ignore_index=True), sample


def of_model(name: str) -> pd.DataFrame:
    """Strength and noise of the emotions of a bundled model."""
    table = loading.load_profile("powered")
    return directions.measured(rotated_twins.side_of(load_model(name), load_tokenizer(name), table, name))


if __name__ == "__main__":
    main()
