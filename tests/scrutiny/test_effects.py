"""What the printed effects of one head say about each other."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from scipy import stats

from emotion_utils.scrutiny import effects
from emotion_utils.scrutiny.judging import judged


def test_p_values_are_those_of_the_t_test():
    x = np.random.default_rng(0).normal(0.1, 1, 70)
    d = x.mean() / x.std(ddof=1)
    assert effects.p_of(d, 70) == pytest.approx(stats.ttest_1samp(x, 0).pvalue, rel=1e-10)


@pytest.mark.parametrize(
    ("claim", "value", "word"),
    [
        ("P75.gratitude.p", "0.398", "arithmetic holds"),
        ("P75.gratitude.p", "0.040", "arithmetic fails"),
        ("P75.sentiment.d", "0.5", "above chance"),
        ("P75.sentiment.d", "0.1", "at chance"),
        ("P75.gratitude.diff", "0.057", "arithmetic holds"),
        ("P75.gratitude.diff", "0.060", "arithmetic fails"),  # no whole number of words over 70
        ("P75.power", "0.091", "arithmetic holds"),
        ("P75.power", "0.300", "arithmetic fails"),
        ("P75.n.small", "199", "arithmetic fails"),  # 80 %, where the author's code asks for 85 %
        ("P75.n.small", "225", "arithmetic holds"),
        ("P75.n.small", "210", "arithmetic fails"),
        ("P75.n.medium", "36", "arithmetic holds"),
        ("P75.n.medium", "34", "arithmetic fails"),
    ],
)
def test_figures_follow_from_d_and_n(word_of, claim, value, word):
    assert word_of(claim, printed={claim: (value, float(value))}).word == word


def test_the_power_that_is_asked_for_gives_the_printed_n():
    edges = stats.norm.ppf(0.975) + stats.norm.ppf(0.85)
    assert [ceil((edges / d) ** 2) for d in (0.2, 0.5)] == [225, 36]


def test_without_a_settled_power_the_usual_ones_are_tried(rows):
    changed = {
        **rows,
        "P75.n.small": {**rows["P75.n.small"], "settled": "", "value": "199", "lo": 199.0, "hi": 199.0},
    }
    said = judged(effects.rules(changed), changed)["P75.n.small"]
    assert said.word == "arithmetic holds"
    assert "names no power" in said.note


def test_an_interval_of_another_width_does_not_follow(word_of):
    claim = "P75.anger.ci"
    assert word_of(claim).word == "arithmetic holds"
    assert word_of(claim, printed={claim: ("-0.571..0.557", -0.571, 0.557)}).word == "arithmetic fails"


def test_a_mean_outside_its_interval_does_not_follow(word_of):
    claim = "P75.gratitude.ci"
    found = word_of(claim, printed={claim: ("0.500..0.764", 0.5, 0.764)})
    assert found.word == "arithmetic fails"
    assert "lies outside" in found.note


@pytest.mark.parametrize("value", ["0.003", "0.026", "0.9"])
def test_a_mean_beside_the_spread_from_its_own_d_is_no_test(word_of, value):
    claim = "P75.sentiment.diff"
    assert word_of(claim, printed={claim: (value, float(value))}).word == "at chance"
