"""Paired differences with a known mean, to see how often tests reject and intervals hold: `statistics` on trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.statistics.bootstrap import bootstrap
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.equivalence import equivalence
from emotion_utils.statistics.flips import max_t, sign_flip_p
from emotion_utils.statistics.permutations import binomial_bounds
from emotion_utils.statistics.units import unit_sums

PAIRS = 70
"""Of the reports' design."""
EFFECTS = (0.0, 0.2, 0.5)
"""In standard deviations of the differences at no effect."""
ALPHA = 0.05
BATCH = 500
"""Simulated data sets that share their resamples."""

Draw = Callable[[np.random.Generator, tuple[int, int], float], np.ndarray]


@dataclass(frozen=True)
class Design:
    """One kind of differences.

    Attributes
    ----------
    shape
        The kind as `statistics.shapes` would name it.
    draw
        Differences of shape (pair, test) at an effect; their true mean is the effect times ``spread``.
    spread
        Standard deviation of the differences at no effect.
    units
        Units among the pairs; those of one unit share half of their variance.
    """

    shape: str
    draw: Draw
    spread: float = 1.0
    units: int = PAIRS


def _normal(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    return rng.normal(effect, 1.0, size)


def _uniform(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    return rng.uniform(-np.sqrt(3), np.sqrt(3), size) + effect


def _heavy(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    return rng.standard_t(5, size) / np.sqrt(5 / 3) + effect


def _exponential(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    return rng.exponential(1.0, size) - 1 + effect


def _lognormal(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    spread = np.sqrt((np.e - 1) * np.e)
    return (rng.lognormal(0.0, 1.0, size) - np.exp(0.5)) / spread + effect


def _poisson(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    """Difference of two counts with a mean of 1 each, the changed one raised."""
    return (rng.poisson(1 + effect * np.sqrt(2), size) - rng.poisson(1.0, size)).astype(float)


RARE = 0.05


def _rare(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    """A word in one of twenty texts on either side."""
    gained = rng.random(size) < RARE + effect * np.sqrt(2 * RARE * (1 - RARE))
    return gained.astype(float) - (rng.random(size) < RARE)


BURST, OFTEN = 3.0, 0.02


def _bursts(rng: np.random.Generator, size: tuple[int, int], effect: float) -> np.ndarray:
    """Rare gains of three words against losses of one that are three times as frequent."""
    spread = np.sqrt(BURST**2 * OFTEN + BURST * OFTEN)
    u = rng.random(size)
    gains = OFTEN + effect * spread / BURST
    return np.where(u < gains, BURST, np.where(u > 1 - BURST * OFTEN, -1.0, 0.0))


DESIGNS: Mapping[str, Design] = {
    "normal": Design("symmetric", _normal),
    "uniform": Design("symmetric", _uniform),
    "Student's t, 5 degrees of freedom": Design("symmetric", _heavy),
    "normal, 14 templates of 5": Design("symmetric", _normal, units=14),
    "difference of counts": Design("counts", _poisson, np.sqrt(2)),
    "difference of counts, 14 templates of 5": Design("counts", _poisson, np.sqrt(2), 14),
    "exponential": Design("skewed", _exponential),
    "log-normal": Design("skewed", _lognormal),
    "rare word": Design("sparse", _rare, float(np.sqrt(2 * RARE * (1 - RARE)))),
    "rare bursts": Design("sparse", _bursts, float(np.sqrt(BURST**2 * OFTEN + BURST * OFTEN))),
}


def _drawn(design: Design, rng: np.random.Generator, n: int, effect: float) -> Float[np.ndarray, "pair test"]:
    x = design.draw(rng, (PAIRS, n), effect)
    if design.units == PAIRS:
        return x
    # a unit's pairs take the unit's first difference with a chance of √½: any two of the others correlate by one half
    first = np.arange(PAIRS) // (PAIRS // design.units) * (PAIRS // design.units)
    return np.where(rng.random(x.shape) < np.sqrt(0.5), x[first], x)


def trials(
    names: tuple[str, ...] = tuple(DESIGNS),
    n: int = 10_000,
    seed: int = 0,
    *,
    n_resamples: int = 2000,
    n_flips: int = 2000,
) -> pd.DataFrame:
    """Simulate every design at every effect.

    Parameters
    ----------
    names
        Of :data:`DESIGNS`.
    n
        Data sets for each.
    seed, n_resamples, n_flips
        Of the simulation, the bootstrap and the tests.

    Returns
    -------
    One row per design and effect: ``design, shape, units, effect, n``, and how many of so many were ``rejected`` (sign
    flips, 5 %), ``covered`` (95 % interval holds the true mean), ``covered_percentile`` (the reports' interval) and
    ``equivalent`` (two one-sided tests against 0.2 standard deviations).
    """
    rows = []
    for name in names:
        design = DESIGNS[name]
        for j, effect in enumerate(EFFECTS):
            seeds = np.random.SeedSequence([seed, list(DESIGNS).index(name), j]).spawn(-(-n // BATCH))
            hits = np.zeros(4, dtype=int)
            for i, child in enumerate(seeds):
                size = min(BATCH, n - i * BATCH)
                hits += _judged(design, child, size, effect, n_resamples, n_flips)
            rows.append((name, design.shape, design.units, effect, n, *hits.tolist()))
    ends = ["rejected", "covered", "covered_percentile", "equivalent"]
    return pd.DataFrame(rows, columns=["design", "shape", "units", "effect", "n", *ends])


def _judged(
    design: Design, child: np.random.SeedSequence, n: int, effect: float, n_resamples: int, n_flips: int
) -> np.ndarray:
    """How many of n data sets were rejected, covered (both ways) and called equivalent."""
    rng = np.random.default_rng(child)
    own = int(child.generate_state(1)[0])
    x = _drawn(design, rng, n, effect)
    sums = unit_sums(x, np.arange(PAIRS) // (PAIRS // design.units))
    truth = effect * design.spread
    held = []
    for kind in ("expanded", "percentile"):
        low, high = bootstrap(sums, kind=kind, n_resamples=n_resamples, seed=own)
        held.append(int(((low <= truth) & (truth <= high)).sum()))
    rejected = int((sign_flip_p(sums, n_flips, own) <= ALPHA).sum())
    alike = equivalence(sums)
    return np.array([rejected, *held, int((alike.p <= ALPHA).sum())])


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """What a result of each shape has to be read with.

    Returns
    -------
    One row per shape: ``shape``; the lowest and highest rate of its designs, ``size_low, size_high`` (rejections at no
    effect), ``coverage_low, coverage_high``; ``designs``; and ``within``: no size above 6 %, all coverages in 93-97 %.
    """
    rows = []
    for shape, part in found.groupby("shape", sort=False):
        sizes = (part["rejected"] / part["n"])[part["effect"] == 0]
        covered = part["covered"] / part["n"]
        within = bool(sizes.max() <= 0.06 and covered.min() >= 0.93 and covered.max() <= 0.97)
        rows.append(
            (shape, sizes.min(), sizes.max(), covered.min(), covered.max(), part["design"].nunique(), within)
        )
    columns = ["shape", "size_low", "size_high", "coverage_low", "coverage_high", "designs", "within"]
    return pd.DataFrame(rows, columns=columns)


TESTS = 40
"""Tests of a family."""
SHIFT = 0.5
"""Effect of those that have one, in standard deviations."""


def families(n: int = 1000, seed: int = 0, *, n_flips: int = 4000, n_max: int = 1000) -> pd.DataFrame:
    """False findings in families of 40 tests of 70 pairs, each correction on the same data.

    Parameters
    ----------
    n
        Families for each setting.
    seed, n_flips, n_max
        Of the simulation, of the flips for single p values, and of those for the maximum.

    Returns
    -------
    One row per setting and correction: ``data, correlation, effects`` (tests with an effect), ``correction, n``,
    ``any_false`` (share of families with a false finding, with ``low, high``), ``false_share`` (mean share of false
    among all findings) and ``found`` (share of the effects that were found).
    """
    rows: list[tuple[object, ...]] = []
    for kind in ("normal", "difference of counts"):
        for correlation in (0.0, 0.5):
            for effects in (0, 10):
                child = np.random.SeedSequence([seed, len(rows)])
                found = _families(kind, correlation, effects, child.spawn(n), n_flips, n_max)
                for correction, part in found.items():
                    any_false = part[:, 0] > 0
                    share = part[:, 0] / np.maximum(part.sum(axis=1), 1)
                    bounds = binomial_bounds(int(any_false.sum()), n)
                    kept = part[:, 1].mean() / effects if effects else float("nan")
                    rates = (any_false.mean(), *bounds, share.mean(), kept)
                    rows.append((kind, correlation, effects, correction, n, *rates))
    ends = ["any_false", "low", "high", "false_share", "found"]
    return pd.DataFrame(rows, columns=["data", "correlation", "effects", "correction", "n", *ends])


def _families(
    kind: str, correlation: float, effects: int, seeds: list[np.random.SeedSequence], n_flips: int, n_max: int
) -> dict[str, np.ndarray]:
    """False and true findings of each family, shape (family, 2), by correction."""
    counted: dict[str, list[tuple[int, int]]] = {
        "none": [],
        "max-T": [],
        "Holm": [],
        "Benjamini-Hochberg": [],
    }
    real = np.arange(TESTS) < effects
    for child in seeds:
        rng, own = np.random.default_rng(child), int(child.generate_state(1)[0])
        x = DESIGNS[kind].draw(rng, (PAIRS, TESTS), 0.0)
        # one of the columns stands in for others, which correlates them and keeps their distribution
        x = np.where(rng.random(x.shape) < np.sqrt(correlation), x[:, :1], x)
        x[:, real] += SHIFT * DESIGNS[kind].spread
        alone = sign_flip_p(unit_sums(x), n_flips, own)
        ps = {
            "none": alone,
            "max-T": max_t(x, np.arange(PAIRS), n_max, own),
            "Holm": adjusted(alone, "holm"),
            "Benjamini-Hochberg": adjusted(alone, "fdr_bh"),
        }
        for name, p in ps.items():
            counted[name].append((int((p[~real] <= ALPHA).sum()), int((p[real] <= ALPHA).sum())))
    return {name: np.array(part) for name, part in counted.items()}
