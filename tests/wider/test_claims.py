"""Checks that wrong pairs pass too are said to; every claim is measured on the pair that stands in, or says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import worded

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import judge, read_claims
from emotion_utils.wider.claims import (
    answers,
    beyond_half_precision,
    chapter_measurements,
    passed,
    sanity_checks,
    summarise_checks,
)
from emotion_utils.wider.layers import compare_layers


@pytest.fixture(scope="module")
def scores():
    return compare_layers(worded.pair(), n_permutations=39)


def with_after(scores, true, wrong, before=0.0002):
    """The same with other scores: one row of layers for the true pairing and one for each wrong one."""
    after = np.array([true, *wrong], dtype=float)
    left = np.repeat(after[:1], len(scores.left_after), axis=0)
    left = left * (1 + 0.01 * np.linspace(-1, 1, len(left)))[:, None]
    return replace(scores, after=after, sound={}, before=np.full(after.shape[1], before), left_after=left)


def printed(model, when):
    """A profile as the report prints it."""
    claims = read_claims().set_index("id")["lo"]
    return claims[claims.index.str.match(rf"P8\.{model}\.L\d+\.{when}$")].to_numpy()


@pytest.mark.parametrize("model", ["llama3-8b", "qwen3-8b", "gemma3-12b"])
@pytest.mark.parametrize("check", ["before", "after", "delta"])
def test_a_check_says_of_the_reports_numbers_what_they_say(model, check):
    """The printed layers give the printed answers."""
    report = read_claims().set_index("id").at[f"P8.{model}.check.{check}", "value"]
    assert passed(check, printed(model, "before").mean(), printed(model, "after")) == report


def test_a_check_that_wrong_pairs_pass_says_nothing(scores):
    true, low = [0.4, 0.5, 0.6], [0.0001, 0.0002, 0.0001]
    same = sanity_checks(with_after(scores, true, [true] * 99)).set_index("check")
    assert same["answer"].tolist() == ["yes", "yes", "yes"]
    assert (same["wrong"] == 1).all()
    assert same["tells"].tolist() == [False, False, False]
    apart = sanity_checks(with_after(scores, true, [low] * 99)).set_index("check")
    assert apart["tells"].tolist() == [False, True, True]  # before a map wrong pairs are the same
    assert apart.loc["after", "high"] == pytest.approx(1 - 0.025 ** (1 / 99))
    few = sanity_checks(with_after(scores, true, [low] * 9)).set_index("check")
    assert few.loc["after", "tells"] is None
    failed = sanity_checks(with_after(scores, low, [low] * 99)).set_index("check")
    assert failed.loc["after", ["answer", "tells"]].tolist() == ["no", False]
    told = [summarise_checks(table.reset_index()) for table in (same, apart, few, failed)]
    assert "**wrong pairs do as well**" in told[0]
    assert "seldom" in told[1]
    assert "cannot be told" in told[2]
    assert "nothing to explain" in told[3]


def test_better_answers_count_as_good(scores):
    partly = [0.05, 0.05, 0.05]
    found = with_after(scores, partly, [[0.5] * 3] * 2 + [partly] * 3 + [[0.0001] * 3] * 4)
    assert answers("after", found) == ("partly", 5)


def test_a_check_needs_wrong_pairs(scores):
    with pytest.raises(UserError, match="without wrong pairs"):
        sanity_checks(replace(scores, after=scores.after[:1], sound={}))


def test_layers_that_half_precision_cannot_hold():
    states = worded.model("m", 1)
    assert beyond_half_precision(states) == []
    values = states.values.copy()
    values[2, 1, 3] = -65_505
    assert beyond_half_precision(replace(states, values=values)) == [1]


@pytest.fixture(scope="module")
def judged(scores):
    rows = chapter_measurements(
        {"llama3-8b": scores, "gemma3-12b": scores}, overflowing=("other", [7, 8]), width=3840
    )
    return {row.claim: row for row in rows}, judge(rows).set_index("id")


def test_every_claim_of_phase_8_is_measured_or_says_why_not(judged):
    rows, table = judged
    wanted = [claim for claim in read_claims()["id"] if claim.startswith("P8.")]
    assert list(rows) == wanted
    nothing = [row for row in rows.values() if row.value is None and row.holds is None]
    assert all(row.note for row in nothing)
    assert "only layers 0, 1, 2" in rows["P8.llama3-8b.L3.after"].note
    assert rows["P8.qwen3-8b.L0.after"].note == "no pair of models stands in for it"
    assert (table.loc[[row.claim for row in nothing], "verdict"] == "pending").all()


def test_layers_are_measured_with_their_null(judged, scores):
    rows, table = judged
    after, before = rows["P8.llama3-8b.L1.after"], rows["P8.llama3-8b.L1.before"]
    assert (after.value, after.null) == pytest.approx((scores.after[0, 1], scores.after[1:, 1].mean()))
    assert (before.value, before.null) == pytest.approx((scores.before[1], 1 / 24))
    assert after.low < after.value < after.high
    assert after.n == scores.n
    assert table.loc["P8.llama3-8b.L1.after", "verdict"] == "other model"


def test_means_and_the_largest_gain(judged, scores):
    rows, _ = judged
    gains = scores.after - scores.before
    found = [rows[f"P8.llama3-8b.mean.{when}"].value for when in ("before", "after", "delta")]
    assert found == pytest.approx([scores.before.mean(), scores.after[0].mean(), gains[0].mean()])
    largest = rows["P8.llama3-8b.max.delta"]
    assert largest.value == pytest.approx(gains[0].max())
    assert largest.null == pytest.approx(gains[1:].max(axis=1).mean())
    assert f"at layer {gains[0].argmax()}" in largest.note


def test_claims_about_gemma_itself(judged):
    table = judged[1]
    assert table.loc["P8.gemma3-12b.dmodel", "verdict"] == "not reproduced"
    assert table.loc["P8.gemma3-12b.skip", "replication"] == "other model, agrees"
    none = {row.claim: row for row in chapter_measurements({}, overflowing=("other", []))}
    assert none["P8.gemma3-12b.skip"].holds is False
    assert "not at hand" in none["P8.gemma3-12b.dmodel"].note


def test_a_check_agrees_where_it_says_what_the_report_says(scores):
    low = with_after(scores, [0.0001] * 3, [[0.0001] * 3] * 39)
    rows = {row.claim: row for row in chapter_measurements({"llama3-8b": low, "gemma3-12b": low})}
    assert rows["P8.llama3-8b.check.after"].holds is False
    assert rows["P8.gemma3-12b.check.after"].holds is True
    assert "39 of 39 wrong pairings" in rows["P8.gemma3-12b.check.after"].note


@pytest.mark.parametrize(
    ("means", "holds"),
    [((0.5, 0.3, 0.1), True), ((0.1, 0.3, 0.5), False), ((0.3, 0.3, 0.1), None)],
)
def test_the_order_is_decided_by_intervals(scores, means, holds):
    """Units that pull the means apart by more than they differ leave the order open."""
    rng = np.random.default_rng(0)
    pairs = {}
    for name, mean in zip(("llama3-8b", "qwen3-8b", "gemma3-12b"), means, strict=True):
        found = with_after(scores, [mean] * 3, [[mean] * 3] * 3)
        noise = 0.005 * rng.normal(size=(len(found.left_after), 1))
        pairs[name] = replace(found, target=name, left_after=mean + noise * np.ones((1, 3)))
    row = next(row for row in chapter_measurements(pairs) if row.claim == "P8.ranking")
    assert row.holds is holds
    assert row.model == "llama3-8b~qwen3-8b~gemma3-12b"
    pairs["qwen3-8b"] = replace(pairs["qwen3-8b"], sizes=scores.sizes + 1)
    row = next(row for row in chapter_measurements(pairs) if row.claim == "P8.ranking")
    assert row.holds is None
    assert "same units" in row.note


def test_without_intervals_or_units_nothing_is_decided(scores):
    pairs = {name: replace(scores, target=name) for name in ("llama3-8b", "qwen3-8b", "gemma3-12b")}
    without = {
        name: replace(own, left_before=own.left_before[:0], left_after=own.left_after[:0])
        for name, own in pairs.items()
    }
    rows = {row.claim: row for row in chapter_measurements(without)}
    assert rows["P8.ranking"].holds is None
    assert "no intervals were asked for" in rows["P8.ranking"].note
    assert rows["P8.llama3-8b.L0.after"].value == pytest.approx(scores.after[0, 0])
    assert rows["P8.llama3-8b.L0.after"].low is None
    few = {
        name: replace(
            own, sizes=own.sizes[:7], left_before=own.left_before[:7], left_after=own.left_after[:7]
        )
        for name, own in pairs.items()
    }
    rows = chapter_measurements(few)
    assert len(rows) == len([claim for claim in read_claims()["id"] if claim.startswith("P8.")])
    assert {(row.value, row.holds, row.note) for row in rows} == {
        (None, None, "7 units, at least 8 are needed")
    }


def test_a_model_that_the_reports_do_not_have_is_named(scores):
    with pytest.raises(UserError, match=r'no wider model "llama-8b": did you mean "llama3-8b"'):
        chapter_measurements({"llama-8b": scores})
