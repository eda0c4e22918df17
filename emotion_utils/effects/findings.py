"""What chapter 08's tables say: small records of numbers, which the sentences of the page are filled from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from emotion_utils.statistics.equivalence import SMALLEST
from emotion_utils.statistics.flips import least_p
from emotion_utils.statistics.paired import N_FLIPS
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.power import least_effect, needed_n, needed_n_as_published, power_of

CORRECTIONS = ["none", "benjamini_hochberg", "holm", "max_t"]
OUTCOMES = ["effect", "unchanged", "equivalent", "open"]
"""What is said of a test: an effect, no pair changed, too small to matter, or left open."""


class Collection(NamedTuple):
    """How many effects there are, how many with units enough for a test, and the least and most units and pairs."""

    effects: int
    tested: int
    units: tuple[int, int]
    pairs: tuple[int, int]
    warnings: tuple[str, ...]


def collection(tested: pd.DataFrame) -> Collection:
    """Count what :func:`emotion_utils.effects.tested.results` gave."""
    units, pairs = tested["n_units"], tested["n"]
    return Collection(
        len(tested),
        int(tested["p"].notna().sum()),
        (int(units.min()), int(units.max())),
        (int(pairs.min()), int(pairs.max())),
        tuple(sorted(text for text in set(tested["warning"]) if text)),
    )


class ClearIntervals(NamedTuple):
    """Intervals of a chapter's effects or controls that leave 0 out, of how many, and the median size."""

    chapter: str
    is_control: bool
    clear: int
    n: int
    median: float


def clear_intervals(shown: pd.DataFrame) -> list[ClearIntervals]:
    """Of each chapter, effects and controls apart; from rows with ``d_z, d_low, d_high``."""
    clear = (shown["d_low"] > 0) | (shown["d_high"] < 0)
    return [
        ClearIntervals(
            str(chapter),
            bool(control),
            int(clear[part.index].sum()),
            len(part),
            float(part["d_z"].abs().median()),
        )
        for (chapter, control), part in shown.groupby(["chapter", "is_control"], sort=False)
    ]


class Corrected(NamedTuple):
    """Tests of effects or of controls, and how many are found without a correction and with each of three.

    ``by_chance`` is how many would have a small p alone if nothing were there.
    """

    is_control: bool
    tests: int
    none: int
    benjamini_hochberg: int
    holm: int
    max_t: int
    by_chance: float


def corrected(families: pd.DataFrame) -> list[Corrected]:
    """Sums over the families of :func:`emotion_utils.effects.tested.findings`."""
    sums = families.groupby("is_control")[["tests", *CORRECTIONS]].sum()
    counted = []
    for control, counts in sums.iterrows():
        tests, none, benjamini_hochberg, holm, max_t = map(int, counts)
        counted.append(
            Corrected(bool(control), tests, none, benjamini_hochberg, holm, max_t, by_chance=LEVEL * tests)
        )
    return counted


class Floor(NamedTuple):
    """The least p that a family of tests can have, with so many units; and whether Holm can then find nothing."""

    units: int
    tests: int
    p: float
    too_high: bool


def floor_of(family: pd.DataFrame) -> Floor:
    """Of one family's tests; without any, the floor is 1 and nothing is said to be too high."""
    units, tests = (int(family["n_units"].max()), len(family)) if len(family) else (0, 0)
    p = least_p(units, N_FLIPS)
    return Floor(units, tests, p, tests * p > LEVEL)


def needed_pairs(sizes: Sequence[float]) -> pd.DataFrame:
    """Pairs that an effect of each size needs, by power analysis and by the reports' rule.

    Returns
    -------
    Columns ``d, needed, rule, power``; ``power`` is what the rule's number of pairs has.
    """
    rules = [needed_n_as_published(d) for d in sizes]
    power = [float(power_of(d, rule)[0]) for d, rule in zip(sizes, rules, strict=True)]
    return pd.DataFrame({"d": sizes, "needed": map(needed_n, sizes), "rule": rules, "power": power})


class Design(NamedTuple):
    """What a number of pairs can find.

    Attributes
    ----------
    least
        The size that so many independent pairs find four times in five.
    small
        The share of studies that find an effect of :data:`emotion_utils.statistics.equivalence.SMALLEST`.
    pairs, units
        Of the median effect.
    least_by_pairs, least_by_units
        The size that it finds if templates do not matter, and if nothing else does.
    """

    least: float
    small: float
    pairs: int
    units: int
    least_by_pairs: float
    least_by_units: float


