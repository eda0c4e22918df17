"""False positives and power of every kind of map, each fitted again for every pairing."""

from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd

from emotion_utils.calibration import ledger, trials
from emotion_utils.calibration import trials as mapped
from emotion_utils.planted import generators
from emotion_utils.planted.generators import Recipe

SEED, PAIRS, POWER_PAIRS, PERMUTATIONS, K = 20_000, 300, 60, 39, 5
STRENGTH = 0.5
RECIPE = Recipe(widths=(64, 48), layers=1, rows=70, prompts=24)


def main() -> None:
    """Measure, record in the committed table, print."""
    null = mapped.map_rates(
        mapped.map_trials(RECIPE, range(SEED, SEED + PAIRS), PERMUTATIONS, K), strength=0.0
    )
    linked = replace(RECIPE, strength=STRENGTH)
    power = mapped.map_rates(
        mapped.map_trials(linked, range(SEED, SEED + POWER_PAIRS), PERMUTATIONS, K), strength=STRENGTH
    )
    settings = {
        "seed": SEED,
        "permutations": PERMUTATIONS,
        "k": K,
        "recipe": asdict(RECIPE) | {"widths": list(RECIPE.widths)},
    }
    ledger.record(
        "maps",
        {"false": null, "power": power},
        settings,
        [generators.__name__, mapped.__name__, trials.__name__],
    )
    print(pd.concat([null, power]).to_string())


if __name__ == "__main__":
    main()
