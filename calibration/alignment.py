"""False positives and power of the comparison of two models, of the sound pipeline and of both published formulas."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from emotion_utils.calibration import ledger, trials
from emotion_utils.planted import generators
from emotion_utils.planted.generators import Recipe
from emotion_utils.statistics import permutations

SEED, PERMUTATIONS, SAMPLE = 10_000, 199, 100
PAIRS = {"independent": 1200, "shuffled": 1000, "torn": 1000}
STRENGTHS, SIZES, POWER_PAIRS, POWER_PERMUTATIONS = (0.1, 0.2, 0.3, 0.5), (70, 225), 100, 99


def main() -> None:
    """Measure, record in the committed table, print."""
    recipe = Recipe()
    found, sample = [], pd.DataFrame()
    for kind, n in PAIRS.items():
        measured = trials.null_trials(recipe, kind, range(SEED, SEED + n), PERMUTATIONS)
        found.append(trials.rates(measured, null=kind))
        if kind == "independent":
            sample = measured.head(SAMPLE)
    false = pd.concat(found, ignore_index=True)
    seeds = range(SEED, SEED + PAIRS["independent"])
    published = trials.published_rates(trials.published_trials(recipe, seeds))
    power = trials.power_trials(recipe, STRENGTHS, SIZES, POWER_PAIRS, SEED, POWER_PERMUTATIONS)
    settings = {
        "seed": SEED,
        "permutations": PERMUTATIONS,
        "power_permutations": POWER_PERMUTATIONS,
        "level": permutations.LEVEL,
        "k": trials.K,
        "recipe": asdict(recipe) | {"widths": list(recipe.widths)},
    }
    tables = {"false": false, "published": published, "power": power, "sample": sample}
    ledger.record("alignment", tables, settings, [generators.__name__, trials.__name__])
    for table in (false, published, power):
        print(table.to_string())


if __name__ == "__main__":
    main()
