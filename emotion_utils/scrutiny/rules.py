"""The words that can be said of a claim without its model, and the rules behind them.

- *at chance*: under its null the published formula, at the claim's own width, number of rows and k, reaches the value;
  *above chance*: it does not. A value below the null is at chance too.
- *undecided*: the null depends on something that the report does not give, and the value lies above it at one end of
  what that may be and not at the other; both ends are named.
- *not identifiable*: whatever the report had printed, the rule would have said the same
  (:mod:`emotion_utils.scrutiny.rule_for_rules`).
- *arithmetic holds*, *arithmetic fails*: what the report prints can be computed, and agrees with the printed digits or
  not.
- *conflicts*: two statements about the same thing differ by more than their errors, or name different things.
- *no null applies*: a setting, or a statement without a quantity, for which no null can be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any, NamedTuple

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.reports.replication import stated_interval
from emotion_utils.statistics.permutations import LEVEL

SCRUTINY = (
    "at chance",
    "above chance",
    "undecided",
    "not identifiable",
    "arithmetic holds",
    "arithmetic fails",
    "conflicts",
    "no null applies",
)
"""What can be said of a claim without its model."""
NOTHING = SCRUTINY[-1]
Row = Mapping[str, Any]
"""A row of the claims, by column."""
Rows = Mapping[str, Row]
"""Rows of the claims, by id."""


class _Said(NamedTuple):
    word: str
    note: str


class Scrutiny(_Said):
    """A word of :data:`SCRUTINY`, and what it rests on: a fragment that names what was computed."""

    __slots__ = ()

    def __new__(cls, word: str, note: str) -> Scrutiny:
        """Refuse any other word."""
        if word not in SCRUTINY:
            raise UserError(f'"{word}" ({note}) is no word of the scrutiny: {suggestion(word, SCRUTINY)}')
        return super().__new__(cls, word, note)


def printed(claim: Row) -> tuple[float, float]:
    """The range that a row of the claims states, or what rounds to its digits."""
    return stated_interval(str(claim["value"]), float(claim["lo"]), float(claim["hi"]))


def value(rows: Rows, claim: str) -> float:
    """The value of a claim; of a range the lower end."""
    return float(rows[claim]["lo"])


def settled(claim: Row) -> dict[str, str]:
    """What the author's public code settles for a claim, by name, from the column `settled`."""
    parts = (part.partition("=") for part in str(claim.get("settled", "")).split(";"))
    return {name.strip(): what.strip() for name, _, what in parts if name.strip()}


def number(given: float) -> str:
    """Three digits; counts in full."""
    return f"{given:,.0f}" if abs(given) >= 1000 or float(given).is_integer() else f"{given:.3g}"


def spread(low: float, high: float) -> str:
    """A range in words, a single number where its ends are equal."""
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def under_null(claim: Row, low: float, high: float, about: str) -> Scrutiny:
    """Whether the published value exceeds what its formula gives where there is nothing to find.

    Parameters
    ----------
    claim
        A row of the claims.
    low, high
        Range of the formula under its null.
    about
        What the null is, in a few words.
    """
    word = "at chance" if printed(claim)[0] <= high else "above chance"
    return Scrutiny(word, f"{about}: {spread(low, high)}")


def within(claim: Row, low: float, high: float, about: str) -> Scrutiny:
    """:func:`under_null` for a quantity with a sign: a value below the null's range is no less surprising."""
    ours = printed(claim)
    word = "at chance" if ours[0] <= high and low <= ours[1] else "above chance"
    return Scrutiny(word, f"{about}: {spread(low, high)}")


def between(claim: Row, ends: Mapping[str, tuple[float, float]], *, signed: bool = False) -> Scrutiny:
    """:func:`under_null` where the null depends on what the report does not give: the word if all ends agree.

    Parameters
    ----------
    claim
        A row of the claims.
    ends
        Range of the formula under its null at each end of what that may be, by a few words about it.
    signed
        Whether a value below the range is as surprising as one above it.
    """
    rule = within if signed else under_null
    said = [rule(claim, low, high, about) for about, (low, high) in ends.items()]
    return either(said)


def either(said: Iterable[Scrutiny]) -> Scrutiny:
    """One word for both ends of what a report does not give: theirs if it is the same, otherwise *undecided*."""
    listed = list(said)
    words = {one.word for one in listed}
    note = "; ".join(dict.fromkeys(one.note for one in listed))
    return Scrutiny(words.pop() if len(words) == 1 else "undecided", note)


def chance(p: float, about: str) -> Scrutiny:
    """At chance where a test's p value exceeds :data:`LEVEL`."""
    return Scrutiny("at chance" if p > LEVEL else "above chance", f"{about}: p = {p:.2g}")


def computed(claim: Row, low: float, high: float, about: str) -> Scrutiny:
    """Whether the printed value agrees with what can be computed without any model.

    Parameters
    ----------
    claim
        A row of the claims.
    low, high
        Range of what was computed, both equal where it is exact.
    about
        What was computed, in a few words.
    """
    theirs = printed(claim)
    word = "arithmetic holds" if low <= theirs[1] and theirs[0] <= high else "arithmetic fails"
    return Scrutiny(word, f"{about}: {spread(low, high)}")


def no_null(reason: str) -> Scrutiny:
    """A claim of which nothing can be said without its model, and why."""
    return Scrutiny(NOTHING, reason)


def reasons(given: Mapping[str, str]) -> dict[str, Scrutiny]:
    """:func:`no_null` for many claims."""
    return {claim: no_null(reason) for claim, reason in given.items()}


def mean_range(claims: Rows, wanted: Iterable[str]) -> tuple[float, float]:
    """Least and largest mean of the values of some claims, of which only the rounded digits are known."""
    low, high = zip(*(printed(claims[claim]) for claim in wanted), strict=True)
    return fmean(low), fmean(high)
