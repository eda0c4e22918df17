"""What the reports' Procrustes step gains on pairs of random subspaces of 768 dimensions."""

from __future__ import annotations

from emotion_utils.calibration import ledger, rotation
from emotion_utils.planted import generators

PAIRS, SEED = 100, 0
SOURCE = "toshiohanawa/emotion-circuits-project, src/analysis/subspace_utils.py, procrustes_alignment"


def main() -> None:
    """Measure, record in the committed table, print."""
    table = rotation.gains(range(SEED, SEED + PAIRS))
    settings = {
        "seed": SEED,
        "pairs": PAIRS,
        "width": rotation.WIDTH,
        "k": rotation.K,
        "source": SOURCE,
    }
    ledger.record("rotation", {"gains": table}, settings, [generators.__name__, rotation.__name__])
    print(table.describe())


if __name__ == "__main__":
    main()
