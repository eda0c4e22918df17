"""What a vector that is mapped into another model does there, invented."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.alignment.mapped_vectors import BLIND, MAPPED, OTHER, WRONG_PAIRS
from emotion_utils.scaling.transfer import COLUMNS, NATIVE, UNTOUCHED
from emotion_utils.steering.controls import KINDS

EMOTIONS = ("gratitude", "anger")
MAPS = ("ridge", "Procrustes")
SIZES = {"source": "one", "target": "other", "rows": 168, "tokens": 5000.0, "seconds": 7.5}
BYTES = {"vector_bytes": 2**21, "map_bytes": 2**20, "peak_bytes": 2**30}


def invented(
    own=10.0, mapped=8.0, wrong=1.0, other=0.0, blind=2.0, n=12, maps=99, spread=0.3, texts=None, pair=None
):
    """Stated mean shifts in nats with noise; as many texts as stated say it, the first contexts first."""
    rng, rows = np.random.default_rng(3), []
    said = {NATIVE: 1.0, MAPPED: 0.5} | (texts or {})
    arms = [("", UNTOUCHED, 0.0, 1), ("", NATIVE, own, 1), *(("", kind, 0.5, 30) for kind in KINDS)]
    arms += [
        (name, arm, mean, number)
        for name in MAPS
        for arm, mean, number in (
            (MAPPED, mapped, 1),
            (WRONG_PAIRS, wrong, maps),
            (OTHER, other, 1),
            (BLIND, blind, 1),
        )
    ]
    for emotion in EMOTIONS:
        for name, arm, mean, numbers in arms:
            for number in range(numbers):
                for prompt in range(number % 6, n, 6) if numbers > 1 else range(n):
                    shift = 0.0 if arm == UNTOUCHED else mean + spread * rng.normal()
                    says = float(prompt < said.get(arm, 0.0) * n)
                    rows.append((name, arm, number, emotion, prompt, prompt, shift, 2 * shift, says, np.nan))
    about = SIZES | BYTES | (pair or {})
    return pd.DataFrame(rows, columns=COLUMNS).assign(**about)
