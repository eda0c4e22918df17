"""The numbers of chapter 07's sentences, counted by hand, where all, none and one of the rows stand out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.circuits import circuit_findings as findings
from emotion_utils.circuits.faithfulness import GOAL


def test_the_head_that_moves_each_emotion_furthest_and_how_many_stand_out():
    effects = pd.DataFrame(
        {
            "emotion": ["anger", "anger", "apology", "apology"],
            "name": ["L0H0", "L0H1", "L0H0", "L0H1"],
            "share": [0.1, 0.3, 0.5, 0.2],
            "p": [0.2, 0.01, 0.05, 0.9],
        }
    )
    one, other = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 3.0, 5.0, 7.0])
    patched = findings.patched_heads(effects, one, other)
    assert patched.strongest == (("anger", "L0H1", 0.3), ("apology", "L0H0", 0.5))
    assert (patched.found, patched.effects) == (2, 4)
    assert patched.correlation == pytest.approx(1)
    assert findings.patched_heads(effects.iloc[[0, 3]], one, -other).found == 0
    assert findings.patched_heads(effects.iloc[1:3], one, -other)[1:] == (2, 2, pytest.approx(-1))


def test_modes_are_compared_over_all_rows_and_told_of_all_heads_together():
    rows = [
        ("denoising", "L0H0", 0.1, 0.2, 0.2),
        ("denoising", "all", 0.3, 0.5, 0.5),
        ("noising", "all", 0.2, 0.4, 0.41),
    ]
    columns = ["direction", "heads", "v_only", "pattern_v", "z"]
    shares = pd.DataFrame(rows, columns=columns).set_index(["direction", "heads"])
    apart = findings.modes_apart(shares, "all")
    assert apart.most == pytest.approx(0.01)
    assert apart.together == {"denoising": (0.3, 0.5), "noising": (0.2, 0.4)}


CIRCUIT = [(0, 0), (0, 1)]


def kept_of(share: float, low: float, sets: list[float], heads: int = 8) -> findings.CircuitKept:
    beside = pd.DataFrame({"kind": ["size", "size", "norm"], "share": sets})
    row = pd.Series({"share": share, "low": low, "high": 1.0, "n": 30.0, "n_groups": 10.0})
    return findings.circuit_kept(
        row, beside, CIRCUIT, heads, [[(0, 0), (1, 1)], [(0, 0), (0, 1)]], 0.25, 12.5
    )


def test_a_circuit_beside_random_sets():
    kept = kept_of(0.9, 0.85, [0.2, 0.4, 0.5])
    assert kept.random == {"norm": (0.5, 0.5), "size": (pytest.approx(0.3), 0.4)}
    assert (kept.enough, kept.near, kept.shared, kept.without) == (True, False, 1.5, 0.25)
    assert (kept.size, kept.heads, kept.pairs, kept.units, kept.whole) == (2, 8, 30, 10, 12.5)
    text = findings.kept_in_words(kept)
    assert "**2 of 8** heads keeps **90%** (85% to 100%)" in text
    assert "it reaches 80%" in text
    assert "it does not reach 80%" in findings.kept_in_words(kept_of(0.5, float("nan"), [0, 0, 0]))
    assert "**50%** of the" in findings.kept_in_words(kept_of(0.5, float("nan"), [0, 0, 0]))


@pytest.mark.parametrize(
    ("share", "heads", "enough"), [(GOAL, 5, True), (GOAL - 0.01, 5, False), (0.99, 4, False)]
)
def test_enough_is_the_goal_with_fewer_than_half_of_the_heads(share, heads, enough):
    assert kept_of(share, 0.5, [0, 0, 0], heads).enough == enough


def test_a_random_set_is_near_from_the_lower_end_of_the_interval_on():
    assert [kept_of(0.9, 0.85, [0, 0, best]).near for best in (0.84, 0.85, 0.95)] == [False, True, True]
    assert kept_of(0.9, float("nan"), [0, 0, 0]).near  # without an interval nothing is clear


def together(lows: list[float], highs: list[float]) -> pd.DataFrame:
    rows = []
    for direction, low, high in zip(("denoising", "noising"), lows, highs, strict=True):
        rows += [
            (direction, "all at once", 0.9, 0.8, 1.0),
            (direction, "more than the sum", (low + high) / 2, low, high),
            (direction, "random sets of equal size", 0.6, 0, 1),
            (direction, "random sets of equal norm", 0.2, 0, 1),
        ]
    return pd.DataFrame(rows, columns=["direction", "what", "share", "low", "high"])


@pytest.mark.parametrize(
    ("lows", "highs", "dependent", "understated"),
    [
        ([0.1, 0.2], [0.3, 0.4], True, True),
        ([-0.3, 0.2], [-0.1, 0.4], True, False),
        ([-0.1, 0.2], [0.3, 0.4], False, True),
        ([-0.3, -0.2], [0.1, 0.1], False, False),
    ],
)
def test_more_than_the_sum_in_both_directions(lows, highs, dependent, understated):
    found = findings.at_once(together(lows, highs))
    assert (found.dependent, found.understated) == (dependent, understated)
    assert found.random == pytest.approx({"equal size": 0.6, "equal norm": 0.2})
    assert "60% (equal size) and 20% (equal norm) on average" in findings.company_in_words(found)
    assert [(one.direction, one.at_once, one.low) for one in found.directions] == [
        ("denoising", 0.9, lows[0]),
        ("noising", 0.9, lows[1]),
    ]


def test_direct_effects_are_repaired_or_built_on_beyond_the_null():
    direct = pd.DataFrame(
        {
            "direct": [1.0, 2.0, 4.0, -1.0, 3.0],
            "total": [0.5, 4.0, 4.0, 1.0, -3.0],
            "p": [0.01, 0.05, 0.01, 0.01, 0.2],
        }
    )
    gap = pd.DataFrame({"effect": [-0.5, 2.0, 0.0, 2.0, -6.0], "p": [0.01, 0.04, 0.5, 0.01, 0.01]})
    assert findings.repair(direct, gap) == (3, 1, 1, 1.0)
    assert findings.repair(direct.iloc[:1], gap) == (1, 1, 0, 0.5)
    none = findings.repair(direct.iloc[4:], gap)
    assert none[:3] == (0, 0, 0)
    assert np.isnan(none.ratio)
    lost_sign = findings.repair(direct.assign(total=-1.0).iloc[:1], gap)
    assert lost_sign.repaired == 0  # what is lost without the head has the other sign: that is no repair


def models_of(enough: list[bool], clear: list[bool]) -> findings.CircuitsOfModels:
    table = {"size": [5, 7], "kept": [0.9, 0.7], "random": [0.2, 0.3], "equal_norm": [0.5, 0.4]}
    return findings.circuits_of_models(
        pd.DataFrame({**table, "enough": enough, "clear": clear}, index=["a", "b"])
    )


def test_circuits_of_models_are_listed():
    found = models_of([True, False], [False, False])
    assert (found.enough, found.clear) == (("a",), ())
    assert found.kept == {"a": (5, 0.9), "b": (7, 0.7)}
    assert (found.random, found.equal_norm) == ((0.2, 0.3), (0.4, 0.5))
    assert models_of([True, True], [False, True])[:2] == (("a", "b"), ("b",))


def at_once_of(own: float, size: float, norm: float) -> findings.AtOnce:
    way = findings.BeyondTheSum("denoising", own, 0.0, -0.1, 0.1)
    return findings.AtOnce(
        (way, way._replace(direction="noising")), False, False, {"equal size": size, "equal norm": norm}
    )


@pytest.mark.parametrize(
    ("own", "size", "norm", "told"),
    [
        (0.6, 0.1, 0.2, "less than half of what the circuit does"),
        (0.6, 0.1, 0.3, "random sets of strong heads do half of what the circuit does, or more"),
        (-0.02, -0.02, 0.01, "that says little"),
        (0.09, 0.5, 0.9, "that says little"),
    ],
)
def test_random_sets_are_told_beside_what_the_circuit_does(own, size, norm, told):
    text = findings.company_in_words(at_once_of(own, size, norm))
    assert told in text
    assert f"{size:.0%} (equal size) and {norm:.0%} (equal norm)" in text


def test_a_share_without_an_interval_and_no_repair_are_said_in_words():
    row = pd.Series({"share": 0.25, "low": float("nan"), "high": float("nan"), "n_groups": 6.0})
    assert findings.share_in_words(row) == "**25%** (6 units are too few for an interval)"
    row = row.replace({0.25: 0.5}).fillna(0.4)
    assert findings.share_in_words(row) == "**50%** (40% to 40%)"
    assert "nothing to repair" in findings.repair_in_words(findings.Repair(0, 0, 0, float("nan")))
    told = findings.repair_in_words(findings.Repair(3, 2, 1, 0.5))
    assert told.startswith("3 direct effects")
    assert "0.5 times" in told
