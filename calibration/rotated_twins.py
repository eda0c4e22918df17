"""How often the sound pipeline finds that a bundled model and its rotated twin are one, with noise on the twin."""

from __future__ import annotations

import pandas as pd

from emotion_utils.calibration import ledger, trials
from emotion_utils.models.loading import load_model, load_tokenizer
from emotion_utils.planted import generators, rotated_twins
from emotion_utils.prompts import loading

MODELS, NOISE, SEED, REPETITIONS, PERMUTATIONS = (
    ("small-llama3", "small-qwen3"),
    (0.0, 0.1, 0.3, 1.0, 3.0, 10.0),
    0,
    40,
    99,
)
SIZES = ((14, 5), (19, 12))  # families and rows of each: 70 and 228 rows
LAYERS = (1, 3)


def main() -> None:
    """Measure, record in the committed table, print."""
    table, found = loading.load_profile("powered"), []
    for name in MODELS:
        model, tokenizer = load_model(name), load_tokenizer(name)
        twin, _ = rotated_twins.rotated_twin(model, SEED)
        sides = [
            rotated_twins.at_layers(rotated_twins.side_of(m, tokenizer, table, name), LAYERS)
            for m in (model, twin)
        ]
        for noise in NOISE:
            for families, each in SIZES:
                seeds = range(SEED, SEED + REPETITIONS)
                measured = rotated_twins.twin_trials(*sides, noise, families, each, seeds, PERMUTATIONS)
                about = {"model": name, "noise": noise, "rows": families * each}
                found.append(trials.rates(measured, **about))
    power = pd.concat(found, ignore_index=True)
    settings = {"seed": SEED, "permutations": PERMUTATIONS, "layers": list(LAYERS), "profile": "powered"}
    ledger.record(
        "twins", {"power": power}, settings, [generators.__name__, trials.__name__, rotated_twins.__name__]
    )
    print(power.to_string())


if __name__ == "__main__":
    main()
