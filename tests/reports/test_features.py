"""Claims about features come out both ways with invented values, and open where an interval decides nothing."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from emotion_utils.reports.claims import judge, read_claims
from emotion_utils.reports.features import PREFIXES, FeatureClaims, as_reported, chapter_measurements
from emotion_utils.reports.replication import Number

PUBLISHED = read_claims().set_index("id")
CLAIMS = [claim for claim in PUBLISHED.index if claim.startswith(PREFIXES)]
MEASURED = [
    "C.sae.variety", "C.sae.highd", "C.sae.specific", "C.knockout.mean", "C.sparsity.active", "C.sparsity.top20",
    "C.variants.k20", "C.variants.k50", "C.variants.k100",
]  # fmt: skip
EVERY = ["C.sae.ev", *MEASURED, "C.cue.overall"]


def near(value: float, width: float = 0.1) -> Number:
    return Number(value, *sorted((value * (1 - width), value * (1 + width))))


def gap(claim: str) -> float:
    return float(PUBLISHED.loc[claim, "lo"] - PUBLISHED.loc[claim, "hi"])


AS_REPORTED = FeatureClaims(
    "gemma-2-2b-it",
    "gemma-2-2b-jpn-it",
    near(0.89),
    {claim: near(gap(claim)) for claim in MEASURED},
    Number(2.0, 1.0, 3.0),
    dict.fromkeys(EVERY, 24),
)


def changed(claim: str, number: Number) -> FeatureClaims:
    if claim == "C.sae.ev":
        return replace(AS_REPORTED, explained=number)
    if claim == "C.cue.overall":
        return replace(AS_REPORTED, diverse=number)
    return replace(AS_REPORTED, differences={**AS_REPORTED.differences, claim: number})


def row_of(found: FeatureClaims, claim: str):
    (row,) = [one for one in chapter_measurements(found) if one.claim == claim]
    return row


def verdict(found: FeatureClaims, claim: str) -> str:
    return judge(chapter_measurements(found)).set_index("id").loc[claim, "replication"]


def test_what_the_report_says_is_reproduced_on_its_own_models():
    table = judge(chapter_measurements(AS_REPORTED)).set_index("id")
    assert sorted(table.index) == sorted(CLAIMS)
    assert set(table["model"]) == {"gemma-2-2b-jpn-it~gemma-2-2b-it"}
    assert set(table.loc[EVERY, "replication"]) == {"reproduced"}, table["replication"]
    assert set(table.drop(EVERY)["replication"]) == {"pending"}
    assert (table.loc[EVERY, "n"] == 24).all()
    note = row_of(AS_REPORTED, "C.knockout.mean").note
    assert note == "Japanese minus base +16.100 (+14.490 to +17.710); the report +16.1"


@pytest.mark.parametrize("claim", EVERY)
def test_each_claim_can_fail(claim):
    other = -0.89 if claim == "C.sae.ev" else -2.0 if claim == "C.cue.overall" else -gap(claim)
    assert verdict(changed(claim, near(other)), claim) == "not reproduced"


@pytest.mark.parametrize("claim", MEASURED)
def test_a_difference_of_another_size_fails_and_one_without_an_interval_stays_open(claim):
    theirs = gap(claim)
    for factor in (0.3, 2.0):
        assert verdict(changed(claim, near(factor * theirs)), claim) == "not reproduced"
    for number in (Number(theirs), near(theirs, 1.5), near(1.55 * theirs)):
        assert verdict(changed(claim, number), claim) == "pending"


def test_diversity_that_cannot_be_told_stays_open():
    for number in (Number(1.0, -1.0, 3.0), Number(1.0)):
        assert row_of(changed("C.cue.overall", number), "C.cue.overall").holds is None
        assert verdict(changed("C.cue.overall", number), "C.cue.overall") == "pending"


def test_on_other_siblings_nothing_is_reproduced():
    table = judge(
        chapter_measurements(replace(AS_REPORTED, base="small-gemma2", japanese="small-gemma2-jpn"))
    )
    assert set(table.set_index("id").loc[EVERY, "replication"]) == {"other model, agrees"}


@pytest.mark.parametrize("claim", EVERY)
def test_what_there_is_none_of_has_a_reason_in_place_of_a_value(claim):
    """No feature reacts strongly, or fires often enough."""
    row = row_of(changed(claim, Number(nan)), claim)
    assert (row.value, row.holds) == (None, None)
    assert row.note
    assert verdict(changed(claim, Number(nan)), claim) == "pending"


def test_every_other_claim_has_its_reason():
    short = {claim: number for claim, number in AS_REPORTED.differences.items() if not claim.endswith("k100")}
    rows = {row.claim: row for row in chapter_measurements(replace(AS_REPORTED, differences=short))}
    assert set(rows) == set(CLAIMS)
    assert "no more features" in rows["C.variants.k100"].note
    assert "communities" in rows["C.knockout.food"].note
    assert "communities" in rows["C.cue.hobby"].note
    assert "one layer" in rows["C.knockout.L22.mean"].note
    assert "accuracy" in rows["C.knockout.random"].note


@pytest.mark.parametrize("claim", MEASURED)
def test_too_few_units_have_a_reason(claim):
    few = replace(AS_REPORTED, n={**AS_REPORTED.n, claim: 7})
    row = row_of(few, claim)
    assert row.value is None
    assert row.n == 7
    assert "7 units, at least 8" in row.note
    assert verdict(few, claim) == "pending"
    assert row_of(replace(AS_REPORTED, n={**AS_REPORTED.n, claim: 8}), claim).value is not None


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (1.0, 0.4, 1.8, True),
        (-1.0, -1.5, -0.5, False),
        (0.5, 0.1, 0.9, True),  # the least that is about its size
        (1.5, 1.1, 1.9, True),
        (0.49, 0.1, 0.9, None),
        (1.51, 1.1, 1.9, None),
        (1.0, 0.0, 2.0, None),  # an interval that ends at 0 does not surely have the sign
        (0.3, 0.1, 0.5, None),  # one that ends at a size that agrees leaves it in
        (0.3, 0.1, 0.49, False),
        (1.7, 1.5, 1.9, None),
        (1.7, 1.51, 1.9, False),
        (-0.1, -0.9, 0.7, None),
        (1.0, nan, 1.8, None),
        (1.0, 0.4, nan, None),
        (1.0, nan, nan, None),
        (1.0, 1.0, 1.0, None),  # no resample differs, which says nothing of the error
        (0.0, 0.0, 0.0, None),
    ],
)
def test_a_difference_is_as_reported_at_its_edges(sign, value, low, high, expected):
    ends = (low, high) if sign > 0 else (-high, -low)
    assert as_reported(Number(sign * value, *ends), sign) is expected
