"""The reports' effects of one head and their power (Phase 7.5): what their printed figures say about each other.

A paired t test needs nothing but n and the effect size d, so that a p value follows from the two; the spread of the
differences is the mean difference over d. Where that spread alone moves the mean as far as it was moved, the value is
at chance.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from emotion_utils.scrutiny.rules import Scrutiny, computed, number, printed, spread, within
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.power import needed_n, needed_n_as_published, post_hoc_as_published

SCORES = ("gratitude", "sentiment", "politeness", "anger")
COUNTED = ("gratitude", "anger")
"""Scores that are whole numbers in every text."""
POWERS = (0.8, 0.85, 0.9, 0.95)
NEEDED = {"P75.n.small": 0.2, "P75.n.medium": 0.5}


def scrutiny(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    """The claims of Phase 7.5 about effect sizes and power.

    Parameters
    ----------
    claims
        Indexed by id.
    """
    found = {"P75.power": _power(claims)}
    for score in SCORES:
        found |= _effect(claims, f"P75.{score}", score in COUNTED)
    return found | {claim: _needed(claims.loc[claim], d) for claim, d in NEEDED.items()}


def null_of_mean(claims: pd.DataFrame, effect: str) -> tuple[float, float]:
    """Where 95 % of mean differences lie if an intervention does nothing, at the spread that an effect implies.

    Parameters
    ----------
    claims
        Indexed by id.
    effect
        Such as ``P75.sentiment``.
    """
    half = _critical(n_of(claims, effect)) * _spread_of(claims, effect)[0] / sqrt(n_of(claims, effect))
    return -half, half


def n_of(claims: pd.DataFrame, effect: str) -> int:
    """Pairs behind an effect."""
    return int(str(claims.loc[f"{effect}.d", "condition"]).removeprefix("n="))


def p_of(d: float, n: int) -> float:
    """Two-sided p of a paired t test from its effect size."""
    return float(2 * t.sf(abs(d) * sqrt(n), n - 1))


def _critical(n: int) -> float:
    return float(t.ppf(1 - LEVEL / 2, n - 1))


def _sizes(claim: pd.Series) -> tuple[float, float]:
    """Least and largest absolute number that rounds to the printed digits."""
    low, high = printed(claim)
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def _spread_of(claims: pd.DataFrame, effect: str) -> tuple[float, float]:
    """Least and largest standard deviation of the differences: the mean difference over d."""
    mean, d = (_sizes(claims.loc[f"{effect}.{what}"]) for what in ("diff", "d"))
    return mean[0] / d[1], mean[1] / d[0]


def _effect(claims: pd.DataFrame, effect: str, counted: bool) -> dict[str, Scrutiny]:
    n = n_of(claims, effect)
    d, ends, p = (claims.loc[f"{effect}.{what}"] for what in ("d", "ci", "p"))
    half = _critical(n) / sqrt(n)
    low, high = _sizes(d)
    return {
        f"{effect}.diff": _mean(claims, effect, n, counted),
        f"{effect}.d": within(d, -half, half, f"95 % of d if nothing happens, n = {n}"),
        f"{effect}.ci": _width(ends, n, _spread_of(claims, effect), printed(claims.loc[f"{effect}.diff"])),
        f"{effect}.p": computed(p, p_of(high, n), p_of(low, n), f"paired t test, from d and n = {n}"),
    }


def _mean(claims: pd.DataFrame, effect: str, n: int, counted: bool) -> Scrutiny:
    claim = claims.loc[f"{effect}.diff"]
    word, note = within(
        claim, *null_of_mean(claims, effect), "95 % of means if nothing happens, spread from d"
    )
    if not counted:
        return Scrutiny(word, note)
    total, (low, high) = round(float(claim["lo"]) * n), printed(claim)
    if not low <= total / n <= high:
        return Scrutiny("arithmetic fails", f"no whole number of words over n = {n} rounds to it")
    return Scrutiny(word, f"{note}; {total:+d} words over {n} texts")


def _width(claim: pd.Series, n: int, spreads: tuple[float, float], mean: tuple[float, float]) -> Scrutiny:
    """A bootstrap interval of a mean is as wide as that of the t test, but for the skew of small counts."""
    least, most = (2 * _critical(n) * one / sqrt(n) for one in spreads)
    # both ends are rounded, each by half a unit of their last digit
    unit = 10.0 ** -len(str(claim["value"]).partition("..")[0].partition(".")[2])
    low, high = float(claim["lo"]), float(claim["hi"])
    word = (
        "arithmetic holds" if least <= high - low + unit and high - low - unit <= most else "arithmetic fails"
    )
    if not (low - unit <= mean[1] and mean[0] <= high + unit):
        return Scrutiny("arithmetic fails", f"the printed mean, {spread(*mean)}, lies outside")
    covers = "it covers 0" if low <= 0 <= high else "it leaves out 0"
    return Scrutiny(word, f"width {number(high - low)}, from d and n {spread(least, most)}; {covers}")


def _power(claims: pd.DataFrame) -> Scrutiny:
    n = n_of(claims, f"P75.{SCORES[0]}")
    sizes = np.array([_sizes(claims.loc[f"P75.{score}.d"]) for score in SCORES])  # (score, end)
    low, high = (post_hoc_as_published(ends, n) for ends in sizes.T)
    edge, shifts = norm.ppf(1 - LEVEL / 2), sizes.T * sqrt(n)
    least, most = (float((norm.sf(edge - own) + norm.cdf(-edge - own)).mean()) for own in shifts)
    about = "mean power at the four printed d, by the t test and by its normal approximation"
    return computed(claims.loc["P75.power"], min(low, least), max(high, most), about)


def _needed(claim: pd.Series, d: float) -> Scrutiny:
    """The report names no power: the usual ones are tried, by the t test and by its normal approximation."""
    theirs, usual = int(claim["lo"]), needed_n(d)
    edge = norm.ppf(1 - LEVEL / 2)
    tried = {f"{power:.0%}": ceil(((edge + norm.ppf(power)) / d) ** 2) for power in POWERS}
    tried |= {f"{power:.0%}, t test": needed_n(d, power) for power in POWERS}
    fits = [power for power, n in tried.items() if n == theirs]
    word = "arithmetic holds" if fits else "arithmetic fails"
    rule = ", and (3/d)²" if theirs == needed_n_as_published(d) else ""
    found = f"the n of {' and '.join(fits)} power{rule}" if fits else f"of no usual power{rule}"
    return Scrutiny(
        word, f"{found}; at the usual 80 % the t test needs {usual}, d = {d}; the report names no power"
    )
