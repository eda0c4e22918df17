"""The claims of Phase 7.5 follow from the collected differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from emotion_utils.effects import heads
from emotion_utils.effects.records import Effect
from emotion_utils.reports import claims as ledger
from emotion_utils.reports.effects import measurements

N = 60
UNITS = np.repeat([f"baseline {i}" for i in range(20)], 3)
PROMPTS = np.array([f"p{i}" for i in range(N)])


def published(values, model="small-gpt2", what=heads.PUBLISHED):
    return [
        Effect(
            heads.PATCHING,
            model,
            "gratitude",
            what,
            outcome.label,
            own,
            UNITS[: len(own)],
            PROMPTS[: len(own)],
        )
        for outcome, own in zip(heads.PUBLISHED_OUTCOMES.values(), values, strict=True)
    ]


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(4)
    found = rng.normal(0.05, 0.4, size=(4, N))
    found[1, :5] = np.nan
    return found


@pytest.fixture(scope="module")
def rows(values):
    other = published(values + 9, what="L0H1 ablated")
    found = measurements(
        [*other, *published(values)], ["small-gpt2", "small-neo"], n_flips=999, n_resamples=500
    )
    return {row.claim: row for row in found}


def test_every_claim_of_both_sections_is_measured_once(rows):
    listed = ledger.read_claims()["id"]
    assert set(rows) == {c for c in listed if c.startswith("P75.") and not c.startswith("P75.k")}
    assert rows["P75.gratitude.diff"].model == "small-gpt2"
    assert rows["P75.n.small"].model == ""


def test_means_sizes_and_p(rows, values):
    for name, own in zip(("gratitude", "sentiment", "politeness", "anger"), values, strict=True):
        kept = own[~np.isnan(own)]
        mean, size = rows[f"P75.{name}.diff"], rows[f"P75.{name}.d"]
        assert mean.value == rows[f"P75.{name}.ci"].value == pytest.approx(kept.mean())
        assert mean.low < mean.value < mean.high
        assert mean.n == len(kept)
        assert size.value == pytest.approx(kept.mean() / kept.std(ddof=1))
        assert size.low < size.value < size.high
        # units are exchangeable here, so that the t test of single pairs says nearly the same
        assert rows[f"P75.{name}.p"].value == pytest.approx(stats.ttest_1samp(kept, 0).pvalue, abs=0.15)


def test_power_is_the_mean_over_the_four_sizes_and_needed_n_that_of_statsmodels(rows, values):
    sizes = np.nanmean(values, axis=1) / np.nanstd(values, axis=1, ddof=1)
    power = np.mean([TTestPower().power(abs(d), N, 0.05) for d in sizes])
    assert rows["P75.power"].value == pytest.approx(power)
    both = stats.norm.ppf(0.975) + stats.norm.ppf(0.85)
    for claim, d in (("P75.n.small", 0.2), ("P75.n.medium", 0.5)):
        assert rows[claim].value == np.ceil((both / d) ** 2)
        for asked in (0.85, 0.8):
            assert f"{np.ceil(TTestPower().solve_power(d, alpha=0.05, power=asked)):.0f}" in rows[claim].note
    assert (rows["P75.n.small"].value, rows["P75.n.medium"].value) == (225, 36)


def test_the_rule_decides_what_needs_no_model_and_the_rest_is_of_another_model(rows):
    verdicts = ledger.judge(rows.values()).set_index("id")["verdict"]
    assert set(verdicts.drop(["P75.n.small", "P75.n.medium"])) == {"other model"}
    assert verdicts[["P75.n.small", "P75.n.medium"]].tolist() == ["reproduced"] * 2
    usual = [replace(rows["P75.n.small"], value=197.0), replace(rows["P75.n.medium"], value=32.0)]  # at 80 %
    assert ledger.judge(usual)["verdict"].tolist() == ["not reproduced"] * 2


def test_too_few_units_or_nothing_that_moves_leave_a_claim_open_and_never_fail(values):
    few = {row.claim: row for row in measurements(published(values[:, :12]), ["small-gpt2"])}
    assert few["P75.anger.d"].value is None
    assert "4 units" in few["P75.anger.d"].note
    assert few["P75.power"].value is None
    still = {row.claim: row for row in measurements(published(np.zeros((4, N))), ["small-gpt2"])}
    assert still["P75.anger.diff"].value == still["P75.anger.d"].value == 0.0
    assert still["P75.anger.p"].value == 1.0
    for what in ("diff", "d", "ci"):
        row = still[f"P75.anger.{what}"]
        assert (row.low, row.high) == (None, None)
        assert "no change in 20 templates, so in at most 17% of all" in row.note
    alike = {row.claim: row for row in measurements(published(np.ones((4, N))), ["small-gpt2"])}
    assert alike["P75.anger.d"].value is None
    assert "all of them changed alike" in alike["P75.anger.diff"].note
    assert alike["P75.power"].value is None
