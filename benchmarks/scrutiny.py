"""What can be said of every claim without its model, against the same with each random subspace drawn at full width.

Ours draws of a random subspace no more than its overlap needs. That the overlaps of both have the same mean and spread
is checked before any time is taken. Both are counted in seconds of the processor, and it is ours that is judged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

from emotion_utils import scrutiny
from emotion_utils.runtime.benchmarking import Row, in_turns, record
from emotion_utils.subspaces.overlaps import KS

SWEEPS = [f"emotion_utils.scrutiny.{module}.random_sweeps" for module in ("subspaces", "scaling")]
WIDTH, REPEATS, STANDARD_ERRORS = 768, 5, 5.0


def drawn_sweeps(n: int = 2000, seed: int = 0, width: int = WIDTH, ks: Sequence[int] = KS) -> np.ndarray:
    """Overlap of each random basis, all of it drawn, with as many first axes."""
    rng, k = np.random.default_rng(seed), max(ks)
    bases = [np.linalg.qr(rng.normal(size=(width, k)))[0] for _ in range(n)]
    return np.array([[(basis[:size, :size] ** 2).mean() for size in ks] for basis in bases])


def drawn(seed: int) -> None:
    with ExitStack() as changed:
        for name in SWEEPS:
            changed.enter_context(patch(name, drawn_sweeps))
        scrutiny.everything(seed)


def agree() -> None:
    """Refuse to time what gives other overlaps: means and standard deviations within the error of the draws."""
    ours, other = scrutiny.subspaces.random_sweeps(seed=1), drawn_sweeps(seed=2)
    error = np.sqrt((ours.var(axis=0) + other.var(axis=0)) / len(ours))
    gap = np.abs(ours.mean(axis=0) - other.mean(axis=0)) / error
    spread = np.abs(np.log(ours.std(axis=0) / other.std(axis=0)))
    print(f"gap of the means: {gap.max():.1f} standard errors; of the spreads: {spread.max():.1%}")
    if gap.max() > STANDARD_ERRORS or spread.max() > 0.15:
        raise SystemExit("The two ways to draw overlaps differ.")


def main() -> None:
    seeds = count(1)  # each has a seed of its own: nothing is remembered
    with threadpool_limits(1, user_api="blas"):
        agree()
        scrutiny.trials()  # of the rules, once for both
        ours, other = in_turns(
            lambda: scrutiny.everything(next(seeds)),
            lambda: drawn(next(seeds)),
            REPEATS,
            clock=time.process_time,
        )
    unit = "all subspaces drawn at full width over ours; seconds of the processor"
    record(Row("scrutiny_of_all_claims", ours, other, other / ours, unit, REPEATS))


if __name__ == "__main__":
    main()
