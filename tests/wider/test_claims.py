"""Every claim is measured on the pair that stands in, or says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import worded

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import judge, read_claims
from emotion_utils.wider.claims import beyond_half_precision, chapter_measurements
from emotion_utils.wider.layers import compare_layers


@pytest.fixture(scope="module")
def scores():
    return compare_layers(worded.pair(), n_permutations=39)


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
    low = worded.with_after(scores, [0.0001] * 3, [[0.0001] * 3] * 39)
    rows = {row.claim: row for row in chapter_measurements({"llama3-8b": low, "gemma3-12b": low})}
    assert rows["P8.llama3-8b.check.after"].holds is False
    assert rows["P8.gemma3-12b.check.after"].holds is True
    assert "39 of 39 wrong pairings" in rows["P8.gemma3-12b.check.after"].note


def pending(scores, layers, possible):
    """The claims of three pairs of which some layers are compared, all with the same scores."""
    n = len(layers)
    some = replace(
        scores, pairs=tuple((layer, layer) for layer in layers), depths=np.zeros((n, 2)), sound={},
        possible=tuple((layer, layer) for layer in range(possible)), before=np.full(n, 0.0002),
        after=np.repeat([[0.5], [0.4]], n, axis=1), left_before=np.full((len(scores.sizes), n), 0.0002),
        left_after=np.full((len(scores.sizes), n), 0.5),
    )  # fmt: skip
    pairs = {name: replace(some, target=name) for name in ("llama3-8b", "qwen3-8b", "gemma3-12b")}
    return {row.claim: row for row in chapter_measurements(pairs)}


ABOUT_ALL = (
    "mean.before", "mean.after", "mean.delta", "max.delta", "check.before", "check.after", "check.delta",
)  # fmt: skip


@pytest.mark.parametrize(("layers", "possible"), [([0, 1], 3), ([], 3), ([0, 1, 2, 4], 18), ([7, 8], 18)])
def test_a_claim_about_all_layers_is_pending_where_some_were_left_out(scores, layers, possible):
    rows = pending(scores, layers, possible)
    about = [rows[f"P8.llama3-8b.{part}"] for part in ABOUT_ALL] + [rows["P8.ranking"]]
    assert {(row.value, row.holds) for row in about} == {(None, None)}
    assert all(row.note.startswith("too few layers: ") and row.note.endswith("name all") for row in about)
    table = judge(rows.values()).set_index("id")
    assert (table.loc[[row.claim for row in about], "verdict"] == "pending").all()
    if 0 in layers:  # a claim about one layer is measured all the same
        assert rows["P8.llama3-8b.L0.after"].value == 0.5


@pytest.mark.parametrize(
    ("layers", "possible"),
    # all of a small pair; all that the reports print of a deep one; all of a deep one
    [([0, 1, 2], 3), (range(12), 18), (range(18), 18)],
)
def test_a_claim_about_all_layers_is_measured_where_all_were_read(scores, layers, possible):
    rows = pending(scores, layers, possible)
    assert rows["P8.llama3-8b.mean.after"].value == pytest.approx(0.5)
    assert rows["P8.llama3-8b.check.after"].holds is True
    assert rows["P8.ranking"].note.startswith("mean scores after the map")


def test_gemma_is_asked_for_the_layers_that_the_reports_print_of_it(scores):
    rows = pending(scores, range(7), 18)  # of Gemma they print the first seven, of the others twelve
    assert rows["P8.gemma3-12b.mean.after"].value == pytest.approx(0.5)
    assert "layers 0–6 of this pair are compared" in rows["P8.qwen3-8b.mean.after"].note
    assert "qwen" in rows["P8.ranking"].model
    assert rows["P8.ranking"].holds is None


@pytest.mark.parametrize(
    ("means", "holds"),
    [((0.5, 0.3, 0.1), True), ((0.1, 0.3, 0.5), False), ((0.3, 0.3, 0.1), None)],
)
def test_the_order_is_decided_by_intervals(scores, means, holds):
    """Units that pull the means apart by more than they differ leave the order open."""
    rng = np.random.default_rng(0)
    pairs = {}
    for name, mean in zip(("llama3-8b", "qwen3-8b", "gemma3-12b"), means, strict=True):
        found = worded.with_after(scores, [mean] * 3, [[mean] * 3] * 3)
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
