"""Checks that wrong pairs pass too are said to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import worded

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import read_claims
from emotion_utils.wider.checks import answers, passed, sanity_checks, summarise_checks
from emotion_utils.wider.layers import compare_layers


@pytest.fixture(scope="module")
def scores():
    return compare_layers(worded.pair(), n_permutations=39)


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
    same = sanity_checks(worded.with_after(scores, true, [true] * 99)).set_index("check")
    assert same["answer"].tolist() == ["yes", "yes", "yes"]
    assert (same["wrong"] == 1).all()
    assert same["tells"].tolist() == [False, False, False]
    apart = sanity_checks(worded.with_after(scores, true, [low] * 99)).set_index("check")
    assert apart["tells"].tolist() == [False, True, True]  # before a map wrong pairs are the same
    assert apart.loc["after", "high"] == pytest.approx(1 - 0.025 ** (1 / 99))
    few = sanity_checks(worded.with_after(scores, true, [low] * 9)).set_index("check")
    assert few.loc["after", "tells"] is None
    failed = sanity_checks(worded.with_after(scores, low, [low] * 99)).set_index("check")
    assert failed.loc["after", ["answer", "tells"]].tolist() == ["no", False]
    told = [summarise_checks(table.reset_index()) for table in (same, apart, few, failed)]
    assert "**wrong pairs do as well**" in told[0]
    assert "seldom" in told[1]
    assert "cannot be told" in told[2]
    assert "nothing to explain" in told[3]


def test_better_answers_count_as_good(scores):
    partly = [0.05, 0.05, 0.05]
    found = worded.with_after(scores, partly, [[0.5] * 3] * 2 + [partly] * 3 + [[0.0001] * 3] * 4)
    assert answers("after", found) == ("partly", 5)


def test_a_check_needs_wrong_pairs(scores):
    with pytest.raises(UserError, match="without wrong pairs"):
        sanity_checks(replace(scores, after=scores.after[:1], sound={}))
