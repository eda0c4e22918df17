"""The answer of chapter 7 for every outcome, from invented numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.answers import head_patching
from emotion_utils.circuits.circuit_findings import AtOnce, BeyondTheSum, CircuitKept, PatchedHeads
from emotion_utils.circuits.findings import LargestHead
from emotion_utils.stability import beside
from emotion_utils.stability.kinds import MEAN, RESAMPLE
from emotion_utils.stability.membership import Overlap
from emotion_utils.stability.rechosen import ABOVE, Rechosen

MORE, AS_WELL, OPEN, ONE, FEW = (0, 50), (10, 19), (9, 19), (1, 2), (0, 4)
NAN = float("nan")


def chosen_anew(shared, p, resampled):
    frequencies = pd.DataFrame({"name": ["L0H0"], "frequency": [1.0], "member": [True]})
    rows = [(ABOVE, MEAN, 0.92, 0.9, 1.0), (ABOVE, RESAMPLE, resampled, 0.7, 0.95)]
    kinds = pd.DataFrame(rows, columns=["circuit", "kind", "share", "low", "high"])
    halves = pd.DataFrame({"shared": shared})
    one = Overlap(0.8, 0.7, 0.9, 0.2)
    return Rechosen(30, (3, 5), frequencies, one, one, halves, 0.2, p, kinds, None, None, pd.DataFrame(), NAN)


def answered(
    nats=MORE,
    texts=MORE,
    units=10,
    moves=True,
    found=20,
    shared=(0.8, 0.8),
    p=0.005,
    resampled=0.9,
    low=0.88,
):
    rows = []
    for measure, kind, (as_much, n), circuit, random in (
        (beside.NATS, "equal size", (50, 50), 11.5, 12.0),  # what weaker sets do decides nothing
        (beside.NATS, beside.STRONG, nats, 11.5, 4.0),
        (beside.TEXTS, beside.STRONG, texts, 0.92, 0.91),
    ):
        rows.append(
            dict.fromkeys(beside.COLUMNS, 0.0)
            | {"measure": measure, "kind": kind, "circuit": circuit, "random": random, "sets": n, "as_much": as_much,
               "p": (1 + as_much) / (1 + n), "p_equivalence": 0.9}
        )  # fmt: skip
    kept = CircuitKept(12, 32, 0.92, low, 0.95, 90, units, True, {}, False, 6.0, 0.07, 12.5)
    way = BeyondTheSum("denoising", 0.9, 0.2, 0.1, 0.3)
    return head_patching.answer(
        "a model", kept, pd.DataFrame(rows),
        PatchedHeads((LargestHead("anger", "L3H7", 0.2), LargestHead("apology", "L2H4", 0.3)), found, 96, 0.9),
        chosen_anew(shared, p, resampled), AtOnce((way, way._replace(direction="noising")), True, True, {}),
        pd.DataFrame({"difference": [12.5], "low": [11.0], "moves": [moves]}),
    )  # fmt: skip


@pytest.mark.parametrize("texts", [OPEN, ONE, FEW])
def test_a_circuit_that_some_sets_reach_cannot_be_told_from_them(texts):
    answer = answered(texts=texts)
    k, n = texts
    told = f"the circuit cannot be told from random sets ({k} of {n} do as much, p = {(1 + k) / (1 + n):.2f}"
    for text in (answer.finding, answer.in_short(), answer.what_we_found()):
        assert told in text
    assert "Cannot be said here" in answer.in_short()


def happened(answer):
    return [one.happened for one in answer.falsifiers]


def test_the_finding_holds_the_circuit_beside_random_sets_in_nats_and_in_texts():
    answer = answered(texts=AS_WELL)
    short = answer.in_short()
    told = [
        "12 of 32 heads keep **92%** (88% to 95%) of the 12.5 nats",
        "32%: the circuit does more than random sets (0 of 50 do as much, p = 0.02)",
        "**92%** of the replies",
    ]
    told += ["**91%**: random sets do as well (10 of 19 do as much, p = 0.55)", "It happened"]
    told += ["share 80% of their heads, more than random ones (20%, p = 0.005)"]
    told += [
        "in log-odds the circuit does more than random sets",
        "in texts random sets do as well (10 of 19",
    ]
    for words in told:
        assert words in short
    assert "+20% (+10% to +30%) in denoising" in answer.points[-1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [False, False, False, False]),
        ({"texts": AS_WELL}, [True, False, False, False]),
        ({"nats": AS_WELL}, [True, False, False, False]),
        ({"nats": AS_WELL, "texts": AS_WELL}, [True, False, False, False]),
        ({"texts": OPEN}, [None, False, False, False]),
        ({"nats": ONE}, [None, False, False, False]),
        ({"texts": FEW}, [None, False, False, False]),
        ({"nats": FEW, "texts": AS_WELL}, [True, False, False, False]),
        ({"found": 0}, [False, True, False, False]),
        ({"shared": (0.1, 0.2), "p": 0.7}, [False, False, True, False]),
        ({"shared": (0.1, 0.8), "p": 0.2}, [False, False, None, False]),
        ({"shared": (0.1, 0.8), "p": 0.04}, [False, False, False, False]),
        ({"resampled": 0.79}, [False, False, False, True]),
        ({"units": 6}, [None] * 4),
        ({"moves": False}, [None] * 4),
    ],
)
def test_each_falsifier_follows_its_own_numbers(change, expected):
    assert happened(answered(**change)) == expected


def test_too_few_units_leave_intervals_out_and_a_model_without_a_difference_carries_nothing():
    assert "**92%** of the 12.5 nats" in answered(low=NAN).finding
    nothing = answered(moves=False).finding
    assert "too little to ask what carries it" in nothing
    assert "92%" not in nothing
