"""Rates with exact bounds, nulls that are null, and the published formulas on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from emotion_utils.calibration.trials import (
    null_trials,
    power_trials,
    published_rates,
    published_trials,
    rates,
)
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import Recipe
from emotion_utils.statistics.permutations import binomial_bounds

SMALL = Recipe(widths=(24, 20), layers=1, rows=40, prompts=12)


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (3, 20), (50, 1000), (20, 20)])
def test_bounds_are_those_of_statsmodels(hits, n):
    assert binomial_bounds(hits, n) == pytest.approx(proportion_confint(hits, n, method="beta"), nan_ok=True)


def test_bounds_of_nothing_found_are_the_rule_of_three():
    low, high = binomial_bounds(0, 1000)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 1000))
    with pytest.raises(UserError, match="is none"):
        binomial_bounds(3, 2)


def test_rates_count_what_is_at_most_the_level():
    trials = pd.DataFrame({"seed": range(4), "r2": [0.05, 0.06, 0.01, 1], "overlap": 1.0, "probe": 0.02})
    found = rates(trials, about="x").set_index("score")
    assert found["hits"].to_dict() == {"r2": 2, "overlap": 0, "probe": 4}
    assert found.loc["r2", "rate"] == 0.5
    assert set(found["about"]) == {"x"}


@pytest.mark.parametrize("kind", ["independent", "shuffled"])
def test_p_is_uniform_where_there_is_nothing_to_find(kind):
    found = null_trials(SMALL, kind, range(60), n_permutations=19)
    # 60 trials at a rate of 0.2: more than 22 has a probability of 0.1 %
    assert ((found[["r2", "overlap", "probe"]] <= 0.2).sum() <= 22).all()
    assert ((found[["r2", "overlap", "probe"]] >= 0.5).sum() >= 15).all()


def test_an_unknown_null_is_refused():
    with pytest.raises(UserError, match="independent, shuffled, torn"):
        null_trials(SMALL, "other", [0])


def test_power_grows_with_what_is_shared():
    found = power_trials(SMALL, (0.0, 0.95), (40,), 12, 0, 39)
    overlap = found[found["score"] == "overlap"].set_index("strength")
    assert overlap.loc[0.95, "rate"] >= 0.9
    assert overlap.loc[0.0, "rate"] <= 0.4


def test_the_published_formulas_depend_on_the_scale_alone():
    found = published_trials(Recipe(layers=1), range(6), scales=(0.01, 1.0, 10.0))
    medians = found.groupby(["formula", "precision", "scale"])["value"].median()
    assert medians["published_phase8", "float64", 0.01] > 0.8
    assert medians["published_phase8", "float64", 10.0] < 0.05
    assert medians["published_phase35", "float32", 10.0] > 0.9
    assert medians["published_phase35", "float64", 0.01] < 0.001
    table = published_rates(found).set_index(["formula", "precision", "scale", "believed"])
    assert table.loc[("published_phase8", "float64", 0.01, "10 x chance"), "rate"] == 1
    assert table.loc[("published_phase8", "float64", 10.0, "0.5"), "hits"] == 0
    assert np.allclose(found["chance"], 1 / 128)
