"""The first column of the ledger: did we measure the same? The verdict, by rule, from the columns of a claim.

What a replication needs stands in the column ``basis`` of `data/claims.csv`:

- *model*: the claim's own model, named in ``replicates_on``. A blank model of a report is filled in there: it does not
  mean that any model will do. Measured on another one, the verdict is `other model`, which *agrees* or *contradicts* by
  the claim's own rule and decides nothing.
- *data*: the author's prompts or machine, which we do not have: `other data`.
- *design*: a size or a setting that whoever runs the experiment chooses: `by design`. It is never counted.
- *arithmetic*: a calculation, which needs neither.

The column ``rule`` says by what a claim holds: nothing there for the tolerance, `chapter` for a rule that the chapter
states, `equivalence` for a claim that nothing happens, `not significant` for a p value that is above 0.05.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds

Verdict = Literal["reproduced", "not reproduced", "other model", "other data", "by design", "pending"]
OTHER_MODEL = "other model"
ELSEWHERE: dict[str, Verdict] = {"data": "other data", "design": "by design"}
"""The verdict on what was measured, where the basis alone settles it."""
BASES = ("model", "arithmetic", *ELSEWHERE)
EQUIVALENCE, NOT_SIGNIFICANT, CHAPTER = "equivalence", "not significant", "chapter"
RULES = ("", CHAPTER, EQUIVALENCE, NOT_SIGNIFICANT)
WITHIN = re.compile(r"within (\d+(?:\.\d+)?) %")
INSIDE = "our value inside [lo, hi]"
PRINTED = re.compile(r"-?\d[\d,]*(?:\.(\d+))?(?:e([+-]?\d+))?")


@dataclass(frozen=True)
class Claim:
    """One row of `data/claims.csv`, as far as the rule needs it.

    Attributes
    ----------
    id
        Stable name; the prefix is the chapter.
    value
        As printed in the report.
    kind
        `number`, `range`, `pair`, `order` or `qualitative`.
    lo, hi
        The value in numbers, NaN where it has none.
    replicates_on
        Models on which the claim can be replicated, alternatives separated by `|`; empty unless the basis is `model`.
    tolerance
        The rule in words.
    basis
        One of :data:`BASES`.
    rule
        One of :data:`RULES`.
    margin
        Of a claim of no effect, in its unit: an effect that is smaller does not matter; NaN of other claims.
    """

    id: str
    value: str
    kind: str
    lo: float
    hi: float
    replicates_on: str
    tolerance: str
    basis: str = "model"
    rule: str = ""
    margin: float = math.nan

    def __post_init__(self) -> None:
        for name, known in (("basis", BASES), ("rule", RULES)):
            if (word := getattr(self, name)) not in known:
                raise UserError(f'The {name} of {self.id} is "{word}": {suggestion(word, known)}')
        if self.basis == "model" and not self.replicates_on:
            raise UserError(
                f"The claim {self.id} names no model that it replicates on: fill in replicates_on."
            )


class Number(NamedTuple):
    """A number with its 95 % interval and what its null gives; NaN where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan
    null: float = math.nan

    @property
    def told(self) -> str:
        """The value with its interval."""
        ends = "no interval" if math.isnan(self.low) else f"{self.low:+.3f} to {self.high:+.3f}"
        return f"{self.value:+.3f} ({ends})"

    def measured(
        self, claim: str, model: str, n: int, holds: bool | None = None, note: str = ""
    ) -> Measurement:
        """As the measurement of a claim."""
        low, high, null = (None if math.isnan(end) else end for end in self[1:])
        return Measurement(claim, model, self.value, low, high, null, n, holds, note)