def design(tested: pd.DataFrame, pairs: int) -> Design:
    """Of ``pairs`` independent pairs, and of the median effect of a table of tests."""
    units, rows = int(tested["n_units"].median()), int(tested["n"].median())
    least, by_pairs, by_units = (least_effect(max(n, 2)) for n in (pairs, rows, units))
    return Design(least, float(power_of(SMALLEST, pairs)[0]), rows, units, by_pairs, by_units)


def outcomes(families: pd.DataFrame) -> pd.DataFrame:
    """Tests of each chapter by what is said of them, effects and controls apart: columns of :data:`OUTCOMES`.

    ``power`` is the median over models of that of the open tests: the chance to recognise an effect of 0.
    """
    grouped = families.groupby(["chapter", "is_control"], sort=False)
    counts = grouped[["tests", *OUTCOMES]].sum()
    return counts.assign(power=grouped["power"].median()).reset_index()


class Outcomes(NamedTuple):
    """All tests by what is said of them, and the share of simulated effects of 0 that are recognised as too small."""

    tests: int
    effect: int
    unchanged: int
    equivalent: int
    open: int
    recognised: float


def all_outcomes(by_chapter: pd.DataFrame, trials: pd.DataFrame) -> Outcomes:
    """Sums of :func:`outcomes`, beside the simulations of the calibration."""
    zero = trials[(trials["design"] == "normal") & (trials["effect"] == 0)].iloc[0]
    tests, effect, unchanged, equivalent, left = map(int, by_chapter[["tests", *OUTCOMES]].sum())
    return Outcomes(tests, effect, unchanged, equivalent, left, float(zero["equivalent"] / zero["n"]))


class KResamples(NamedTuple):
    """Reported overlaps beside random subspaces, and how often k = 2 is best.

    Attributes
    ----------
    inside, undecided, claims
        Values within what random subspaces give, by both ends of it (one pair, and the mean of so many independent
        layers as the report averages); by one pair but not by the mean; and all.
    best
        Share of resamples in which k = 2 is best, least and most by emotion.
    chance
        The same of random pairs; without an error, so that it decides nothing.
    """

    inside: int
    undecided: int
    claims: int
    best: tuple[float, float]
    chance: float


def k_resamples(by_k: pd.DataFrame, reported: pd.DataFrame) -> KResamples:
    """From the sweep over k and what :func:`emotion_utils.scrutiny.subspaces.before_alignment` says of the reports'."""
    two = by_k[by_k["k"] == 2]
    inside, undecided = (int((reported["scrutiny"] == word).sum()) for word in ("at chance", "undecided"))
    best = float(two["best"].min()), float(two["best"].max())
    return KResamples(inside, undecided, len(reported), best, float(two["chance_best"].iloc[0]))


class SameAnswer(NamedTuple):
    """Effects to which the paired test and the mixed model answer alike, and what lies between templates."""

    same: int
    fits: int
    failed: int
    between: float
    most_between: float


def same_answer(robust: pd.DataFrame) -> SameAnswer | None:
    """From :func:`emotion_utils.effects.tested.robust`; None where no fit converged."""
    fits = robust[robust["converged"]]
    if not len(fits):
        return None
    between = fits["between"]
    same, failed = int(fits["same"].sum()), len(robust) - len(fits)
    return SameAnswer(same, len(fits), failed, float(between.median()), float(between.max()))


class Simulated(NamedTuple):
    """How tests and intervals do on simulated differences.

    Attributes
    ----------
    coverage, rejected
        Least and most of symmetric data.
    rejected_counts
        Most, of counts.
    outside, worst
        Kinds of data whose rates are not within the limits, and the lowest coverage among them.
    data_sets
        Of the repetition just now.
    covered
        In it, by design.
    """

    coverage: tuple[float, float]
    rejected: tuple[float, float]
    rejected_counts: float
    outside: tuple[str, ...]
    worst: float
    data_sets: int
    covered: dict[str, float]


def simulated(shapes: pd.DataFrame, again: pd.DataFrame) -> Simulated:
    """From the committed table of the kinds of data, and trials repeated just now."""
    kinds, live = shapes.set_index("shape"), again[again["effect"] == 0].set_index("design")
    symmetric, outside = kinds.loc["symmetric"], kinds[~kinds["within"].astype(bool)]
    return Simulated(
        (float(symmetric["coverage_low"]), float(symmetric["coverage_high"])),
        (float(symmetric["size_low"]), float(symmetric["size_high"])),
        float(kinds.loc["counts", "size_high"]),
        tuple(map(str, outside.index)),
        float(outside["coverage_low"].min()),
        int(live["n"].iloc[0]),
        {str(design): float(row["covered"] / row["n"]) for design, row in live.iterrows()},
    )
