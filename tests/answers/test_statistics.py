"""What chapter 8 answers follows its counts, for findings in all, some and none of the tests."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.answers.statistics import answer
from emotion_utils.effects.findings import ClearIntervals, Corrected, KResamples, Outcomes

CHANCE = KResamples(3, 3, (0.1, 0.3), 0.4)
BOUNDS = pd.DataFrame({"model": ["a", "blind"], "nats": [1.31, 0.84], "pairs": 288, "contexts": 12})


def beyond(*flags):
    return pd.DataFrame({"model": ["a"] * (len(flags) - 1) + ["blind"], "beyond": flags})


def made(effects=40, controls=2, clear=5, left=9, cells=(True, True, True), k=CHANCE):
    found = [
        Corrected(False, 50, effects, effects, 1, 1, 2.5),
        Corrected(True, 50, controls, controls, 0, 0, 2.5),
    ]
    intervals = [ClearIntervals("5", False, clear, 5, 1.0), ClearIntervals("5", True, 0, 5, 0.1)]
    return answer(found, intervals, Outcomes(100, 30, 1, 60, left, 0.0), beyond(*cells), BOUNDS, "blind", k)


def happened(found):
    return [one.happened for one in found.falsifiers]


def test_nothing_that_would_have_shown_it_wrong_has_happened():
    found = made(left=0)
    assert happened(found) == [False] * 5
    assert "Of 50 tests of effects **40** and of 50 tests of controls **2** stay after" in found.finding
    assert "(0.8 to 1.3 nats by model), **60** effects are shown to be too small to matter" in found.finding
    assert (
        "in **2 of 2** cells of the trained models and in **1 of 1** cells of the blind model"
        in found.finding
    )


def test_everything_that_would_have_shown_it_wrong_has_happened():
    found = made(5, 5, 4, 9, (True, False, False), KResamples(2, 3, (0.1, 0.3), 0.4))
    assert happened(found) == [True] * 5
    page = found.what_we_found()
    for told in (
        "10% of the controls, 10% of the effects",
        "1 of 5 intervals",
        "in 2 of 3 cells",
        "9 of 100 tests",
    ):
        assert told in page


@pytest.mark.parametrize(
    ("k", "wrong"),
    [(KResamples(3, 3, (0.5, 0.9), 0.4), True), (KResamples(3, 3, (0.4, 0.9), 0.4), False), (None, None)],
)
def test_two_dimensions_are_chance_unless_values_or_resamples_say_otherwise(k, wrong):
    assert happened(made(k=k))[-1] is wrong


def test_a_run_without_a_test_says_so():
    found = answer([], [], Outcomes(0, 0, 0, 0, 0, 0.0), beyond(False), BOUNDS, "blind")
    assert found.finding == "No effect of this run has units enough for a test."
    assert happened(found) == [None]


def test_a_run_without_controls_cannot_compare_bars():
    found = answer(
        [Corrected(False, 5, 5, 5, 5, 5, 0.25)],
        [],
        Outcomes(5, 5, 0, 0, 0, 0.0),
        beyond(True),
        BOUNDS,
        "blind",
    )
    assert happened(found)[:2] == [None, None]
