"""The replication rule on invented measurements, with both outcomes, and what the columns of every claim say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import claimed_name, judge, read_claims
from emotion_utils.reports.replication import (
    BASES,
    Claim,
    Measurement,
    all_hold,
    any_holds,
    in_words,
    lies_above,
    lies_below,
    none_of,
    nothing_holds,
    replication,
    rule_holds,
    stated_interval,
    without_empty_interval,
)

CLAIMS = read_claims().set_index("id")
NUMBER = "sign and within 20 % of the value, and the value inside our 95 % interval or ours inside theirs"
RANGE = "our value inside [lo, hi]"


def number(value: str, lo: float | None = None, hi: float | None = None, model: str = "") -> Claim:
    lo = float(value) if lo is None else lo
    basis = "model" if model else "arithmetic"
    return Claim("X", value, "number", lo, lo if hi is None else hi, model, NUMBER, basis)


def measured(
    value: float | None, low: float | None = None, high: float | None = None, model: str = ""
) -> Measurement:
    return Measurement("X", model, value, low, high)


@pytest.mark.parametrize(
    ("claim", "ours", "verdict"),
    [
        # within 20 % and the value inside our interval
        (number("0.50"), measured(0.55, 0.45, 0.65), "reproduced"),
        # within 20 %, but our interval excludes the value and ours is not what its digits round from
        (number("0.50"), measured(0.55, 0.52, 0.58), "not reproduced"),
        # our value is among those that print as 0.50
        (number("0.50"), measured(0.5049, 0.504, 0.506), "reproduced"),
        # a wide interval does not rescue a value that is 21 % off; 20 % is the edge
        (number("0.50"), measured(0.61, 0.1, 0.9), "not reproduced"),
        (number("0.50"), measured(0.59, 0.1, 0.9), "reproduced"),
        (number("-0.50"), measured(-0.45, -0.6, -0.3), "reproduced"),
        (number("-0.50"), measured(0.45, -0.6, 0.6), "not reproduced"),
        # their own interval counts where they give one
        (number("0.5", 0.4, 0.6), measured(0.45, 0.449, 0.451), "reproduced"),
        # counts
        (number("70"), measured(70.0, 70.0, 70.0), "reproduced"),
        (number("70"), measured(71.0, 71.0, 71.0), "not reproduced"),
        # a printed zero
        (number("0.0"), measured(0.04, -0.1, 0.1), "reproduced"),
        (number("0.0"), measured(0.3, -0.5, 0.5), "not reproduced"),
    ],
)
def test_the_rule_for_numbers(claim, ours, verdict):
    assert replication(claim, ours) == verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.95, "not reproduced"), (0.96, "reproduced"), (0.99, "reproduced"), (1.0, "not reproduced")],
)
def test_the_rule_for_ranges(value, verdict):
    assert (
        replication(Claim("X", "0.96..0.99", "range", 0.96, 0.99, "", RANGE, "arithmetic"), measured(value))
        == verdict
    )


def test_what_was_not_measured_is_pending():
    assert replication(number("0.5"), None) == "pending"
    assert replication(number("0.5"), measured(None)) == "pending"
    order = Claim(
        "X", "a > b", "order", math.nan, math.nan, "", "same order, interval excludes equality", "arithmetic"
    )
    assert replication(order, Measurement("X", "", 0.3)) == "pending"
    assert replication(order, Measurement("X", "", 0.3, holds=True)) == "reproduced"
    assert replication(order, Measurement("X", "", -0.3, holds=False)) == "not reproduced"


def test_a_tolerance_that_the_rule_does_not_know_is_refused():
    with pytest.raises(UserError, match=r"within \.\.\. %"):
        replication(Claim("X", "1", "number", 1.0, 1.0, "", "roughly", "arithmetic"), measured(1.0))


def test_a_number_is_reproduced_only_on_the_model_that_it_is_about():
    claim = number("0.5", model="gpt2|pythia-160m")
    assert replication(claim, measured(0.5, 0.4, 0.6, "small-gpt2")) == "other model"
    assert replication(claim, measured(0.5, 0.4, 0.6, "pythia-160m")) == "reproduced"
    assert replication(claim, measured(0.9, 0.8, 1.0, "gpt2")) == "not reproduced"
    assert replication(number("0.5"), measured(0.5, 0.4, 0.6)) == "reproduced"  # arithmetic needs no model


def test_a_hub_name_is_the_model_that_the_claims_call_otherwise():
    assert claimed_name("openai-community/gpt2~EleutherAI/pythia-160m") == "gpt2~pythia-160m"
    rows = [Measurement("P5.layer.mid", name, 6.5) for name in ("openai-community/gpt2", "small-gpt2")]
    assert judge(rows)["verdict"].tolist() == ["reproduced", "other model"]


def test_what_the_rule_says_of_another_model_stands_beside_its_verdict():
    near, far = (Measurement("P5.alpha.range", "small-gpt2", value) for value in (0.7, 40.0))
    none = Measurement("P5.alpha.range", "small-gpt2", None)
    order = [Measurement("P5.sign", "small-gpt2", 0.3, holds=held) for held in (True, False, None)]
    table = judge([near, far, none, *order])
    assert table["holds"].tolist() == [True, False, None, True, False, None]
    assert table["verdict"].tolist() == ["other model", "other model", "pending", *["other model"] * 3]
    assert table["replication"].tolist() == [
        "other model, agrees", "other model, contradicts", "pending",
        "other model, agrees", "other model, contradicts", "other model, undecided",
    ]  # fmt: skip
    assert rule_holds(number("0.5"), None) is None
    assert in_words("reproduced", True) == "reproduced"


@pytest.mark.parametrize("claim", CLAIMS.index[CLAIMS["model"] == ""])
@pytest.mark.parametrize("model", ["", "small-gpt2", "gpt2", "gpt2~pythia-160m"])
def test_a_blank_model_of_a_report_does_not_mean_that_any_model_will_do(claim, model):
    row = CLAIMS.loc[claim]
    ours = Measurement(claim, model, 1.0 if math.isnan(row["lo"]) else float(row["lo"]), holds=True)
    (verdict,) = judge([ours])["verdict"]
    if row["basis"] == "arithmetic":
        assert verdict == "reproduced"
    elif row["basis"] == "model":
        assert row["replicates_on"]
        assert (verdict == "other model") == (model not in row["replicates_on"].split("|"))
    else:
        assert verdict == {"data": "other data", "design": "by design"}[row["basis"]]


@pytest.mark.parametrize("claim", CLAIMS.index[CLAIMS["basis"].isin(["data", "design"])])
@pytest.mark.parametrize("value", [0.0, 1.0, 1e6, None])
def test_nothing_is_replicated_where_the_data_or_the_design_is_ours(claim, value):
    for ours in (value, float(CLAIMS.loc[claim, "lo"])):
        for model in ("", "gpt2", "small-gpt2"):
            (verdict,) = judge([Measurement(claim, model, ours, ours, ours)])["verdict"]
            assert verdict in ("other data", "by design", "pending")
            assert (verdict == "pending") == (ours is None)


def test_which_quantities_belong_to_prompts_or_to_a_design():
    basis = CLAIMS["basis"]
    assert sorted(basis.index[basis == "data"]) == [
        "C.f1.base", "C.f1.jpn", "C.f1.tfidf", "P1.chars.baseline", "P1.chars.extended", "P1.tokens.mean", "P2.bytes",
        "P2.throughput",
    ]  # fmt: skip
    assert sorted(basis.index[basis == "design"]) == [
        "P1.size.baseline", "P1.size.extended", "P1.size.total", "P2.files.baseline", "P2.files.extended",
        "P6.scores",
    ]  # fmt: skip
    assert sorted(basis.index[basis == "arithmetic"]) == ["P35.overlap.random", "P75.n.medium", "P75.n.small"]
    assert set(basis) == set(BASES)


def test_every_claim_says_what_its_replication_needs_and_why():
    assert (CLAIMS["basis_source"] != "").all()
    assert ((CLAIMS["basis"] == "model") == (CLAIMS["replicates_on"] != "")).all()
    assert ((CLAIMS["settled"] != "") == (CLAIMS["settled_source"] != "")).all()
    assert CLAIMS.loc[CLAIMS["settled"] != "", "settled_source"].str.startswith("toshiohanawa/").all()
    assert (CLAIMS["margin"].notna() == (CLAIMS["rule"] == "equivalence")).all()
    assert (CLAIMS["margin"].notna() == (CLAIMS["margin_source"] != "")).all()
    named = CLAIMS[
        (CLAIMS["model"] != "") & (CLAIMS["basis"] == "model") & ~CLAIMS.index.str.startswith("C.")
    ]
    assert (named["model"] == named["replicates_on"]).all()


@pytest.mark.parametrize(
    ("words", "column"), [({"basis": "luck"}, "basis"), ({"rule": "taste"}, "rule"), ({}, "replicates_on")]
)
def test_a_claim_whose_columns_make_no_sense_is_refused(words, column):
    with pytest.raises(UserError, match=column):
        Claim("X", "1", "number", 1.0, 1.0, "", NUMBER, **words)


@pytest.mark.parametrize(
    ("low", "high", "held"),
    [
        (-0.04, 0.03, True),  # all of it too small to matter
        (0.01, 0.04, True),  # an effect, and too small to matter
        (-0.06, 0.03, None),  # 0 is in it, and so is what would matter
        (0.02, 0.07, False),
        (-0.30, -0.06, False),
        (None, None, None),
    ],
)
def test_no_effect_needs_an_interval_within_the_margin(low, high, held):
    assert nothing_holds(low, high, 0.05) is held
    claim = Claim("X", "0", "number", 0.0, 0.0, "gpt2", NUMBER, rule="equivalence", margin=0.05)
    ours = Measurement("X", "gpt2", 0.0 if low is None else (low + high) / 2, low, high)
    assert rule_holds(claim, ours) is held
    assert replication(claim, ours) == {True: "reproduced", False: "not reproduced", None: "pending"}[held]
    with pytest.raises(UserError, match="margin above 0"):
        nothing_holds(-1.0, 1.0, math.nan)


@pytest.mark.parametrize(
    ("low", "high", "above"),
    [
        (0.1, 0.3, True),
        (-0.3, -0.1, False),
        (-0.1, 0.3, None),
        (0.0, 0.3, None),
        (-0.3, 0.0, None),
        (0, 0, None),
    ],
)
def test_an_interval_with_both_sides_in_it_decides_nothing(low, high, above):
    assert lies_above(low, high) is above
    assert lies_below(-high, -low) is above
    assert lies_above(np.float64(low + 9), np.float64(high + 9), 9) is above
    assert lies_above(low, high, reached=True) is (low >= 0 or above)
    assert lies_above(low, high, ended=True) is (False if high == 0 else above)


def test_without_an_interval_neither_side_is_said():
    assert lies_above(math.nan, math.nan) is None
    assert lies_above(math.nan, math.nan, reached=True, ended=True) is None
    assert lies_below(math.nan, math.nan) is None


@pytest.mark.parametrize(
    ("parts", "held"),
    [((True, True), True), ((True, None), None), ((None, False, True), False), ((True, False), False)],
)
def test_one_part_that_fails_decides_and_one_that_is_open_leaves_it_open(parts, held):
    assert all_hold(parts) is held
    turned = [None if part is None else not part for part in parts]
    assert any_holds(turned) is (None if held is None else not held)


def test_every_number_that_is_printed_as_nothing_is_held_against_a_margin():
    nothing = CLAIMS[(CLAIMS["lo"] <= 0) & (CLAIMS["hi"] >= 0) & (CLAIMS["lo"] == -CLAIMS["hi"])]
    assert set(nothing.index) == {"P5.random", "P6.ablate.sent.none", "D.rho.l18", "C.knockout.random"}
    assert (nothing["rule"] == "equivalence").all()


@pytest.mark.parametrize(
    ("value", "low", "high", "held"),
    [(-0.054, -0.20, 0.09, None), (-0.2, -0.3, -0.1, False), (0.0, -0.02, 0.02, True)],
)
def test_a_head_whose_removal_changes_nothing(value, low, high, held):
    ours = Measurement("P6.ablate.sent.none", "gpt2", value, low, high, 0.0, 16)
    (row,) = judge([ours]).to_dict("records")
    assert row["holds"] is held
    assert row["verdict"] == {True: "reproduced", False: "not reproduced", None: "pending"}[held]


@pytest.mark.parametrize(
    ("p", "held"), [(1.0, True), (0.49, True), (0.051, True), (0.05, False), (0.001, False)]
)
def test_none_significant_is_held_against_the_level_and_not_against_a_p_value(p, held):
    for name in ("gratitude", "sentiment", "politeness", "anger"):
        (row,) = judge([Measurement(f"P75.{name}.p", "gpt2", p)]).to_dict("records")
        assert (row["holds"], row["verdict"]) == (held, "reproduced" if held else "not reproduced")


def test_an_interval_of_no_width_is_left_out_but_of_what_somebody_chose():
    ours = Measurement("X", "gpt2", 0.0, 0.0, 0.0, note="told")
    bare = without_empty_interval(number("0.5", model="gpt2"), ours)
    assert (bare.low, bare.high, bare.value) == (None, None, 0.0)
    assert bare.note == "told; no resample differs, hence no interval"
    chosen = Claim("X", "0", "number", 0.0, 0.0, "", NUMBER, "design")
    assert without_empty_interval(chosen, ours) == ours
    wide = Measurement("X", "gpt2", 0.0, -1.0, 1.0)
    assert without_empty_interval(number("0.5", model="gpt2"), wide) == wide
    table = judge([Measurement(claim, "gpt2", 0.0, 0.0, 0.0, n=70) for claim in CLAIMS.index])
    flat = table[table["low"].notna() & (table["low"] == table["high"])]
    assert set(flat["id"]) == set(CLAIMS.index[CLAIMS["basis"] == "design"])


def test_nothing_in_twenty_may_still_be_one_in_six():
    exact = binomtest(0, 20).proportion_ci(method="exact").high
    assert f"{exact:.0%}" == "17%"
    assert none_of(20) == "no change in 20 units, so in at most 17% of all (exact 95 % bound)"


def test_what_the_authors_code_settles_stands_in_the_table():
    settled = CLAIMS["settled"]
    assert set(settled[["P75.n.small", "P75.n.medium"]]) == {"power=0.85"}
    assert set(settled[["P35.procrustes", "P35.procrustes.b"]]) == {"map=d x d rotation"}
    layers = settled.index[settled == "n_layers=5"]
    assert pd.Index(layers).str.startswith(("P35.k.", "P75.k")).all()
    assert len(layers) == 16


def test_a_stated_interval_is_the_range_or_what_rounds_to_the_digits():
    assert stated_interval("0.99", 0.99, 0.99) == pytest.approx((0.985, 0.995))
    assert stated_interval("5.2e-05", 5.2e-05, 5.2e-05) == pytest.approx((5.15e-05, 5.25e-05))
    assert stated_interval("0.84..0.87", 0.84, 0.87) == (0.84, 0.87)
    assert stated_interval("70", 70, 70) == (69.5, 70.5)
