"""What chapter 8 answers follows its counts, for findings in all, some and none of the tests."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.answers.statistics import _vectors, answer
from emotion_utils.effects.findings import ClearIntervals, Corrected, KResamples, Outcomes

CHANCE = KResamples(3, 0, 3, (0.1, 0.3), 0.4)
BOUNDS = pd.DataFrame({"model": ["a", "blind"], "nats": [0.84, 0.1], "whole": [8.4, 0.31]})


def beyond(*flags, vectors=200):
    models = ["a"] * (len(flags) - 1) + ["blind"]
    p = [1 / (1 + vectors) if flag else 0.5 for flag in flags]
    return pd.DataFrame({"model": models, "p": p, "vectors": vectors, "beyond": flags})


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
    assert (
        "Measured by bounds of 0.10 to 0.84 nats, beside whole effects of 0.31 to 8.40 nats, **60**"
        in found.finding
    )
    assert (
        "in **2 of 2** cells of the trained models and in **1 of 1** cells of the blind model"
        in found.finding
    )


def test_everything_that_would_have_shown_it_wrong_has_happened():
    found = made(5, 5, 4, 51, (True, False, False), KResamples(2, 0, 3, (0.1, 0.3), 0.4))
    assert happened(found) == [True] * 5
    page = found.what_we_found()
    for told in (
        "10% of the controls, 10% of the effects",
        "1 of 5 intervals",
        "in 1 of 2 cells",
        "51 of 100 tests stay open",
    ):
        assert told in page


@pytest.mark.parametrize(
    ("k", "wrong", "decides"),
    [
        (KResamples(2, 0, 3, (0.1, 0.3), 0.4), True, "1 lie above both"),
        (KResamples(1, 1, 3, (0.1, 0.3), 0.4), True, "1 lie above both, 1 within one pair"),
        (KResamples(2, 1, 3, (0.5, 0.9), 0.4), None, "1 within one pair but above the mean, 2 within both"),
        (
            KResamples(3, 0, 3, (0.5, 0.9), 0.4),
            False,
            "3 within both",
        ),  # how often k = 2 is best decides nothing
        (None, None, "one width"),
    ],
)
def test_few_dimensions_are_chance_unless_values_lie_above_both_ends_of_it(k, wrong, decides):
    found = made(k=k).falsifiers[-1]
    assert found.happened is wrong
    assert decides in found.decided_by


@pytest.mark.parametrize(
    ("cells", "vectors", "wrong"),
    [
        ((True, True, True), 200, False),
        ((True, True, False), 200, False),  # the blind model has nothing to carry
        ((True, False, True), 200, True),
        ((True, False, True), 12, None),  # twelve vectors can never have a small p
        ((True,), 200, None),  # no trained model
    ],
)
def test_vectors_are_told_from_random_ones_in_trained_models_where_p_can_be_small(cells, vectors, wrong):
    table = beyond(*cells, vectors=vectors)
    assert _vectors(table, "blind").happened is wrong


def test_a_cell_without_a_p_is_open():
    table = beyond(True, False, True)
    table.loc[1, "p"] = float("nan")
    found = _vectors(table, "blind")
    assert (found.happened, found.decided_by) == (
        None,
        "in 0 of 2 cells; in 1 too few vectors for a small p",
    )


@pytest.mark.parametrize(("left", "wrong"), [(0, False), (50, False), (51, True)])
def test_tests_that_stay_open_count_by_their_share(left, wrong):
    assert happened(made(left=left))[3] is wrong


def test_sizes_without_nats_are_said_in_standard_deviations():
    total = Outcomes(100, 30, 1, 60, 9, 0.0)
    assert (
        "fifth of a standard deviation"
        in answer([], [], total, beyond(True), BOUNDS.head(0), "blind").finding
    )
    unknown = BOUNDS.assign(whole=float("nan"))
    assert "beside whole" not in answer([], [], total, beyond(True), unknown, "blind").finding


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
