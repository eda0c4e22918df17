"""What can be said of a claim without its model: the second column of the ledger.

The rules, one word each:

- *at chance*: under its null the published formula, at the claim's own width, number of rows and k, reaches the value;
  *above chance*: it does not. A value below the null is at chance too.
- *arithmetic holds*, *arithmetic fails*: what the report prints can be computed, and agrees with the printed digits or
  not.
- *conflicts*: another report, or another place of the same one, says otherwise.
- *no null applies*: a count, a setting, or a statement without a quantity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from emotion_utils.claims import Measurement, stated_interval

__all__ = ["Scrutiny", "computed", "printed", "scrutinised", "under_null"]


class Scrutiny(NamedTuple):
    """A word of :data:`emotion_utils.claims.SCRUTINY`, and what it rests on."""

    word: str
    note: str


def printed(claim: pd.Series) -> tuple[float, float]:
    """The range that a row of the claims states, or what rounds to its digits."""
    return stated_interval(str(claim["value"]), float(claim["lo"]), float(claim["hi"]))


def under_null(claim: pd.Series, low: float, high: float, about: str) -> Scrutiny:
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
    return Scrutiny(word, f"{about}: {low:.3g} to {high:.3g}")


def computed(claim: pd.Series, low: float, high: float, about: str) -> Scrutiny:
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
    return Scrutiny(word, f"{about}: {low:.3g}" if low == high else f"{about}: {low:.3g} to {high:.3g}")


def scrutinised(rows: Iterable[Measurement], found: Mapping[str, Scrutiny]) -> list[Measurement]:
    """The same measurements, each with the scrutiny of its claim where there is one."""
    return [
        replace(row, scrutiny=found[row.claim].word, scrutiny_note=found[row.claim].note)
        if row.claim in found
        else row
        for row in rows
    ]