@dataclass(frozen=True)
class Measurement:
    """What a chapter measured for one claim.

    Attributes
    ----------
    claim
        Id of the claim.
    model
        Registry name of the model, empty where none is involved.
    value
        In the claim's unit; None where it could not be measured, which leaves the claim pending.
    low, high
        The 95 % interval.
    null
        Mean of the metric under its null, where one applies.
    n
        Number of units (unique prompts, pairs, ...).
    holds
        For orders and qualitative claims: whether the chapter's own rule says so.
    note
        A sentence for the reader.
    """

    claim: str
    model: str
    value: float | None
    low: float | None = None
    high: float | None = None
    null: float | None = None
    n: int | None = None
    holds: bool | None = None
    note: str = ""

    def __post_init__(self) -> None:
        about = f"The measurement of {self.claim} has"
        for name in ("value", "low", "high", "null"):
            number = getattr(self, name)
            if number is not None:
                if not math.isfinite(number):
                    raise UserError(f"{about} {name} = {number}: pass a finite number or None.")
                object.__setattr__(self, name, float(number))
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UserError(f"{about} the interval {self.low}..{self.high}: swap its ends.")


def replication(claim: Claim, measured: Measurement | None) -> Verdict:
    """The verdict on a measurement; see the top of this module.

    What was not measured is pending, and so is a claim about the right model whose rule leaves it undecided. The
    measurement's model goes by the name that the claims use: :func:`emotion_utils.reports.claims.claimed_name`.
    """
    if measured is None or (measured.value is None and measured.holds is None):
        return "pending"
    if claim.basis in ELSEWHERE:
        return ELSEWHERE[claim.basis]
    if claim.basis == "model" and measured.model not in claim.replicates_on.split("|"):
        return "other model"
    held = rule_holds(claim, measured)
    if held is None:
        return "pending"
    return "reproduced" if held else "not reproduced"


def in_words(verdict: str, holds: bool | None) -> str:
    """A verdict as a page shows it: on another model with what the claim's own rule says there."""
    if verdict != OTHER_MODEL:
        return verdict
    return f"{verdict}, {'undecided' if holds is None else 'agrees' if holds else 'contradicts'}"


def rule_holds(claim: Claim, measured: Measurement | None) -> bool | None:
    """Whether a measurement fulfils the rule of its claim, whatever the model; None where nothing decides.

    A number holds if ours has its sign, lies within the stated percentage of it, and either the value lies in our
    interval or ours in theirs, which is the rounding interval of the printed digits where the report gives none. A
    range holds if our value lies inside it. A claim that nothing happens holds by :func:`nothing_holds`, unless the
    chapter decides it. Other kinds follow the chapter's rule, `Measurement.holds`.
    """
    if measured is None or (measured.value is None and measured.holds is None):
        return None
    if claim.rule == EQUIVALENCE and measured.holds is None:
        return nothing_holds(measured.low, measured.high, claim.margin)
    if claim.rule == NOT_SIGNIFICANT:
        return None if measured.value is None else measured.value > LEVEL
    if claim.rule or claim.kind not in ("number", "range"):
        return measured.holds
    if claim.kind == "number":
        return measured.value is not None and _number_holds(claim, measured)
    if claim.tolerance != INSIDE:
        raise UserError(f"The tolerance of {claim.id} is {claim.tolerance!r}: a range has {INSIDE!r}.")
    return measured.value is not None and claim.lo <= measured.value <= claim.hi


def nothing_holds(low: float | None, high: float | None, margin: float) -> bool | None:
    """Whether "no effect" is shown, refuted, or neither, from a 95 % interval.

    Shown where the whole interval lies within plus and minus the margin: both one-sided tests of equivalence
    {cite:p}`schuirmann1987` then have p below 0.025. Refuted where the interval leaves out 0 and is not within. A wide
    interval that has 0 in it shows nothing, and neither does a value without an interval.

    Parameters
    ----------
    low, high
        Ends of the interval, in the unit of the claim; None where there is none.
    margin
        The smallest effect that would matter, in the same unit.
    """
    if not margin > 0:
        raise UserError(f"A claim of no effect needs a margin above 0, not {margin}: fill in its column.")
    if low is None or high is None:
        return None
    if -margin < low and high < margin:
        return True
    return False if low > 0 or high < 0 else None


