"""Bootstrap intervals of as many tests as the reports made, against their loop over draws with a fresh generator each.

The loop is timed on a few tests and counted per test; ours is timed on all of them and counted the same way. That both
give the same intervals, up to the noise of the draws, is checked before any time is taken.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.loop_bootstrap import bootstrap_as_published
from emotion_utils.runtime.benchmarking import Row, in_turns, record
from emotion_utils.statistics.bootstrap import bootstrap
from emotion_utils.statistics.paired import paired_effects
from emotion_utils.statistics.units import unit_sums

TESTS, PAIRS, DRAWS, LOOPED, REPEATS = 18_800, 70, 2000, 20, 5
STANDARD_ERRORS = 5.0


def agree(x: np.ndarray) -> float:
    """Largest gap between the ends of both, in standard errors of a 2.5 % quantile of so many draws, twice."""
    ours = bootstrap(unit_sums(x), kind="percentile", n_resamples=DRAWS, seed=1)
    theirs = np.array([bootstrap_as_published(column, DRAWS, seed=2) for column in x.T])
    spread = x.std(axis=0) / np.sqrt(PAIRS)
    # of a quantile q of a normal sample: sqrt(q (1 - q) / n) over the density there; two independent sets of draws
    error = np.sqrt(2 * 0.025 * 0.975 / DRAWS) / 0.0584 * spread
    gap = np.abs(np.stack([ours.low, ours.high], axis=1) - theirs) / error[:, None]
    if gap.max() > STANDARD_ERRORS:
        raise SystemExit(f"The two ways differ by {gap.max():.1f} standard errors of the draws.")
    return float(gap.max())


def main() -> None:
    x = np.random.default_rng(0).normal(size=(PAIRS, TESTS))
    print(f"largest gap of {2 * LOOPED} ends: {agree(x[:, :LOOPED]):.1f} standard errors of the draws")
    ours, loop = in_turns(
        lambda: bootstrap(unit_sums(x), n_resamples=DRAWS),
        lambda: [bootstrap_as_published(column, DRAWS) for column in x[:, :LOOPED].T],
        REPEATS,
    )
    print(
        f"{TESTS:,} tests x {DRAWS:,} draws, BCa: {ours:.2f} s (bar: 10 s); loop: {loop / LOOPED * TESTS:.0f} s"
    )
    began = time.perf_counter()
    paired_effects(x, n_resamples=DRAWS)
    print(
        f"the whole table, with d_z, 10,000 sign flips and equivalence: {time.perf_counter() - began:.1f} s"
    )
    each, single = ours / TESTS, loop / LOOPED
    record(
        Row(
            "bootstrap_vs_loop",
            each,
            single,
            single / each,
            "loop over ours, per test of 70 pairs; seconds",
            REPEATS,
        )
    )


if __name__ == "__main__":
    main()
