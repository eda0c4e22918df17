"""The reports' formulas on models that share nothing: stated values beside simulated ones, and the causes."""

from __future__ import annotations

from emotion_utils.calibration import ledger, published
from emotion_utils.planted import generators

PAIRS, CAUSES, SEED = 40, 12, 0


def main() -> None:
    """Measure, record in the committed table, print."""
    found = published.draws(range(SEED, SEED + PAIRS))
    facts = published.beside_stated(found)
    causes = published.causes(range(SEED, SEED + CAUSES))
    angles = published.angle_gains(range(SEED, SEED + PAIRS))
    settings = {
        "seed": SEED,
        "pairs": PAIRS,
        "width": published.WIDTH,
        "rows": published.ROWS,
        "k": published.K,
        "exponent": published.EXPONENT,
    }
    tables = {"facts": facts, "causes": causes, "angles": angles}
    ledger.record("published", tables, settings, [generators.__name__, published.__name__])
    print(facts.to_string())
    print(causes.to_string())
    print(angles.to_string())


if __name__ == "__main__":
    main()
