"""The reports' score after alignment with models of 8 and 12 billion parameters, on models that share nothing.

Given the folder of the emotion vectors that others published for two of these models (MIT licence; see SOURCE), the
script also records how long those vectors are. The vectors themselves are not kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from emotion_utils.calibration import ledger, scaling
from emotion_utils.planted import generators

PAIRS, SEED = 200, 0
SOURCE = "github.com/mufxio/emotion-vector-bench, commit 6dde90cab2f07ba46d50808bf75de6a0f9d7d925, results/"
MODELS = ("llama-3.1-8b-instruct", "qwen3-8b")


def main(folder: str | None = None) -> None:
    """Measure, record in the committed table, print."""
    seeds = range(SEED, SEED + PAIRS)
    after = pd.concat([scaling.by_scale(seeds, width) for width in scaling.WIDTHS], ignore_index=True)
    settings = {
        "seed": SEED,
        "pairs": PAIRS,
        "source": scaling.SOURCE,
        "rows": scaling.ROWS,
        "k": scaling.K,
        "exponent": scaling.EXPONENT,
        "unit": "millionths",
    }
    ledger.record("phase8", {"after": after}, settings, [generators.__name__, scaling.__name__])
    print(after.to_string())
    if folder is not None:
        found = scaling.lengths(Path(folder), MODELS)
        ledger.record("lengths", {"lengths": found}, {"source": SOURCE}, [scaling.__name__])
        print(found.to_string())


if __name__ == "__main__":
    main(*sys.argv[1:2])
