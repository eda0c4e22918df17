"""Coverage of the bootstrap intervals of the book on planted effects."""

from __future__ import annotations

from emotion_utils.calibration import coverage, ledger

REPETITIONS, RESAMPLES, SEED = 2000, 1000, 0


def main() -> None:
    """Measure, record in the committed table, print."""
    found = coverage.coverage(REPETITIONS, SEED, n_resamples=RESAMPLES)
    settings = {
        "seed": SEED,
        "repetitions": REPETITIONS,
        "resamples": RESAMPLES,
        "effect": coverage.EFFECT,
        "each": coverage.EACH,
        "share": coverage.SHARE,
    }
    ledger.record("intervals", {"coverage": found}, settings, ["coverage"])
    print(found.to_string())


if __name__ == "__main__":
    main()