def lies_above(
    low: float, high: float, limit: float = 0.0, *, reached: bool = False, ended: bool = False
) -> bool | None:
    """Whether an interval lies above a limit; None where it lies on both sides, which cannot tell.

    Parameters
    ----------
    low, high
        Ends of the interval; NaN where there is none, which decides nothing.
    limit
        Neither side has it.
    reached
        Whether an interval that begins at the limit counts as above.
    ended
        Whether an interval that ends at the limit counts as not above.

    Examples
    --------
    >>> lies_above(0.1, 0.4), lies_above(-0.4, -0.1), lies_above(-0.1, 0.4)
    (True, False, None)
    """
    if low > limit or (reached and low == limit):
        return True
    return False if high < limit or (ended and high == limit) else None


def lies_below(low: float, high: float, limit: float = 0.0) -> bool | None:
    """Whether an interval lies below a limit, as :func:`lies_above` says it of above."""
    above = lies_above(low, high, limit)
    return None if above is None else not above


def all_hold(parts: Iterable[bool | None]) -> bool | None:
    """Whether all parts of a claim hold: one that fails decides, and else one that is undecided leaves it open."""
    said = list(parts)
    return False if False in said else None if None in said else True


def any_holds(parts: Iterable[bool | None]) -> bool | None:
    """Whether any part holds: one that does decides, and else one that is undecided leaves it open."""
    said = list(parts)
    return True if True in said else None if None in said else False


def none_of(units: int, what: str = "units") -> str:
    """What "nothing happened" is worth, as a fragment: the exact (Clopper-Pearson) upper bound of its share.

    Parameters
    ----------
    units
        Independent ones, none of which changed.
    what
        Their name in the plural.
    """
    return f"no change in {units} {what}, so in at most {binomial_bounds(0, units)[1]:.0%} of all (exact 95 % bound)"


def without_empty_interval(claim: Claim, measured: Measurement) -> Measurement:
    """Leave out an interval of no width: where no resample differs, the resamples say nothing of the error.

    What somebody chose is known without an error, and keeps it.
    """
    if claim.basis == "design" or measured.low is None or measured.low != measured.high:
        return measured
    note = "; ".join(part for part in (measured.note, "no resample differs, hence no interval") if part)
    return replace(measured, low=None, high=None, note=note)


def _number_holds(claim: Claim, measured: Measurement) -> bool:
    share = WITHIN.search(claim.tolerance)
    if share is None:
        raise UserError(f"The tolerance of {claim.id} is {claim.tolerance!r}: a number says 'within ... %'.")
    ours, theirs = measured.value, claim.lo
    if ours is None:
        return False
    low, high = stated_interval(claim.value, claim.lo, claim.hi)
    low_of_ours = ours if measured.low is None else measured.low
    high_of_ours = ours if measured.high is None else measured.high
    same_sign = (ours > 0) == (theirs > 0) and (ours < 0) == (theirs < 0)
    near = abs(ours - theirs) <= float(share.group(1)) / 100 * abs(theirs)
    inside = low_of_ours <= theirs <= high_of_ours or low <= ours <= high
    # a printed zero has no sign and no percentage: only its rounding can hold
    return (same_sign and near and inside) if theirs != 0 else low <= ours <= high


def stated_interval(value: str, lo: float, hi: float) -> tuple[float, float]:
    """The range that a report states, or all numbers that round to the digits which it prints.

    Parameters
    ----------
    value
        As printed.
    lo, hi
        In numbers.
    """
    if lo != hi:
        return min(lo, hi), max(lo, hi)
    half = 0.5 * 10.0 ** -decimals(value) if PRINTED.search(value) else 0.0
    return lo - half, hi + half


def decimals(value: str) -> int:
    """Decimals of the first number of a printed value; of 5.2e-05 six."""
    printed = PRINTED.search(value)
    return len(printed.group(1) or "") - int(printed.group(2) or 0) if printed else 0
