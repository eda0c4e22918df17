"""What Chapter 0 finds of planted directions, dictionaries, heads and effects, as numbers for its sentences."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from emotion_utils.calibration.findings import FEW, MANY
from emotion_utils.planted.dictionaries import LEARNER
from emotion_utils.planted.heads import ATTENTION
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import FEWEST_UNITS

QUIET = (0.1, 0.3)
"""Noise at which the difference of means is held to its promise."""
LOUD = 1.0
STRONG, STRONGEST = 3.0, 8.0
"""Lengths of planted directions."""
NARROW, WIDE = 0.93, 0.97
"""Between these the coverage of a 95 % interval is as it should be."""
TIE = 1e-6
"""Two p that differ by less are the same: rounding."""


class Recovery(NamedTuple):
    """Mean cosines with a planted direction; with many pairs and little noise where nothing else is said."""

    cosine: float
    """The least of the difference of means."""
    low: float
    """Its 5th percentile."""
    draws: int
    off: float
    """Largest distance from what was expected."""
    off_anywhere: float
    off_at: tuple[int, float]
    """Pairs and noise where that is."""
    centred: float
    """Mean of the centred class means, with the planted direction itself."""
    logistic: float
    """The largest of the logistic regression, anywhere."""
    logistic_loud: float
    """With few pairs and loud noise."""
    means_loud: float
    models: tuple[Any, ...]
    """Rows ``Index`` (bundled model), ``strength`` and ``noise``, medians."""


def recovery(cosines: pd.DataFrame, models: pd.DataFrame) -> Recovery:
    """Sum up how well directions are recovered, and what bundled models are like."""
    cells = cosines.set_index(["method", "pairs", "noise"]).sort_index()
    means, fitted = cells.loc["difference of means"], cells.loc["logistic", "cosine"]
    regime = pd.MultiIndex.from_product([[MANY], QUIET])
    off = (means["cosine"] - means["expected"]).abs()
    return Recovery(
        means.loc[regime, "cosine"].min(),
        means.loc[regime, "low"].min(),
        means["draws"].iloc[0],
        off[regime].max(),
        off.max(),
        off.idxmax(),
        cells.loc["centred class means"].loc[regime, "planted"].mean(),
        fitted.max(),
        fitted[FEW, LOUD],
        means.loc[(FEW, LOUD), "cosine"],
        tuple(models.groupby("model")[["strength", "noise"]].median().itertuples()),
    )


class DirectionTests(NamedTuple):
    """Rates at which the tests of Chapter 3 find a direction."""

    auroc: float
    """False positives, as the next ones."""
    no_emotion: float
    one_emotion: float
    """Where all emotions are moved along one direction."""
    unequal: pd.Series
    """Rate of *no emotion* with its bounds where emotional prompts only vary more: ``rate, low, high``."""
    draws: int
    rates: int
    above: int
    """Rates whose lower bound is above the level, where there is nothing to find."""
    power: dict[str, tuple[float, float]]
    """By test, with few and with many prompts, for a strong direction."""
    strongest: float
    """Power of *no emotion* with many prompts at the strongest."""


def direction_tests(false: pd.DataFrame, power: pd.DataFrame) -> DirectionTests:
    """Sum up false positives and power of the tests on planted directions."""
    rates = false.set_index(["null", "score"])
    nothing = false[false["null"] != "unlike"]
    few, many = (
        power[power["rows"] == rows].set_index(["score", "strength"])["rate"] for rows in (FEW, MANY)
    )
    tests = ("AUROC", "no emotion", "one emotion")
    return DirectionTests(
        rates.loc[("alike", "AUROC"), "rate"],
        rates.loc[("alike", "no emotion"), "rate"],
        rates.loc[("one direction", "one emotion"), "rate"],
        rates.loc[("unlike", "no emotion")],
        nothing["n"].iloc[0],
        len(nothing),
        int((nothing["low"] > LEVEL).sum()),
        {test: (few[test, STRONG], many[test, STRONG]) for test in tests},
        many["no emotion", STRONGEST],
    )


class Dictionary(NamedTuple):
    """How much of a planted dictionary is found; rows ``share, mean, rate, n, low, high`` at the least noise."""

    learned: pd.Series
    nothing: pd.Series
    """The learner where there are no atoms."""
    components: float
    """Mean largest cosine of principal components, and of random directions."""
    random: float
    noisy_share: float
    """Share of the atoms that the learner finds at the largest noise."""


def dictionary(atoms: pd.DataFrame) -> Dictionary:
    """Sum up the rates at which atoms are found."""
    table = atoms.set_index(["noise", "method"])
    least, most = table.loc[atoms["noise"].min()], table.loc[atoms["noise"].max()]
    components, random = (
        least.loc[method, "mean"] for method in ("principal components", "random directions")
    )
    learned, nothing = least.loc[LEARNER], least.loc[f"{LEARNER}, no atoms"]
    return Dictionary(learned, nothing, components, random, most.loc[LEARNER, "share"])


class Heads(NamedTuple):
    """How often the planted head comes first, and how often a head is found where none was planted."""

    causal: int
    sure: int
    """Causal methods that rank it first in 95 % of models or more."""
    least: str
    least_rate: float
    attention: float
    decoy: float
    """How often delta attention ranks a decoy first."""
    without_decoys: float
    robust: str
    """The method with the largest rate at the loudest noise."""
    robust_rate: float
    loudest: float
    false_least: float
    false_most: float
    models: int
    above: int
    """Rates whose lower bound is above the level."""
    rates: int
    torn_least: float
    torn_most: float


def heads(first: pd.DataFrame, noise: pd.DataFrame, false: pd.DataFrame, decoys: pd.DataFrame) -> Heads:
    """Sum up the screening of planted heads."""
    by_method = first.set_index("score")
    causal, attention = by_method.drop(index=ATTENTION)["rate"], by_method.loc[ATTENTION]
    loud = noise[noise["noise"] == noise["noise"].max()].set_index("score")["rate"]
    whole = false[false["null"] == "whole"]
    torn = false.drop(whole.index)["rate"]
    return Heads(
        len(causal),
        int((causal >= 0.95).sum()),
        causal.idxmin(),
        causal.min(),
        attention["rate"],
        attention["decoy"],
        decoys["rate"].iloc[0],
        loud.idxmax(),
        loud.max(),
        noise["noise"].max(),
        whole["rate"].min(),
        whole["rate"].max(),
        whole["n"].iloc[0],
        int((whole["low"] > LEVEL).sum()),
        len(whole),
        torn.min(),
        torn.max(),
    )


class Coverage(NamedTuple):
    """How often 95 % intervals hold the planted effect; rows are ``interval, effect, units, rate``."""

    few_least: float
    """With the fewest units for which an interval is given."""
    few_most: float
    enough: int
    """Units from which on every rate is as it should be."""
    rates: int
    below: int
    above: int
    above_units: int
    """The most units of a rate that is too high."""
    least: pd.Series
    most: pd.Series
    hardest: pd.Series


def coverage(covered: pd.DataFrame, hard: pd.DataFrame) -> Coverage:
    """Sum up the coverage of intervals, and of those on hard cases."""
    rate, units = covered["rate"], covered["units"]
    few = rate[units == FEWEST_UNITS]
    enough = next(n for n in sorted(set(units)) if rate[units >= n].between(NARROW, WIDE).all())
    below, above = rate < NARROW, rate > WIDE
    rows = covered.loc[rate.idxmin()], covered.loc[rate.idxmax()], hard.loc[hard["rate"].idxmin()]
    counts = int(below.sum()), int(above.sum()), units[above].max()
    return Coverage(few.min(), few.max(), enough, len(covered), *counts, *rows)


class Repeated(NamedTuple):
    """Committed numbers that were computed again."""

    numbers: int
    seeds: int
    largest: float
    """Difference of a p."""
    step: float
    """Of a p: one permutation."""
    holds: bool
    """Whether no p moved by more than a step, nor another number by more than a hundredth."""
    others: int = 0
    other: float = 0.0
    """Largest difference of another number than a p."""


def repeated(p: pd.DataFrame, permutations: int, others: pd.DataFrame | None = None) -> Repeated:
    """Compare p, and other numbers, that were computed again with the committed ones (columns ``seed, difference``)."""
    step, largest = 1 / (1 + permutations), p["difference"].abs().max()
    other = 0.0 if others is None else others["difference"].abs().max()
    holds = bool(largest <= step + TIE and other <= 0.01)
    size = 0 if others is None else len(others)
    return Repeated(len(p), p["seed"].nunique(), largest, step, holds, size, other)
