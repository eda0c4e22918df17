"""The numbers of Chapter 3's sentences, counted by hand, where all, none and one of the rows stand out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.models.comparison import CONTROL
from emotion_utils.vectors import findings
from emotion_utils.vectors.geometry import ALL_PAIRS
from emotion_utils.vectors.held_out import COLUMNS

NAN = float("nan")


def scores(rows: list[dict[str, object]]) -> pd.DataFrame:
    about = {
        "model": "m",
        "method": "sentence end",
        "emotion": "anger",
        "set": "own",
        "words": 0.6,
        "n_units": 9,
    }
    return pd.DataFrame([{**about, **row} for row in rows], columns=COLUMNS)


def test_vectors_above_the_bag_of_words_are_counted():
    made = [("end", 0.7), ("end", 0.9), ("word", 0.5), ("word", 0.6)]
    rows = [{"method": method, "value": value, "gain": value - 0.6} for method, value in made]
    mean = {"emotion": "mean", "value": 0.99, "gain": 0.39}
    other = {"set": "implicit", "value": 0.99, "gain": 0.39}
    held = findings.with_words(scores([*rows, mean, other, {"value": NAN}]), "own")
    assert held.methods == (("end", 0.7, 0.9), ("word", 0.5, 0.6))
    assert (held.above, held.n, held.n_units) == (2, 4, 9)
    assert (held.words, held.largest_gain) == pytest.approx((0.6, 0.3))
    every = findings.with_words(scores(rows[:2]), "own")
    assert (every.above, every.n) == (2, 2)
    nothing = findings.with_words(scores(rows[2:3]), "own")
    assert (nothing.above, nothing.n, nothing.largest_gain) == (0, 1, pytest.approx(-0.1))


def test_of_what_was_not_scored_nothing_is_said():
    held = findings.with_words(scores([{"value": NAN}]), "own")
    assert (held.methods, held.above, held.n, held.n_units) == ((), 0, 0, 0)
    assert np.isnan([held.words, held.largest_gain]).all()
    assert findings.without_words(scores([{"set": "implicit", "emotion": "mean", "value": NAN}]), "own") == []


def test_the_interval_of_the_difference_says_what_is_above_the_words():
    rows = [
        {"set": name, "emotion": "mean", "value": 0.8, "low": 0.7, "high": 0.9, "gain": 0.2, "p": 0.01}
        | {"gain_low": low, "gain_high": 0.3, "null_high": 0.6}
        for name, low in (("implicit", 0.1), ("unfamiliar", 0.0), ("other", NAN), ("own", 0.1))
    ]
    found = findings.without_words(scores([*rows, {"set": "implicit", "value": 0.9}]), "own")
    assert [(one.set, one.above) for one in found] == [
        ("implicit", True),
        ("unfamiliar", False),
        ("other", False),
    ]
    assert found[0][1:] == ("sentence end", 0.8, 0.7, 0.9, 0.6, 0.2, 0.1, 0.3, 0.6, 0.01)


@pytest.mark.parametrize(
    ("lows", "gains", "above", "ahead"),
    [
        ((0.9, 0.8), (0.1, 0.2), 2, 2),
        ((0.9, 0.7), (0.1, 0.0), 1, 1),
        ((0.7, 0.6), (-0.1, NAN), 0, 0),
        ((0.9,), (0.1,), 1, 1),
    ],
)
def test_models_are_counted_beside_words_control_and_rival(lows, gains, above, ahead):
    at = {"emotion": "mean", "set": "implicit"}
    rows = [
        {**at, "model": f"m{i}", "value": low + 0.05, "low": low, "gain_low": gain}
        for i, (low, gain) in enumerate(zip(lows, gains, strict=True))
    ]
    control = {**at, "model": CONTROL, "value": 0.5, "low": 0.4, "high": 0.6, "p": 0.4, "words": 0.55}
    elsewhere = {"model": "m0", "set": "own", "emotion": "mean", "value": 0.1, "low": 0.99, "gain_low": 0.9}
    beyond = [low - 0.75 for low in lows]  # the ends of the intervals of the differences decide
    rivals = pd.DataFrame(
        {"model": [*(f"m{i}" for i in range(len(lows))), CONTROL], "rival": 0.75, "low": [*beyond, 0.1]}
    )
    differences = pd.DataFrame({"low": [0.1, 0.0, NAN]})
    one = findings.beside_models(scores([*rows, control, elsewhere]), differences, rivals, "implicit")
    assert (one.set, one.n, one.above, one.apart, one.ahead) == ("implicit", len(lows), above, 1, ahead)
    assert (one.lowest, one.highest) == pytest.approx((min(lows) + 0.05, max(lows) + 0.05))
    assert one[5:10] == (0.5, 0.4, 0.6, 0.4, 0.55)
    assert one.rival == pytest.approx(0.75)


def test_names_that_hold_and_names_that_do_not():
    made = [
        ("minus neutral", "yes", "yes"),
        ("centred", "yes", "no"),
        ("turned", "no", "no"),
        ("few", "", ""),
    ]
    rows = [
        ("implicit", kind, vector, against, value, answer)
        for kind, *answers in made
        for vector, value, answer in zip(("anger", "apology"), (0.6, 0.8), answers, strict=True)
        for against in ("other emotions", "neutral")
    ]
    rows.append(("own", "minus neutral", "gratitude", "other emotions", 0.1, "no"))
    table = pd.DataFrame(rows, columns=["set", "made", "vector", "against", "value", "holds"])
    both = ("anger", "apology")
    assert findings.names_held(table, "implicit") == [
        ("minus neutral", pytest.approx(0.7), 0.6, 0.8, both, ()),
        ("centred", pytest.approx(0.7), 0.6, 0.8, ("anger",), ("apology",)),
        ("turned", pytest.approx(0.7), 0.6, 0.8, (), both),
        ("few", pytest.approx(0.7), 0.6, 0.8, (), ()),
    ]


def test_one_test_of_all_pairs_decides_and_single_pairs_are_corrected():
    columns = [
        "reading",
        "pair",
        "value",
        "low",
        "high",
        "no_emotion",
        "one_emotion",
        "p_no",
        "p_one",
        "least",
    ]
    model = [
        ("end", "a – b", 0.2, 0.1, 0.3, 0.5, 0.6, 0.03, 0.01, 0.5),
        ("end", "a – c", 0.4, 0.1, 0.5, 0.7, 0.8, 0.06, 0.05, 0.5),
        ("end", ALL_PAIRS, 0.3, 0.2, 0.4, 0.6, 0.7, 0.02, 0.03, 0.2),
        ("word", "a – b", -0.1, -0.2, 0.1, 0.1, 0.3, 0.9, 0.9, 0.4),  # a single pair is all pairs
    ]
    control = [
        ("end", "a – b", *[0.0] * 5, 0.01, 0.9, 0.1),
        ("end", ALL_PAIRS, *[0.0] * 5, 0.01, 0.01, 0.1),
        ("word", "a – b", *[0.0] * 5, 0.9, 0.02, 0.1),
    ]
    end, word = findings.mean_angles(*(pd.DataFrame(rows, columns=columns) for rows in (model, control)))
    # 0.03 of two would have to be at most 0.025; of 0.01 and 0.05 both stay
    assert (end.place, end.n, end.apart, end.below, end.control_below) == ("end", 2, 0, 2, 0)
    assert end[1:9] == (0.3, 0.2, 0.4, 0.6, 0.7, 0.02, 0.03, 0.2)
    assert (word.place, word.n, word.apart, word.below, word.control_below) == ("word", 1, 0, 0, 1)
    assert (word.value, word.p_no, word.least) == (-0.1, 0.9, 0.4)


def test_growth_is_that_of_the_mean_over_the_emotions():
    columns = ["reading", "emotion", "layer", "l2", "relative", "null_high", "scale"]
    rows = [("word", "anger", 0, 1.0, 0.2, 0.1, 10.0), ("word", "anger", 1, 5.0, 0.3, 0.1, 20.0)]
    rows += [("word", "apology", 0, 3.0, 0.6, 0.3, 10.0), ("word", "apology", 1, 7.0, 0.1, 0.2, 20.0)]
    table = pd.DataFrame(rows, columns=columns)
    assert findings.growth(table) == pytest.approx(("word", 3.0, 2.0, 0, 0.4, 0.2))
    one = findings.growth(table[table["layer"] == 1])
    assert one == ("word", 1.0, 1.0, 1, pytest.approx(0.2), pytest.approx(0.15))


@pytest.mark.parametrize(
    ("leads", "leading"), [((0.1, 0.2), ("anger", "apology")), ((0.1, 0.0), ("anger",)), ((0.0, -0.1), ())]
)
def test_an_emotion_leads_where_its_halves_agree_at_some_layer(leads, leading):
    rows = [
        ("end", emotion, layer, value, 0.4, 0.1, lead if layer else -1.0)
        for emotion, lead in zip(("anger", "apology"), leads, strict=True)
        for layer, value in ((0, 0.6), (1, 0.8))
    ]
    columns = ["reading", "emotion", "layer", "value", "other", "null", "lead_low"]
    found = findings.reproducible(pd.DataFrame(rows, columns=columns))
    assert (found.place, found.leading, found.null) == ("end", leading, pytest.approx(0.1))
    assert found.emotions == (
        ("anger", pytest.approx(0.7), pytest.approx(0.4)),
        ("apology", pytest.approx(0.7), pytest.approx(0.4)),
    )


@pytest.mark.parametrize(
    ("ps", "values", "n", "passed"),
    [
        ((0.02, 0.025), (0.9, 0.8), 2, 2),
        ((0.02, 0.03), (0.9, 0.8), 2, 1),
        ((0.03, 0.03), (0.9, 0.8), 2, 0),
        ((0.05, NAN), (0.9, NAN), 1, 1),
        ((NAN, NAN), (NAN, NAN), 0, 0),
    ],
)
def test_keywords_pass_the_level_in_all(ps, values, n, passed):
    columns = {"emotion": ["anger", "apology"], "value": values, "null_high": 0.6, "p": ps}
    found = findings.promoted(pd.DataFrame(columns))
    assert (len(found.emotions), found.passed) == (n, passed)
    assert [one.value for one in found.emotions] == [value for value in values if not np.isnan(value)]
