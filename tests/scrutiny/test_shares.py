"""Two counts and two shares, at both ends of what is a unit."""

from __future__ import annotations

import pytest
from scipy import stats

from emotion_utils.scrutiny import shares


@pytest.mark.parametrize(("one", "other"), [(4, 8), (78, 76), (28, 13), (0, 5), (1490, 904)])
def test_two_counts_are_compared_exactly(one, other):
    assert shares.of_counts(one, other) == pytest.approx(stats.binomtest(one, one + other).pvalue, rel=1e-9)


def test_nothing_and_nothing_do_not_differ():
    assert shares.of_counts(0, 0) == 1.0


def test_two_shares_are_compared_by_their_pooled_variance():
    table = [[583, 417], [538, 462]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert shares.of_shares(0.583, 1000, 0.538, 1000) == pytest.approx(expected, rel=1e-9)


def test_the_same_posts_leave_two_ends():
    # 100 posts, 90 and 80 right: 10 posts at least differ, 30 at most
    least, most = (shares.of_paired_shares(0.9, 0.8, 100, most=which) for which in (False, True))
    assert least == pytest.approx(2 * stats.norm.sf(10 / 10**0.5))
    assert most == pytest.approx(2 * stats.norm.sf(10 / 30**0.5))
    assert shares.of_paired_shares(0.8, 0.8, 100, most=False) == 1.0


@pytest.mark.parametrize(("p", "word"), [(0.2, "at chance"), (1e-30, "undecided")])
def test_parts_of_single_trainings_are_never_above_chance(p, word):
    said = shares.parts(p, "two counts")
    assert said.word == word
    assert (shares.ONE_TRAINING in said.note) == (word == "undecided")


def test_a_conflict_needs_a_difference_beyond_the_errors():
    assert shares.conflict(shares.differ(1.0, 0.1, 1.5, 0.1), "x").word == "conflicts"
    assert shares.conflict(shares.differ(1.0, 0.3, 1.5, 0.3), "x") is None
    assert shares.differ(1.0, 3.0, 1.0, 4.0) == 1.0
    assert shares.differ(0.0, 3.0, 9.8, 4.0) == pytest.approx(0.05, abs=1e-3)
