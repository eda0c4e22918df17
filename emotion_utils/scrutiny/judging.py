"""A rule of the scrutiny as a function that can be run on other values than the printed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil, log, log10
from typing import Any

import numpy as np
import pandas as pd

from emotion_utils.reports.replication import decimals
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, computed, no_null

Judge = Callable[[Rows], Mapping[str, Scrutiny]]
Draw = Callable[[Rows, np.random.Generator], Mapping[str, Row]]
LEAST, MOST = 0.1, 10.0
"""Invented values, as multiples of the published one."""
UNBOUNDED = (-np.inf, np.inf)
BOUNDS = {
    "cosine": (-1.0, 1.0),
    "mean cosine of the top 5 principal angles": (-1.0, 1.0),
    "seed cos^2": (0.0, 1.0),
    "difference": (-1.0, 1.0),
    "relative drop": (-np.inf, 1.0),
    "delta attention": (-1.0, 1.0),
    "sentiment difference": (-2.0, 2.0),
    "p": (0.0, 1.0),
    "power": (0.0, 1.0),
    "points": (-100.0, 100.0),
    "%": (0.0, 100.0),
    "macro F1 %": (0.0, 100.0),
    "share": (0.0, 1.0),
    "survival rate": (0.0, 1.0),
    "explained variance": (-np.inf, 1.0),
    "R^2": (-np.inf, 1.0),
}
"""Of the metrics; others have none."""


def invented(rows: Rows, claims: Iterable[str], rng: np.random.Generator) -> dict[str, Row]:
    """Other values for claims: log-uniform from a tenth to ten times the published ones, of the same sign.

    The ends of a range move together, the two values of a pair apart; no value leaves the bounds of its metric. Claims
    without a number stay as they are.
    """
    found: dict[str, Row] = {}
    for claim in claims:
        row = rows[claim]
        low, high = float(row["lo"]), float(row["hi"])
        if not np.isfinite([low, high]).all():
            continue
        if row["kind"] == "pair":
            found[claim] = reprinted(row, *(end * factor_within(row, (end,), rng) for end in (low, high)))
        else:
            factor = factor_within(row, (low, high), rng)
            found[claim] = reprinted(row, low * factor, high * factor)
    return found


def factor_within(row: Row, values: Iterable[float], rng: np.random.Generator) -> float:
    """A log-uniform factor that keeps all values within the bounds of the metric."""
    low, high = BOUNDS.get(str(row["metric"]), UNBOUNDED)
    room = [(high if each > 0 else low) / each for each in values if each]
    most = min([MOST, *room])
    return float(np.exp(rng.uniform(log(min(LEAST, most)), log(most))))


def reprinted(row: Row, low: float, high: float | None = None) -> dict[str, Any]:
    """A row with another value, in as many digits as the report prints, and no fewer significant ones.

    Parameters
    ----------
    row
        Of the claims.
    low, high
        Ends of a range, values of a pair, or one number.
    """
    digits, shown = decimals(str(row["value"])), abs(float(row["lo"])) or abs(float(row["hi"]))
    own = [low] if high is None or (row["kind"] == "number") else [low, high]
    least = min((abs(each) for each in own if each), default=0.0)
    if digits > 0 and 0 < least < shown:
        digits += ceil(log10(shown / least))
    rounded = [round(each, digits) for each in own]
    texts = [f"{each:.{digits}f}" for each in rounded]
    joint = next((sign for sign in ("..", "->") if sign in str(row["value"])), " vs ")
    return {**row, "value": joint.join(texts), "lo": rounded[0], "hi": rounded[-1]}


@dataclass(frozen=True)
class Rule:
    """What decides the word of some claims, and what it can be tried on.

    Attributes
    ----------
    name
        Claims under one name are judged alike.
    claims
        Judged together.
    judge
        All rows of the claims, some of them replaced, to the words of `claims`.
    invent
        Other rows in place of the printed ones; by default :func:`invented`.
    null
        Rows as they come where there is nothing to find; for arithmetic, and where no null can be drawn, None.
    plant
        Rows as they come where there is something, or, for arithmetic, the figures that follow.
    planted
        What that is, in a few words.
    reads_value
        False where the same is said whatever the report prints.
    """

    name: str
    claims: tuple[str, ...]
    judge: Judge
    invent: Draw | None = None
    null: Draw | None = None
    plant: Draw | None = None
    planted: str = ""
    reads_value: bool = True

    def other(self, rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        """Invented rows."""
        return invented(rows, self.claims, rng) if self.invent is None else self.invent(rows, rng)

    def said(self, rows: Rows, changes: Mapping[str, Row] | None = None) -> dict[str, Scrutiny]:
        """The words of the claims, some rows being replaced."""
        found = self.judge({**rows, **(changes or {})})
        return {claim: found[claim] for claim in self.claims}


Value = Callable[[np.random.Generator], float]


def single(
    name: str,
    claim: str,
    judge: Callable[[Row], Scrutiny],
    *,
    null: Value | None = None,
    plant: Value | None = None,
    planted: str = "",
) -> Rule:
    """A rule for one claim that needs no other row.

    Parameters
    ----------
    name, claim, planted
        As in :class:`Rule`.
    judge
        The row to its word.
    null, plant
        One value in the claim's unit.
    """
    return Rule(
        name,
        (claim,),
        lambda rows: {claim: judge(rows[claim])},
        null=null and partial(_drawn, claim, null),
        plant=plant and partial(_drawn, claim, plant),
        planted=planted,
    )


def _drawn(claim: str, draw: Value, rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
    return {claim: reprinted(rows[claim], draw(rng))}


def without_null(name: str, reasons: Mapping[str, str]) -> list[Rule]:
    """Claims for which no null can be made, with the reason of each."""
    return [always(name, claim, no_null(reason)) for claim, reason in reasons.items()]


def always(name: str, claim: str, said: Scrutiny) -> Rule:
    """A claim of which the same is said whatever is printed."""
    return Rule(name, (claim,), lambda rows: {claim: said}, reads_value=False)


def rows_of(claims: pd.DataFrame) -> dict[str, Row]:
    """The claims by id, each a mapping of its columns; of a frame whose index is the id."""
    return {str(claim): dict(row) for claim, row in claims.to_dict("index").items()}


def judged(rules: Iterable[Rule], rows: Rows) -> dict[str, Scrutiny]:
    """The words of all claims that some rules are about."""
    found: dict[str, Scrutiny] = {}
    for rule in rules:
        found |= rule.said(rows)
    return found


TRUE = "the figure that follows"


def follows(
    name: str, claim: str, compute: Callable[[Rows], tuple[float, float]], about: Callable[[Rows], str] | str
) -> Rule:
    """A figure that follows from other printed ones, or from what is known.

    Parameters
    ----------
    name, claim
        As in :func:`single`.
    compute
        All rows to the range of what follows, both ends equal where it is exact.
    about
        What is computed, in a few words.
    """

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        told = about if isinstance(about, str) else about(rows)
        return {claim: computed(rows[claim], *compute(rows), told)}

    def plant(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        return {claim: reprinted(rows[claim], float(rng.uniform(*compute(rows))))}

    return Rule(name, (claim,), judge, plant=plant, planted=TRUE)
