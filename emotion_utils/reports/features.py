"""The report's claims about sparse features of two siblings, a base model and its Japanese continuation.

All are differences, Japanese minus base, but for the variance that dictionaries explain. A difference agrees with the
report where it surely has its sign and is within half of its size, and contradicts it where its interval leaves out all
such values; without an interval, and between, nothing is decided. The claims on single labels are about communities
that nobody else has, and have no value here; neither has the one on the accuracy over all posts without random
features, which are taken out of the posts of single labels.
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
EXPLAINED, OVERALL, RANDOM = "C.sae.ev", "C.cue.overall", "C.knockout.random"
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
    """Measure the claims of the report about features.

    Returns
    -------
    One per claim that begins with one of :data:`PREFIXES`; without a value, and with the reason, where units are too
    few, where there is no such number, and where the claim cannot be asked here.
    """
    both = f"{found.japanese}{BETWEEN}{found.base}"
    reported = read_claims().set_index("id")
    rows = {EXPLAINED: _row(EXPLAINED, both, found.explained, found.n[EXPLAINED])}
    for claim, ours in found.differences.items():
        n = found.n[claim]
        if n < FEWEST_UNITS:
            (rows[claim],) = (one for one in too_few(claim, both, n, n) if one.claim == claim)
            continue
        theirs = float(reported.loc[claim, "lo"]) - float(reported.loc[claim, "hi"])
        told = f"Japanese minus base {ours.told}; the report {theirs:+.3g}"
        rows[claim] = _row(claim, both, ours, n, as_reported(ours, theirs), told)
    more = lies_above(found.diverse.low, found.diverse.high)
    told = f"different tokens in as many firings, Japanese minus base {found.diverse.told}"
    rows[OVERALL] = _row(OVERALL, both, found.diverse, found.n[OVERALL], more, told)
    asked = [claim for claim in reported.index if claim.startswith(PREFIXES)]
    return [rows.get(claim, Measurement(claim, both, None, note=_why_not(claim))) for claim in asked]


def _row(
    claim: str, model: str, number: Number, n: int, holds: bool | None = None, note: str = ""
) -> Measurement:
    if isnan(number.value):
        return Measurement(claim, model, None, n=n, note="no feature has what is counted here")
    return number.measured(claim, model, n, holds, note)


def _why_not(claim: str) -> str:
    """Why a claim has no value."""
    if claim == RANDOM:
        return "random features are taken out of the posts of single labels, and the report gives the accuracy of all"
    if claim.startswith("C.knockout.") and claim.endswith(".mean"):
        return "features are taken out after one layer alone, the last but one"
    if claim.startswith("C.variants."):
        return "the dictionaries have no more features than are taken"
    return "it is about one of the report's communities, which nobody else has"


def as_reported(ours: Number, theirs: float) -> bool | None:
    """Whether a difference has the sign of a reported one and about its size; None where nothing decides.

    Examples
    --------
    >>> as_reported(Number(1.1, 0.4, 1.8), 1.0), as_reported(Number(-1.0, -1.5, -0.5), 1.0)
    (True, False)
    >>> as_reported(Number(1.1), 1.0) is None
    True
    """
    if isnan(ours.low) or isnan(ours.high) or ours.low == ours.high:
        return None  # where no resample differs, they say nothing of the error
    sign = 1.0 if theirs >= 0 else -1.0
    least, most = sorted((HALF * theirs, (1 + HALF) * theirs))
    if ours.high < least or ours.low > most:
        return False
    surely = lies_above(*sorted((sign * ours.low, sign * ours.high)))
    return True if surely is True and least <= ours.value <= most else None
