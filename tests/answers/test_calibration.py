"""What Chapter 0 answers follows its numbers, on invented results at both ends."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.answers.calibration import Results, answer
from emotion_utils.calibration import findings, planted_findings
from emotion_utils.calibration.overview import Kept


def record(kind: type, **given: object) -> object:
    """A record of which only some fields matter."""
    fields = dict.fromkeys(kind._fields, 0.0)
    return kind(**{**fields, **given})


RESULTS = Results(
    reported="0.99",
    unrelated={"scale 1": 0.55, "scale 10": 0.98},
    causes=record(findings.Causes, flat=0.012),
    chance=0.0104,
    apart=record(findings.Unrelated, least=0.4, most=0.6),
    alarms=record(findings.FalsePositives, above=0, rates=6, least=0.04, most=0.06),
    kept=Kept(40, (), 1.0),
    twin=record(findings.Twin, holds=True, overlap=0.9999, found=0.95, draws=20),
    recovery=record(planted_findings.Recovery, cosine=0.995, off=0.001),
    directions=record(planted_findings.DirectionTests, above=0, rates=3),
    dictionary=record(
        planted_findings.Dictionary, learned=pd.Series({"rate": 0.9}), nothing=pd.Series({"rate": 0.0})
    ),
    heads=record(
        planted_findings.Heads, sure=9, causal=9, least="patching", least_rate=0.96, above=0, rates=8
    ),
    coverage=record(planted_findings.Coverage, below=0, rates=90, few_least=0.94, few_most=0.97),
    repeated=[record(planted_findings.Repeated, holds=True, numbers=30, others=0)],
)


def happened(results: Results, part: str) -> bool | None:
    (one,) = [one for one in answer(results).falsifiers if part in one.condition]
    return one.happened


def changed(name: str, **given: object) -> Results:
    return replace(RESULTS, **{name: getattr(RESULTS, name)._replace(**given)})


def test_nothing_shared_comes_first_then_what_keeps_its_promise() -> None:
    short = answer(RESULTS).in_short()
    assert (
        "share nothing score **0.55** at scale 1 and **0.98** at scale 10 by the published formula" in short
    )
    assert "the reports print 0.99" in short
    assert "**40 of 40** tests of this book keep their level of 5 %" in short
    assert "**It did not**: 0 of 40, chance 1.0" in short


def test_what_finds_too_much_is_named() -> None:
    over = replace(RESULTS, kept=Kept(40, (("RSA, partial", 0.25, 0.2), ("CKA, partial", 0.2, 0.15)), 1.0))
    assert "**38 of 40** tests" in answer(over).finding
    assert (
        "too often something is found by RSA, partial (25%) and CKA, partial (20%)." in answer(over).finding
    )
    assert happened(over, "tests keep their level*: more") is True
    one = replace(over, kept=Kept(40, over.kept.exceeding[:1], 1.0))
    assert happened(one, "tests keep their level*: more") is False  # one in forty is what chance gives


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("Three causes", changed("causes", flat=0.03)),
        ("sound pipeline", changed("alarms", above=1)),
        ("rotated twin", changed("twin", holds=False)),
        ("rotated twin", changed("twin", found=0.85)),
        ("finds a direction", changed("recovery", cosine=0.98)),
        ("finds a direction", changed("recovery", off=0.006)),
        ("tests of Chapter 3", changed("directions", above=1)),
        ("A dictionary", changed("dictionary", nothing=pd.Series({"rate": 0.6}))),
        ("A dictionary", changed("dictionary", learned=pd.Series({"rate": 0.4}))),
        ("Causal methods", changed("heads", sure=8)),
        ("test of heads", changed("heads", above=1)),
        ("Intervals", changed("coverage", below=1)),
        (
            "committed table",
            replace(RESULTS, repeated=[record(planted_findings.Repeated, holds=False, numbers=3, others=0)]),
        ),
    ],
)
def test_every_falsifier_has_both_outcomes(part: str, wrong: Results) -> None:
    assert happened(RESULTS, part) is False
    assert happened(wrong, part) is True
