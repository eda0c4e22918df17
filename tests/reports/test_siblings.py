"""Claims about siblings come out both ways with invented values, and open where an interval has 0 in it."""

from __future__ import annotations

import re
from dataclasses import replace
from math import nan

import pytest

from emotion_utils.models.registry import NAMED
from emotion_utils.reports.claims import judge, read_claims
from emotion_utils.reports.replication import Number
from emotion_utils.reports.siblings import SiblingClaims, SiblingNumbers, chapter_measurements

CLAIMS = [claim for claim in read_claims()["id"] if claim.startswith(("C.f1.", "C.circuit."))]


def near(value, width=0.01):
    return Number(value, value * (1 - width), value * (1 + width))


AS_REPORTED = SiblingClaims(
    base=SiblingNumbers("gemma-2-2b-it", near(83.5), near(13), near(0.04), near(0.96)),
    japanese=SiblingNumbers("gemma-2-2b-jpn-it", near(84.2), near(28), near(0.42), near(0.58)),
    tfidf=near(67.6),
    total=near(2.3),
    sufficiency=Number(0.1, 0.05, 0.15),
    necessity=Number(0.2, 0.1, 0.3),
    posts=12650,
    clean=800,
    beside={"C.circuit.sum": "trainings differ by as much"},
)


def verdicts(found):
    table = judge(chapter_measurements(found)).set_index("id")
    return table.loc[table.index.isin(CLAIMS)]


def test_every_model_that_a_claim_replicates_on_has_a_name_here():
    """Else its verdict could never say that it was reproduced."""
    told = {part for names in read_claims()["replicates_on"] for part in re.split(r"[|~]", names)} - {""}
    assert not told - set(NAMED)


def test_what_the_report_says_is_reproduced_on_its_own_models():
    table = verdicts(AS_REPORTED)
    assert sorted(table.index) == sorted(CLAIMS)
    of_posts = table.index.str.startswith("C.f1.")  # which are the author's
    assert set(table.loc[of_posts, "replication"]) == {"other data"}
    assert set(table.loc[~of_posts, "replication"]) == {"reproduced"}, table["replication"]
    assert table["n"].isin((12650, 800)).all()
    (row,) = [one for one in chapter_measurements(AS_REPORTED) if one.claim == "C.circuit.sum"]
    assert row.note == "trainings differ by as much"


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        ({"japanese": replace(AS_REPORTED.japanese, size=near(13))}, "C.circuit.jpn"),
        ({"base": replace(AS_REPORTED.base, size=near(28))}, "C.circuit.base"),
        ({"japanese": replace(AS_REPORTED.japanese, early=near(0.1))}, "C.circuit.early"),
        ({"base": replace(AS_REPORTED.base, late=near(0.5))}, "C.circuit.late"),
        ({"total": near(1)}, "C.circuit.sum"),
        ({"sufficiency": Number(-0.1, -0.2, -0.05)}, "C.circuit.suff"),
    ],
)
def test_each_claim_can_fail(changed, claim):
    assert verdicts(replace(AS_REPORTED, **changed)).loc[claim, "replication"] == "not reproduced"


def test_an_order_that_cannot_be_told_stays_open():
    (row,) = [
        one for one in chapter_measurements(replace(AS_REPORTED, necessity=Number(0.1, -0.1, 0.3)))
        if one.claim == "C.circuit.suff"
    ]  # fmt: skip
    assert row.holds is None
    assert "necessity +0.100 (-0.100 to +0.300)" in row.note


def test_an_empty_circuit_and_too_few_posts_have_a_reason():
    empty = replace(AS_REPORTED, japanese=replace(AS_REPORTED.japanese, early=Number(nan)))
    rows = {row.claim: row for row in chapter_measurements(empty)}
    assert rows["C.circuit.early"].value is None
    assert "the circuit is empty" in rows["C.circuit.early"].note
    few = {row.claim: row for row in chapter_measurements(replace(AS_REPORTED, clean=5))}
    assert set(few) == set(CLAIMS)
    assert few["C.circuit.sum"].value is None
    assert few["C.f1.jpn"].value == 84.2
