"""Layers, counts of words, and changes of sentiment."""

from __future__ import annotations

import pytest
from scipy import stats

from emotion_utils.scrutiny import heads


@pytest.mark.parametrize(
    ("claim", "printed", "word"),
    [
        ("P7.patch.kw", ("4->8", 4.0, 8.0), "at chance"),
        ("P7.patch.kw", ("4->40", 4.0, 40.0), "above chance"),
        ("P6.ablate.sent", ("0.02", 0.02), "at chance"),
        ("P6.ablate.sent", ("0.15", 0.15), "undecided"),
        ("P6.ablate.sent", ("-0.60", -0.60), "above chance"),
        ("P7.patch.l0h0", ("0.03", 0.03), "at chance"),
        ("P7.patch.l0h0", ("0.1102", 0.1102), "undecided"),
        ("P7.patch.l0h0", ("0.60", 0.60), "conflicts"),
        ("P6.top.gratitude", ("0.34", 0.34), "undecided"),
        ("P6.top.gratitude", ("0.80", 0.80), "above chance"),
        ("P6.scores", ("432", 432.0), "arithmetic holds"),
        ("P6.scores", ("400", 400.0), "arithmetic fails"),
        ("P5.layer.mid", ("6..7", 6.0, 7.0), "conflicts"),
        ("P5.layer.mid", ("8..9", 8.0, 9.0), "undecided"),
    ],
)
def test_both_answers(word_of, claim, printed, word):
    assert word_of(claim, printed={claim: printed}).word == word


def test_two_estimates_of_one_change_are_tested_as_a_difference(word_of):
    error = (0.104 + 0.052) / 2 / 1.959964
    p = 2 * stats.norm.sf((0.1102 - 0.026) / (error * 2**0.5))
    assert p == pytest.approx(0.13, abs=0.005)
    assert f"p = {p:.2g} with 70 texts" in word_of("P7.patch.l0h0").note


def test_a_change_is_judged_at_both_numbers_of_texts(word_of, rows):
    note = word_of("P7.patch.sent").note
    assert f"{heads.FEWEST} texts" in note
    assert f"{heads.MOST} texts" in note
    deviation = (0.0255 / 0.0795, 0.0265 / 0.0785)
    half = stats.t.ppf(0.975, 99) * deviation[0] / 10
    assert f"{-half:.3g} to {half:.3g}" in note


def test_a_maximum_at_some_layers_can_not_stand_out(word_of):
    for value, low, high in (("9..11", 9.0, 11.0), ("0..0", 0.0, 0.0)):
        assert word_of("P3.norm.depth", printed={"P3.norm.depth": (value, low, high)}).word == "at chance"


def test_the_power_of_the_real_texts_is_told(said):
    assert "d = 0.487" in said["P5.realworld"].note
