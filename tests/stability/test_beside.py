"""A circuit beside random sets: more, as much, or open, by the sets and by the gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.stability import beside

UNITS = np.repeat(np.arange(10), 2)


def table_of(circuit, sets, bound=1.0, units=UNITS, noise=0.1):
    rng = np.random.default_rng(2)
    means = np.array([circuit, *sets])
    values = (
        means + noise * rng.normal(size=(len(units), 1)) + 0.01 * rng.normal(size=(len(units), len(means)))
    )
    return beside.beside_sets(values, ["equal norm"] * len(sets), units, beside.NATS, bound).iloc[0]


@pytest.mark.parametrize(
    ("sets", "as_much", "verdict", "no_more"),
    [
        ([1.0] * 19, 0, "more", False),  # 1 of 20 is 5 %
        ([1.0] * 18, 0, "open", None),  # 1 of 19 is more, and too few to say
        ([1.0] * 18 + [9.0], 1, "open", None),
        ([1.0, 9.0], 1, "open", None),
        ([9.0, 9.1], 2, "open", None),  # both reach it, and two sets are too few to say
        ([9.0] * 17 + [9.1], 18, "open", None),
        ([1.0] * 10 + [9.0] * 9, 9, "open", None),  # less than half
        ([1.0] * 9 + [9.0] * 10, 10, "as well", True),
        ([8.0] * 9 + [7.9] * 9 + [8.2], 10, "as much", True),
        ([7.9] * 5, 0, "as much", True),  # inside the bound, though no set reaches it
        ([9.0] * 19, 19, "as much", True),
    ],
)
def test_sets_are_the_units_of_the_question(sets, as_much, verdict, no_more):
    row = table_of(8.0 + 1e-3, sets, bound=1.5 if 9.0 in sets and len(set(sets)) == 1 else 0.5)
    assert row["sets"] == len(sets)
    assert row["p"] == pytest.approx((1 + row["as_much"]) / (1 + len(sets)))
    if verdict != "as much":
        assert row["as_much"] == as_much
    assert beside.verdict(row) == verdict
    assert beside.does_no_more(row) is no_more


@pytest.mark.parametrize(
    ("above", "tied", "no_more"), [(9, 2, True), (9, 1, None), (0, 20, True), (0, 19, None)]
)
def test_sets_that_do_just_as_much_count_half(above, tied, no_more):
    values = np.tile([8.0, *[9.0] * above, *[8.0] * tied, *[1.0] * (20 - above - tied)], (20, 1))
    row = beside.beside_sets(values, ["equal norm"] * 20, UNITS, beside.NATS, 1e-3).iloc[0]
    assert (row["as_much"], row["tied"]) == (above + tied, tied)
    row["p_equivalence"] = 0.9
    assert beside.does_no_more(row) is no_more


def test_the_gap_is_paired_and_its_interval_is_over_units():
    row = table_of(3.0, [1.0, 2.0], noise=5.0)
    assert row["gap"] == pytest.approx(1.5, abs=0.02)  # the noise is shared by circuit and sets
    assert row["gap_high"] - row["gap_low"] < 0.1
    assert row["high"] - row["low"] > 1
    few = table_of(3.0, [1.0, 2.0], units=np.repeat(np.arange(5), 4))
    assert np.isnan([few["gap_low"], few["p_equivalence"]]).all()
    assert beside.does_no_more(few) is None


def test_kinds_of_sets_have_their_own_rows_and_texts_are_paired_by_prompt():
    rows = [
        (f"p{i}", i, name, float(hit))
        for i in range(10)
        for name, hit in (("the circuit", i < 9), ("equal size 0", i < 1), ("equal norm 0", i < 9))
    ]
    spoken = pd.DataFrame(rows, columns=["pair", "unit", "set", "target"]).sample(frac=1, random_state=1)
    kinds = {"equal size 0": "equal size", "equal norm 0": "equal norm"}
    found = beside.in_texts(spoken, "the circuit", kinds).set_index("kind")
    assert found.loc["equal size", ["circuit", "random", "gap"]].tolist() == pytest.approx([0.9, 0.1, 0.8])
    assert found.loc["equal norm", ["circuit", "random", "gap", "as_much"]].tolist() == [0.9, 0.9, 0.0, 1]
    assert beside.does_no_more(found.loc["equal norm"]) is True


def test_what_is_drawn_are_shares_of_the_whole():
    values = np.tile([6.0, 2.0, 4.0], (20, 1))
    nats = beside.beside_sets(values, ["a", "b"], UNITS, beside.NATS, 1.0)
    spoken = pd.DataFrame({"set": ["x", "x", "y"], "target": [1.0, 0.0, 1.0]})
    texts = nats.assign(circuit=0.9, low=0.8, high=0.95)
    drawn, alone = beside.to_draw(nats, values, ["a", "b"], texts, spoken, {"x": "a", "y": "b"}, 8.0)
    assert drawn["share"].tolist() == [0.25, 0.5, 0.5, 1.0]
    assert alone["share"].tolist() == [0.75, 0.9]
    assert drawn["measure"].nunique() == len(alone) == 2
    assert set(beside.for_readers(nats)["random sets of"]) == {"a", "b"}
