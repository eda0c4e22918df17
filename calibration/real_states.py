"""In how many dimensions the states of two pretrained models vary between neutral prompts.

The models are fetched once, as for a run: `python -m emotion_utils fetch smollm2-135m gemma3-270m`.
"""

from __future__ import annotations

from emotion_utils.calibration import ledger, real_states

MODELS, PROMPTS = ("smollm2-135m", "gemma3-270m"), "powered"


def main() -> None:
    """Measure, record in the committed table, print."""
    table = real_states.by_layer(MODELS, PROMPTS)
    settings = {"models": list(MODELS), "prompts": PROMPTS, "emotion": real_states.NEUTRAL, "position": "end"}
    ledger.record("real states", {"dimensions": table}, settings, [real_states.__name__])
    print(table.to_string())


if __name__ == "__main__":
    main()
