"""The report's claims about two siblings, a base model and its Japanese continuation: classification and circuits.

- *f1*: macro F1 of each sibling, and of TF-IDF with a linear SVC, on held-out posts.
- *circuit.jpn*, *circuit.base*: components whose mean effect is tau or more; the interval is over clean posts.
- *circuit.early*, *circuit.late*: share of the summed effects of the circuit in the first two thirds of the depth
  (Japanese sibling) and in the last one (base).
- *circuit.sum*: summed effects of all components, Japanese over base.
- *circuit.suff*: sufficiency and necessity, Japanese minus base; holds where both intervals lie above 0, fails where
  one lies below.

On other siblings a rule *agrees* or *contradicts*. The note says whether the two differ by more than trainings of one
of them do, which the report could not ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isnan

from emotion_utils.reports.claims import Measurement, too_few
from emotion_utils.reports.replication import Number, all_hold, lies_above
from emotion_utils.statistics.resampling import FEWEST_UNITS

BETWEEN = "~"
"""Stands between two models that are compared."""


@dataclass(frozen=True)
class SiblingNumbers:
    """What the claims ask of one sibling.

    Attributes
    ----------
    model
        Registry name.
    f1
        Macro F1, per cent.
    size
        Components in its circuit.
    early, late
        Shares of the circuit's effect in the first two thirds of the depth, and in the last.
    """

    model: str
    f1: Number
    size: Number
    early: Number
    late: Number


@dataclass(frozen=True)
class SiblingClaims:
    """What a chapter measured of two siblings.

    Attributes
    ----------
    base, japanese
    tfidf
        Macro F1 of the baseline, per cent.
    total
        Summed effects, Japanese over base.
    sufficiency, necessity
        Japanese minus base.
    posts
        Held-out posts.
    clean
        Clean posts behind the effects.
    beside
        What is said of a claim's difference beside that of two trainings, by the claim's id.
    """

    base: SiblingNumbers
    japanese: SiblingNumbers
    tfidf: Number
    total: Number
    sufficiency: Number
    necessity: Number
    posts: int
    clean: int
    beside: Mapping[str, str]


def chapter_measurements(found: SiblingClaims) -> list[Measurement]:
    """Measure the claims of the report about classification and circuits.

    Returns
    -------
    One per claim; those about circuits without a value where clean posts are too few.
    """
    base, japanese = found.base, found.japanese
    both = f"{japanese.model}{BETWEEN}{base.model}"
    by_f1 = [
        _row("C.f1.jpn", japanese.model, japanese.f1, found.posts),
        _row("C.f1.base", base.model, base.f1, found.posts),
        _row("C.f1.tfidf", "tfidf-svc", found.tfidf, found.posts),
    ]
    if found.clean < FEWEST_UNITS:
        return [*by_f1, *too_few("C.circuit.", both, found.clean)]
    ahead = all_hold(lies_above(one.low, one.high) for one in (found.sufficiency, found.necessity))
    told = f"Japanese minus base: sufficiency {found.sufficiency.told}, necessity {found.necessity.told}"
    rows = [
        _row("C.circuit.jpn", japanese.model, japanese.size, found.clean),
        _row("C.circuit.base", base.model, base.size, found.clean),
        _row("C.circuit.early", japanese.model, japanese.early, found.clean),
        _row("C.circuit.late", base.model, base.late, found.clean),
        _row("C.circuit.sum", both, found.total, found.clean),
        _row("C.circuit.suff", both, found.sufficiency, found.clean, ahead, told),
    ]
    return [*by_f1, *(_with_note(row, found.beside.get(row.claim, "")) for row in rows)]


def _row(
    claim: str, model: str, number: Number, n: int, holds: bool | None = None, note: str = ""
) -> Measurement:
    if isnan(number.value):
        return Measurement(claim, model, None, n=n, note="the circuit is empty, and has no such share")
    return number.measured(claim, model, n, holds, note)


def _with_note(row: Measurement, more: str) -> Measurement:
    return replace(row, note="; ".join(part for part in (row.note, more) if part))
