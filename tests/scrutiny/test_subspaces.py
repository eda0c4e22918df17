"""The claims about subspaces without their models: chance at their width, the committed table, algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.calibration import ledger
from emotion_utils.reports.claims import read_claims
from emotion_utils.scrutiny import subspaces
from emotion_utils.subspaces import overlap_by_k
from emotion_utils.subspaces.measures import published_score
from emotion_utils.subspaces.overlaps import KS


@pytest.fixture(scope="module")
def found():
    return subspaces.scrutiny(200)


def test_all_claims_about_subspaces_get_a_word(found):
    assert sorted(found) == sorted(c for c in read_claims()["id"] if c.startswith(("P35.", "P75.k")))


def test_the_reports_own_overlaps_are_at_chance():
    table = subspaces.before_alignment(200).set_index("id")
    assert table.loc["P35.overlap.gp", "chance"] == pytest.approx(0.148, abs=0.011)
    assert table.loc["P75.k20.anger", "chance"] == pytest.approx(1 / 768, rel=0.05)
    assert table.loc["P35.align.before", "chance"] == pytest.approx(1 / 768, rel=0.05)
    assert set(table["scrutiny"]) <= {"at chance", "above chance", "undecided"}
    assert table.loc["P35.overlap.gp", "scrutiny"] == "at chance"


def test_the_reports_overlaps_beside_their_own_baseline_and_ours():
    table = subspaces.before_alignment(200)
    found = subspaces.overlaps_before(table)
    claims = read_claims().set_index("id")
    assert found.reports == tuple(claims.loc[[f"P35.overlap.{pair}" for pair in ("gp", "gn", "pn")], "lo"])
    assert claims.at["P35.overlap.random", "value"] == f"{found.baseline_low}..{found.baseline_high}"
    assert found.low < found.chance < found.high
    assert found.chance == table["chance"].iloc[0]


def test_random_sweeps_have_the_same_mean_at_every_k():
    sweeps = overlap_by_k.random_sweeps(400)
    assert sweeps.shape == (400, len(KS))
    assert sweeps.mean(axis=0) == pytest.approx(1 / 768, rel=0.12)


def test_random_sweeps_are_those_of_drawn_subspaces_of_a_wider_model_cut_to_the_narrower():
    k, wide, narrow, rng = 3, 60, 20, np.random.default_rng(1)
    drawn = []
    for _ in range(1500):
        basis = np.linalg.qr(rng.normal(size=(wide, k)))[0].T[:, :narrow]
        drawn.append(published_score(basis, np.linalg.qr(rng.normal(size=(narrow, k)))[0].T))
    quick = overlap_by_k.random_sweeps(1500, 2, wide, (k,))[:, 0]
    assert quick.mean() == pytest.approx(np.mean(drawn), rel=0.05)
    assert quick.std() == pytest.approx(np.std(drawn), rel=0.1)


def test_the_value_after_a_map_is_covered_by_models_that_share_nothing(found):
    word, note = found["P35.align.after"]
    assert word == "at chance"
    assert "covered at scale" in note
    assert "10" in note.split("covered at scale")[1]


def test_a_value_that_no_scale_reaches_is_above_chance(rows):
    claim = rows["P35.align.after"]
    facts = ledger.read("published").tables["facts"].assign(q_low=0.1, q_high=0.2)
    assert subspaces._after_map(facts).judge(rows)["P35.align.after"].word == "above chance"
    low = {**rows, "P35.align.after": {**claim, "value": "0.15", "lo": 0.15, "hi": 0.15}}
    assert subspaces._after_map(facts).judge(low)["P35.align.after"].word == "at chance"
    angles = pd.DataFrame(
        [("float64", "orthonormal", 1.0, 0.1, 0.2)], columns=["precision", "basis", "scale", "low", "high"]
    )
    assert subspaces._angle(angles).judge(rows)["P35.align.angle"].word == "above chance"
    reached = subspaces._angle(angles.assign(low=0.8, high=0.85)).judge(rows)["P35.align.angle"]
    assert reached.word == "at chance"
    assert "1 of 1 cover" in reached.note


@pytest.mark.parametrize(
    ("claim", "printed", "word"),
    [
        ("P35.procrustes.b", ("0.01", 0.01), "at chance"),
        ("P35.procrustes.b", ("0.05", 0.05), "above chance"),
        ("P35.procrustes", ("0.07", 0.07), "at chance"),
        ("P35.procrustes", ("0.20", 0.20), "above chance"),
        ("P35.overlap.gp", ("0.1496", 0.1496), "at chance"),
        ("P35.overlap.gp", ("0.1660", 0.1660), "undecided"),
        ("P35.overlap.gp", ("0.2500", 0.25), "above chance"),
        ("P35.overlap.random", ("0.0..0.1", 0.0, 0.1), "arithmetic fails"),
        ("P35.overlap.random", ("0.12..0.18", 0.12, 0.18), "arithmetic holds"),
        ("P75.k2.anger", ("0.00150", 0.0015), "at chance"),
        ("P75.k2.anger", ("0.00239", 0.00239), "undecided"),
        ("P75.k2.anger", ("0.00900", 0.009), "above chance"),
        ("P75.k20.anger", ("0.00129", 0.00129), "at chance"),
    ],
)
def test_both_answers(word_of, claim, printed, word):
    assert word_of(claim, printed={claim: printed}).word == word


def test_a_map_of_k_coordinates_gains_nothing(rows):
    unsettled = {**rows, "P35.procrustes": {**rows["P35.procrustes"], "settled": ""}}
    rules = subspaces.rules(unsettled, 200)
    said = next(rule for rule in rules if "P35.procrustes" in rule.claims).said(unsettled)["P35.procrustes"]
    assert said.word == "above chance"
    assert "leaves the span" in said.note


def test_the_number_of_layers_comes_from_the_table_of_claims(rows):
    claim = "P75.k2.anger"
    one_layer = {**rows, claim: {**rows[claim], "settled": "n_layers=1"}}
    said = next(r for r in subspaces.rules(rows, 2000) if claim in r.claims).said(one_layer)[claim]
    assert said.word == "at chance"
    assert "independent pairs" not in said.note


def test_values_over_k_name_both_nulls(found):
    assert "the mean of 5 independent pairs" in found["P75.k2.apology"].note
    assert "one pair of random subspaces" in found["P75.k2.apology"].note
    assert "the mean of 15 independent pairs" in found["P35.k.value"].note
