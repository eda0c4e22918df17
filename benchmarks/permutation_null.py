"""The null of an alignment by one decomposition, against fitting the map anew for every pairing, as one would at first.

Both give the same three scores for the same pairings, which is checked before any time is taken. The refit is done for
a few pairings of one pair of layers and counted per pairing and pair; ours is counted the same way over all pairs. Both
have one thread of BLAS, so that what else runs on the machine matters less.
"""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from emotion_utils.alignment.align import PENALTY, align
from emotion_utils.alignment.ridge import held_out_hat, permute_pairing, r_squared
from emotion_utils.runtime.benchmarking import Row, in_turns, record
from emotion_utils.statistics.auc import areas
from emotion_utils.subspaces.measures import emotion_subspace, overlap
from emotion_utils.subspaces.readings import PairedStates

EMOTIONS, K, REPEATS, REFITS = ("gratitude", "anger", "apology"), 5, 5, 5


def model(name: str, layers: int, width: int, rows: int, seed: int) -> PairedStates:
    """States without any meaning, with a power-law spectrum; only the sizes matter here."""
    rng = np.random.default_rng(seed)
    groups, spectrum = np.arange(rows) // 5, np.arange(1, width + 1) ** -1.0

    def states(n: int) -> np.ndarray:
        return rng.normal(size=(layers, n, width)) * spectrum

    emotional, partners = ({e: states(rows) for e in EMOTIONS} for _ in range(2))
    return PairedStates(name, tuple(range(layers)), states(rows), groups, emotional, partners)


def refit(a: PairedStates, b: PairedStates, orders: np.ndarray) -> np.ndarray:
    """Scores of the first pair of layers, one fit per pairing: (pairing, score)."""
    found = []
    sides = ((side.emotional[e][0], side.partners[e][0]) for e in EMOTIONS for side in (a, b))
    spaces = [emotion_subspace(*pair, K) for pair in sides]
    x = a.neutral[0] - a.neutral[0].mean(0)
    for order in orders:
        y = b.neutral[0][order]
        centred = y - y.mean(0)
        ridge = PENALTY * (x**2).sum() / len(x)
        w = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ centred)
        gram = (centred @ centred.T)[None]
        r2 = r_squared(held_out_hat(a.neutral[0], a.groups, PENALTY)[None], gram, np.arange(len(x))[None])[
            0, 0, 0
        ]
        overlaps, probes = [], []
        for i, e in enumerate(EMOTIONS):
            overlaps.append(overlap(spaces[2 * i] @ w, spaces[2 * i + 1]))
            vector = (a.emotional[e][0] - a.partners[e][0]).mean(0) @ w
            states = np.concatenate([b.emotional[e][0], b.partners[e][0]])
            probes.append(areas(states @ vector, np.arange(len(states)) < len(states) // 2))
        found.append((r2, np.mean(overlaps), np.mean(probes)))
    return np.array(found)


def main() -> None:
    a, b = (model(name, 6, 128, 70, seed) for seed, name in enumerate("ab"))
    orders = np.concatenate([np.arange(70)[None], permute_pairing(a.groups, REFITS, 0)])
    small = align(a, b, K, REFITS, 0).scores
    ours_first = np.stack([small[name][:, 0, 0] for name in ("r2", "overlap", "probe")], axis=1)
    np.testing.assert_allclose(ours_first, refit(a, b, orders), atol=1e-8)
    with threadpool_limits(1, user_api="blas"):
        ours, other = in_turns(lambda: align(a, b, K, 1000, 0), lambda: refit(a, b, orders[1:]), REPEATS)
        print(f"1,000 permutations x 36 pairs of layers of two six-layer models: {ours:.1f} s (bar: 20 s)")
        each, single = ours / (1000 * 36), other / REFITS
        unit = "refit over ours, per pairing and pair of layers; seconds"
        record(Row("permutation_null_vs_refit", each, single, single / each, unit, REPEATS))
        large = [model(name, 12, 768, 280, seed) for seed, name in enumerate("ab")]
        began = time.perf_counter()
        align(*large, K, 1000, 0)
        taken = time.perf_counter() - began
        print(f"1,000 permutations x 144 pairs of layers, width 768, 280 rows: {taken:.0f} s (bar: 180 s)")


if __name__ == "__main__":
    main()
