"""Coverage of the bootstrap intervals of the book on planted effects."""

from __future__ import annotations

from emotion_utils.calibration import coverage, ledger

REPETITIONS, RESAMPLES, SEED = 2000, 500, 0
HARD_EFFECTS = (0.8,)


def main() -> None:
    """Measure, record in the committed table, print."""
    found = coverage.coverage(REPETITIONS, SEED, n_resamples=RESAMPLES)
    hard = coverage.coverage(
        REPETITIONS, SEED, n_resamples=RESAMPLES, effects=HARD_EFFECTS, designs=coverage.HARD
    )
    settings = {
        "seed": SEED,
        "repetitions": REPETITIONS,
        "resamples": RESAMPLES,
        "effects": list(coverage.EFFECTS),
        "rival": coverage.RIVAL,
        "hard effects": list(HARD_EFFECTS),
        "each": coverage.EACH,
        "share": coverage.SHARE,
    }
    ledger.record("intervals", {"coverage": found, "hard": hard}, settings, [coverage.__name__])
    print(found.to_string(), hard.to_string(), sep="\n")


if __name__ == "__main__":
    main()
