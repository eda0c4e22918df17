"""Tests and intervals of paired effects on simulated data: how often they reject, hold, and err in families."""

from __future__ import annotations

from emotion_utils.calibration import ledger, paired

N, FAMILIES, SEED = 20_000, 1000, 0


def main() -> None:
    """Measure, record in the committed table, print."""
    found = paired.trials(n=N, seed=SEED)
    shapes = paired.summary(found)
    many = paired.families(FAMILIES, SEED)
    settings = {
        "seed": SEED,
        "simulations": N,
        "families": FAMILIES,
        "pairs": paired.PAIRS,
        "tests": paired.TESTS,
    }
    ledger.record(
        "statistics", {"trials": found, "shapes": shapes, "families": many}, settings, [paired.__name__]
    )
    print(found.to_string(), shapes.to_string(), many.to_string(), sep="\n")


if __name__ == "__main__":
    main()
