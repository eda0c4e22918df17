"""What the report's claims on classification and circuits ask of a base and its Japanese continuation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.models.registry import short_name
from emotion_utils.reports.replication import Number
from emotion_utils.reports.siblings import SiblingClaims, SiblingNumbers
from emotion_utils.siblings.circuit import MEASURES, ZERO
from emotion_utils.siblings.depth import EARLY, LATE, SIZE, TOTAL
from emotion_utils.siblings.study import PUBLISHED, Study
from emotion_utils.siblings.tables import WORDS, numbers_of
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

BESIDE = {
    "C.circuit.jpn": (SIZE,),
    "C.circuit.base": (SIZE,),
    "C.circuit.early": (EARLY,),
    "C.circuit.late": (LATE,),
    "C.circuit.sum": (TOTAL,),
    "C.circuit.suff": ("sufficiency, zero", "necessity, zero"),
}
"""Measures of trainings that stand behind a claim."""
PER_CENT = 100
TOLD = {
    True: "{} differ between siblings by more than trainings do",
    False: "{} differ no more between siblings than trainings do",
    None: "too few trainings say whether {} differ between siblings",
}


def siblings_claims(
    base: Study, japanese: Study, scores: pd.DataFrame, told: pd.DataFrame | None = None
) -> SiblingClaims:
    """Gather what the claims ask.

    Parameters
    ----------
    base, japanese
    scores
        From :func:`emotion_utils.siblings.tables.scores`; its first test counts, which training posts resemble most.
    told
        From :func:`emotion_utils.siblings.retrained.told_apart`, of trainings of such siblings; None without any.
    """
    first = scores[scores["test"] == base.posts.first].set_index("model")
    ratio = numbers_of(japanese).ratio(numbers_of(base), TOTAL)
    more = {measure: japanese_minus_base(base, japanese, measure) for measure in MEASURES}
    return SiblingClaims(
        _numbers(base, first),
        _numbers(japanese, first),
        _per_cent(first.loc[WORDS]),
        Number(*ratio),
        more["sufficiency"],
        more["necessity"],
        int(first["posts"].iloc[0]),
        min(len(np.unique(one.patched.pairs.post)) for one in (base, japanese)),
        _beside(told),
    )


def _numbers(one: Study, first: pd.DataFrame) -> SiblingNumbers:
    own = numbers_of(one)
    size, early, late = (Number(own.value[name], *own.ends(name)) for name in (SIZE, EARLY, LATE))
    return SiblingNumbers(one.name, _per_cent(first.loc[short_name(one.name)]), size, early, late)


def _per_cent(row: pd.Series) -> Number:
    return Number(*(PER_CENT * float(getattr(row, end)) for end in ("value", "low", "high")))


def japanese_minus_base(base: Study, japanese: Study, measure: str) -> Number:
    """A measure of the published circuits, zero in place of what is taken out; the same posts of both.

    Parameters
    ----------
    base, japanese
    measure
        A key of :data:`emotion_utils.siblings.circuit.MEASURES`.
    """
    of = MEASURES[measure]
    theirs, ours = (one.ablated[1][PUBLISHED][ZERO] for one in (base, japanese))
    units = np.arange(len(ours.whole))
    weights = unit_weights(units, base.sizes.resamples, np.random.default_rng(base.seed))
    value = float((of(ours) - of(theirs))[0])
    draws = of(ours, weights) - of(theirs, weights)
    return Number(value, *interval(draws, effective_units(units), value))


def _beside(told: pd.DataFrame | None) -> dict[str, str]:
    if told is None:
        return {}
    decided = told.set_index("measure")["differs"]
    found = {}
    for claim, measures in BESIDE.items():
        own = [decided[name] for name in measures]
        word = True if all(one is True for one in own) else None if None in own else False
        found[claim] = TOLD[word].format(" and ".join(measures))
    return found
