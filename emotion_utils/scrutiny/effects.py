"""The reports' effects of one head and their power (Phase 7.5): what their printed figures say about each other.

A paired t test needs nothing but n and the effect size d, so that a p value follows from the two; the spread of the
differences is the mean difference over d. A mean difference is therefore no test of its own beside its d: what it can
be is a whole number of words over n.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, sqrt

import numpy as np
from scipy.stats import norm, t

from emotion_utils.scrutiny.judging import TRUE, Rule, follows, invented, reprinted, single
from emotion_utils.scrutiny.rules import (
    Row,
    Rows,
    Scrutiny,
    computed,
    number,
    printed,
    settled,
    spread,
    within,
)
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.power import needed_n, needed_n_as_published, post_hoc_as_published

SCORES = ("gratitude", "sentiment", "politeness", "anger")
COUNTED = ("gratitude", "anger")
"""Scores that are whole numbers in every text."""
POWERS = (0.8, 0.85, 0.9, 0.95)
NEEDED = {"P75.n.small": 0.2, "P75.n.medium": 0.5}
PLANTED = 0.5
"""Effect size."""


def rules(rows: Rows) -> list[Rule]:
    """Those for the claims of Phase 7.5 about effect sizes and power.

    Parameters
    ----------
    rows
        All claims.
    """
    about = "mean power at the four printed d, by the t test and by its normal approximation"
    found = [follows("power from the printed effect sizes", "P75.power", _powers, about)]
    for score in SCORES:
        found += _effect(rows, f"P75.{score}", score in COUNTED)
    return [*found, *(_needed(claim, d, settled(rows[claim]).get("power")) for claim, d in NEEDED.items())]


def n_of(rows: Rows, effect: str) -> int:
    """Pairs behind an effect."""
    return int(str(rows[f"{effect}.d"]["condition"]).removeprefix("n="))


@lru_cache(maxsize=4096)
def p_of(d: float, n: int) -> float:
    """Two-sided p of a paired t test from its effect size."""
    return float(2 * t.sf(abs(d) * sqrt(n), n - 1))


@lru_cache(maxsize=64)
def critical(n: int) -> float:
    """Where a paired t test of n pairs becomes significant."""
    return float(t.ppf(1 - LEVEL / 2, n - 1))


def _sizes(claim: Row) -> tuple[float, float]:
    """Least and largest absolute number that rounds to the printed digits."""
    low, high = printed(claim)
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def spread_of(rows: Rows, effect: str) -> tuple[float, float]:
    """Least and largest standard deviation of the differences: the mean difference over d."""
    mean, d = (_sizes(rows[f"{effect}.{what}"]) for what in ("diff", "d"))
    return mean[0] / d[1], mean[1] / d[0] if d[0] else np.inf


def _effect(rows: Rows, effect: str, counted: bool) -> list[Rule]:
    n = n_of(rows, effect)
    half = critical(n) / sqrt(n)
    names = {what: f"{effect}.{what}" for what in ("d", "diff", "ci", "p")}

    def p_follows(rows: Rows, _: np.random.Generator) -> dict[str, Row]:
        return {names["p"]: reprinted(rows[names["p"]], p_of(float(rows[names["d"]]["lo"]), n))}

    return [
        single(
            "effect size under a paired t test",
            names["d"],
            lambda row: within(row, -half, half, f"95 % of d if nothing happens, n = {n}"),
            null=lambda rng: float(rng.standard_t(n - 1)) / sqrt(n),
            plant=lambda rng: float(rng.standard_t(n - 1)) / sqrt(n) + PLANTED,
            planted=f"d = {PLANTED}",
        ),
        _words_over_n(names["diff"], n) if counted else _beside_own_spread(effect, n),
        Rule("interval from d and n", (names["ci"],), lambda rows: {names["ci"]: _width(rows, effect, n)},
             plant=lambda rows, _: _wide(rows, effect, n), planted=TRUE),
        Rule("p from d and n", (names["p"],), lambda rows: {names["p"]: _p(rows, effect, n)},
             plant=p_follows, planted=TRUE),
    ]  # fmt: skip


def _p(rows: Rows, effect: str, n: int) -> Scrutiny:
    low, high = _sizes(rows[f"{effect}.d"])
    return computed(rows[f"{effect}.p"], p_of(high, n), p_of(low, n), f"paired t test, from d and n = {n}")


def _words_over_n(claim: str, n: int) -> Rule:
    """A mean of counts is a whole number over n; whether it differs from 0 is what d says."""

    def judge(row: Row) -> Scrutiny:
        total, (low, high) = round(float(row["lo"]) * n), printed(row)
        if low <= total / n <= high:
            return Scrutiny(
                "arithmetic holds",
                f"{total:+d} words over {n} texts; whether that is more than chance is what d says",
            )
        return Scrutiny("arithmetic fails", f"no whole number of words over n = {n} rounds to it")

    return single(
        "whole number of words over n", claim, judge,
        plant=lambda rng: float(rng.integers(1, n // 2)) / n, planted=TRUE,
    )  # fmt: skip


def _beside_own_spread(effect: str, n: int) -> Rule:
    """The spread comes from d, so that the test is that of d whatever mean is printed."""
    claim = f"{effect}.diff"

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        half = critical(n) * spread_of(rows, effect)[1] / sqrt(n)
        about = (
            "95 % of means if nothing happens, at the spread that makes it its own d, which is tested there"
        )
        return {claim: within(rows[claim], -half, half, about)}

    def null(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        return invented(rows, (claim,), rng)

    return Rule(
        "mean beside the spread from its own d", (claim,), judge, null=null, plant=null, planted="any mean"
    )


def _width(rows: Rows, effect: str, n: int) -> Scrutiny:
    """A bootstrap interval of a mean is as wide as that of the t test, but for the skew of small counts."""
    claim, mean = rows[f"{effect}.ci"], printed(rows[f"{effect}.diff"])
    least, most = (2 * critical(n) * one / sqrt(n) for one in spread_of(rows, effect))
    unit, low, high = _unit(claim), float(claim["lo"]), float(claim["hi"])
    # both ends are rounded, each by half a unit of their last digit
    fits = least <= high - low + unit and high - low - unit <= most
    if not (low - unit <= mean[1] and mean[0] <= high + unit):
        return Scrutiny("arithmetic fails", f"the printed mean, {spread(*mean)}, lies outside")
    covers = "it covers 0" if low <= 0 <= high else "it leaves out 0"
    note = f"width {number(high - low)}, from d and n {spread(least, most)}; {covers}"
    return Scrutiny("arithmetic holds" if fits else "arithmetic fails", note)


def _unit(claim: Row) -> float:
    """One unit of the last digit of an interval."""
    return float(10.0 ** -len(str(claim["value"]).partition("..")[0].partition(".")[2]))


def _wide(rows: Rows, effect: str, n: int) -> dict[str, Row]:
    claim, mean = rows[f"{effect}.ci"], float(rows[f"{effect}.diff"]["lo"])
    half = critical(n) * abs(mean / float(rows[f"{effect}.d"]["lo"])) / sqrt(n)
    return {f"{effect}.ci": reprinted(claim, mean - half, mean + half)}


def _powers(rows: Rows) -> tuple[float, float]:
    n = n_of(rows, f"P75.{SCORES[0]}")
    return _mean_powers(tuple(_sizes(rows[f"P75.{score}.d"]) for score in SCORES), n)


@lru_cache(maxsize=16)
def _mean_powers(of_scores: tuple[tuple[float, float], ...], n: int) -> tuple[float, float]:
    """Least and largest mean power, by both ways, at effect sizes of which the digits are known."""
    sizes = np.array(of_scores)  # (score, end)
    low, high = (post_hoc_as_published(ends, n) for ends in sizes.T)
    edge, shifts = norm.ppf(1 - LEVEL / 2), sizes.T * sqrt(n)
    least, most = (float((norm.sf(edge - own) + norm.cdf(-edge - own)).mean()) for own in shifts)
    return min(low, least), max(high, most)


def _n_needed(d: float, power: float) -> int:
    """By the normal approximation."""
    return ceil(((norm.ppf(1 - LEVEL / 2) + norm.ppf(power)) / d) ** 2)


def _tried_powers(d: float, asked: str | None) -> dict[str, int]:
    """Pairs needed at the power that is asked for, or at the usual ones, by the approximation and by the t test."""
    found = {}
    for power in (float(asked),) if asked else POWERS:
        found[f"{power:.0%} power"] = _n_needed(d, power)
        found[f"{power:.0%} power, t test"] = needed_n(d, power)
    return found


def _needed(claim: str, d: float, asked: str | None) -> Rule:
    """At the power that the author's code asks for; where nothing settles it, at the usual ones."""
    tried, usual = _tried_powers(d, asked), needed_n(d)

    def judge(row: Row) -> Scrutiny:
        fits = [name for name, n in tried.items() if n == int(row["lo"])]
        rule = ", and (3/d)²" if int(row["lo"]) == needed_n_as_published(d) else ""
        about = f"the n of {' and '.join(fits)}{rule}" if fits else f"of no tried power{rule}"
        source = f"asked for by {row['settled_source']}" if asked else "the report names no power"
        note = f"{about}, d = {d}; {source}; at the usual 80 % the t test needs {usual}"
        return Scrutiny("arithmetic holds" if fits else "arithmetic fails", note)

    def plant(rng: np.random.Generator) -> float:
        return float(rng.choice(list(tried.values())))

    return single("pairs needed at a power", claim, judge, plant=plant, planted=TRUE)
