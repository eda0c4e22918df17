"""Corrections, power and the mixed model against independent sources."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.multitest import multipletests

from emotion_utils.core.errors import UserError
from emotion_utils.statistics import power
from emotion_utils.statistics.corrections import adjusted, significant
from emotion_utils.statistics.mixed import mixed_model

RNG = np.random.default_rng(5)


def test_benjamini_hochberg_is_that_of_scipy_and_a_missing_test_does_not_count():
    p = RNG.uniform(size=40) ** 3
    np.testing.assert_allclose(adjusted(p, "fdr_bh"), stats.false_discovery_control(p), rtol=1e-10)
    holed = np.insert(p, 7, np.nan)
    found = adjusted(holed, "fdr_bh")
    assert np.isnan(found[7])
    np.testing.assert_allclose(np.delete(found, 7), stats.false_discovery_control(p), rtol=1e-10)
    assert np.isnan(adjusted(np.array([np.nan]), "holm")).all()


def test_holm_is_that_of_statsmodels():
    p = np.append(RNG.uniform(size=50) ** 3, [0.0, 1.0, 0.2, 0.2])
    np.testing.assert_allclose(adjusted(p, "holm"), multipletests(p, method="holm")[1], rtol=1e-12)
    assert adjusted(np.array([0.01, 0.04, 0.03]), "holm") == pytest.approx([0.03, 0.06, 0.06])
    with pytest.raises(UserError, match=r"test 1 is 1\.2"):
        adjusted(np.array([0.5, 1.2]), "holm")


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ((0.01, 0.02, 0.03), 3),
        ((0.02, 0.04, 0.5), 0),
        ((0.01, 0.03, 0.5), 2),
        ((0.04, np.nan), 1),
        ((0.2,), 0),
    ],
)
def test_what_stands_out_in_a_family_is_counted(p, expected):
    assert significant(np.array(p)) == expected  # the i-th smallest of n has to be at most i * 0.05 / n


def test_power_is_that_of_the_noncentral_t():
    far = stats.t.ppf(0.975, 69)
    for d in (0.2, 0.5, -0.5):
        shift = abs(d) * np.sqrt(70)
        by_hand = stats.nct.sf(far, 69, shift) + stats.nct.cdf(-far, 69, shift)
        assert power.power_of(d, 70)[0] == pytest.approx(by_hand, rel=1e-8)


def test_needed_n_is_the_fewest_and_the_reports_rule_is_another():
    for d in (0.2, 0.5):
        n = power.needed_n(d)
        assert power.power_of(d, n)[0] >= 0.8 > power.power_of(d, n - 1)[0]
    assert (power.needed_n(0.2), power.needed_n(0.5)) == (199, 34)
    assert (power.needed_n_as_published(0.2), power.needed_n_as_published(0.5)) == (225, 36)
    assert power.power_of(power.least_effect(70), 70)[0] == pytest.approx(0.8, abs=1e-4)


def test_impossible_questions_about_power_say_so():
    with pytest.raises(UserError, match="d = 0"):
        power.needed_n(0.0)
    with pytest.raises(UserError, match="cannot be asked for"):
        power.needed_n(0.2, power=0.01)
    with pytest.raises(UserError, match="two pairs"):
        power.least_effect(1)


def test_a_balanced_mixed_model_is_the_analysis_of_variance_of_its_units():
    units = np.repeat(np.arange(14), 5)
    x = RNG.normal(0.3, 0.7, 14)[units] + RNG.normal(size=70)
    found = mixed_model(x, units)
    means = x.reshape(14, 5).mean(1)
    between = 5 * means.var(ddof=1)
    assert found.effect == pytest.approx(x.mean(), rel=1e-6)
    half = stats.t.ppf(0.975, 13) * np.sqrt(between / 70)
    assert found.high - found.effect == pytest.approx(half, rel=1e-3)
    within = x.reshape(14, 5).var(axis=1, ddof=1).mean()
    share = ((between - within) / 5) / ((between - within) / 5 + within)
    assert found.between == pytest.approx(share, abs=2e-3)


def test_the_model_of_differences_is_that_of_both_sides():
    units = np.repeat(np.arange(12), 4)
    level = RNG.normal(size=48)
    x = RNG.normal(0.5, 0.5, 12)[units] + RNG.normal(size=48)
    sides = pd.DataFrame(
        {"y": np.concatenate([level, level + x]), "changed": np.repeat([0.0, 1.0], 48), "unit": np.tile(units, 2),
         "prompt": np.tile(np.arange(48), 2)}
    )  # fmt: skip
    found = mixed_model(x, units)
    # each prompt's own level as a fixed effect, the change varying by unit: the same fixed effect of the change
    both = smf.mixedlm("y ~ 0 + C(prompt) + changed", sides, groups="unit", re_formula="0 + changed").fit(
        reml=True
    )
    assert found.effect == pytest.approx(both.fe_params["changed"], abs=1e-6)


def test_no_variance_between_units_is_a_result_and_missing_pairs_are_left_out():
    x = RNG.normal(0.5, 1, 80)
    units = np.arange(80) // 4
    flat = x - np.repeat(x.reshape(20, 4).mean(1), 4) + 0.5
    found = mixed_model(flat, units)
    assert found.effect == pytest.approx(0.5, abs=1e-6)
    assert found.between < 0.01
    holed = np.append(x, np.nan)
    assert mixed_model(holed, np.append(units, 0)).n == 80
    few = mixed_model(x[:20], units[:20])
    assert not few.converged
    assert np.isnan(few.effect)
    assert few.n_units == 5


def test_prompts_with_several_pairs_get_an_intercept_too():
    units, prompts = np.repeat(np.arange(10), 6), np.repeat(np.arange(30), 2)
    x = 0.3 + RNG.normal(0, 0.5, 30)[prompts] + RNG.normal(0, 0.3, 60)
    found = mixed_model(x, units, prompts)
    assert found.effect == pytest.approx(x.mean(), abs=1e-4)
    assert found.low < 0.3 < found.high
