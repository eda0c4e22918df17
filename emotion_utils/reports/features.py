"""The report's claims about sparse features of two siblings, a base model and its Japanese continuation.

All are differences, Japanese minus base, but for the variance that dictionaries explain. A difference agrees with the
report where it surely has its sign and is within half of its size, and contradicts it where its interval leaves out all
such values; without an interval, and between, nothing is decided. The claims on single labels are about communities
that nobody else has, and are not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from emotion_utils.reports.claims import Measurement, read_claims, too_few
from emotion_utils.reports.replication import Number, lies_above
from emotion_utils.reports.siblings import BETWEEN
from emotion_utils.statistics.resampling import FEWEST_UNITS

HALF = 0.5
"""By how much of its size a difference may differ from the report's."""
EXPLAINED, OVERALL = "C.sae.ev", "C.cue.overall"
PREFIXES = ("C.sae.", "C.knockout.", "C.cue.", "C.variants.", "C.sparsity.")


@dataclass(frozen=True)
class FeatureClaims:
    """What a chapter measured of two siblings.

    Attributes
    ----------
    base, japanese
        Registry names.
    explained
        Variance that dictionaries explain, mean over layers and siblings.
    differences
        Japanese minus base, by the id of the claim.
    diverse
        Different tokens that fire a feature, Japanese minus base.
    n
        Units behind each, by the id of the claim.
    """

    base: str
    japanese: str
    explained: Number
    differences: Mapping[str, Number]
    diverse: Number
    n: Mapping[str, int]


def chapter_measurements(found: FeatureClaims) -> list[Measurement]:
    """Measure the claims of the report about features: one for each that was asked, without a value for few units."""
    both = f"{found.japanese}{BETWEEN}{found.base}"
    rows = [found.explained.measured(EXPLAINED, both, found.n[EXPLAINED])]
    reported = read_claims().set_index("id")
    for claim, ours in found.differences.items():
        n = found.n[claim]
        if n < FEWEST_UNITS:
            rows += [one for one in too_few(claim, both, n) if one.claim == claim]
            continue
        theirs = float(reported.loc[claim, "lo"]) - float(reported.loc[claim, "hi"])
        told = f"Japanese minus base {ours.told}; the report {theirs:+.3g}"
        rows.append(ours.measured(claim, both, n, as_reported(ours, theirs), told))
    more = lies_above(found.diverse.low, found.diverse.high)
    told = f"different tokens in as many firings, Japanese minus base {found.diverse.told}"
    return [*rows, found.diverse.measured(OVERALL, both, found.n[OVERALL], more, told)]


def as_reported(ours: Number, theirs: float) -> bool | None:
    """Whether a difference has the sign of a reported one and about its size; None where nothing decides.

    Examples
    --------
    >>> as_reported(Number(1.1, 0.4, 1.8), 1.0), as_reported(Number(-1.0, -1.5, -0.5), 1.0)
    (True, False)
    >>> as_reported(Number(1.1), 1.0) is None
    True
    """
    if isnan(ours.low) or isnan(ours.high):
        return None
    sign = 1.0 if theirs >= 0 else -1.0
    least, most = sorted((HALF * theirs, (1 + HALF) * theirs))
    if ours.high < least or ours.low > most:
        return False
    surely = lies_above(*sorted((sign * ours.low, sign * ours.high)))
    return True if surely is True and least <= ours.value <= most else None
