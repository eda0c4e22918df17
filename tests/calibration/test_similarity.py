"""Made-up models share what they are said to share, and the committed section says what the page needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from emotion_utils.calibration import ledger, overview, similarity
from emotion_utils.statistics.permutations import LEVEL

SMALL = similarity.Design(families=8, topics=8, tellings=6, width=24, layers=1)


@pytest.mark.parametrize(("strength", "words"), [(0.0, 0.0), (0.5, 0.0), (0.2, 0.3)])
def test_models_share_so_much_of_their_variance(strength, words):
    """The trace of squared inner products of two models' states is that of what they have in common."""
    large = similarity.Design(families=2000, each=4, width=16, layers=1, exponent=0.0)
    made, _ = similarity.models(large, {"a": strength, "b": strength}, words, np.random.default_rng(0))
    one, other = (states.values[:, 0] for states in made.values())
    # of directions in coordinates of their own: singular values of the cross-covariance are the shared variances
    crossed = np.linalg.svd(one.T @ other / len(one), compute_uv=False).mean()
    assert crossed == pytest.approx(strength + words, abs=0.06)
    assert (one**2).mean() == pytest.approx(1, abs=0.05)


def test_prompts_of_a_family_resemble_each_other_and_emotions_have_their_own():
    large = similarity.Design(families=300, each=2, width=32, exponent=0.0, layers=1)
    made, _ = similarity.models(large, {"a": 0.0}, 0.0, np.random.default_rng(1))
    pairs = similarity.prompt_pairs(large).pairs
    states = {name: made["a"].at(own["id"])[0] for name, own in pairs.items()}
    anger, apology = states["anger"], states["apology"]
    within = (anger[::2] * anger[1::2]).mean()
    across = (anger[::2] * apology[::2]).mean()
    assert within == pytest.approx(large.family, abs=0.03)
    assert across == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("kind", similarity.KINDS)
def test_every_experiment_names_its_nothing(kind):
    found = similarity.trials(SMALL, kind, 0.0, [3], 9)
    assert set(found["method"]) <= set(similarity.NOTHING)
    assert found["number"].notna().all()
    assert found["found"].isin([0, 1]).all()
    again = similarity.trials(SMALL, kind, 0.0, [3], 9)
    pd.testing.assert_frame_equal(found, again)


def test_what_is_planted_is_found_and_nothing_is_not():
    strong = [similarity.similar(SMALL, False, 0.9, 19, seed)["RSA"].found for seed in range(3)]
    weak = [similarity.similar(SMALL, False, 0.0, 19, seed)["RSA"].number for seed in range(6)]
    assert all(strong)
    assert np.mean(weak) > 0.2
    far = similarity.neutral(SMALL, 12.0, 0)
    assert far["neutral variance"].found


def test_a_finding_is_a_small_p_or_an_interval_without_0():
    assert similarity._by_p(0.05).found
    assert not similarity._by_p(0.06).found
    assert similarity._by_interval(0.1, 0.2) == (0.1, True)
    assert similarity._by_interval(-0.2, -0.1).found
    assert not similarity._by_interval(-0.1, 0.2).found
    assert not similarity._by_interval(float("nan"), float("nan")).found


def test_rates_have_exact_bounds():
    table = pd.DataFrame({"method": ["a"] * 10 + ["b"] * 4, "found": [1] * 3 + [0] * 7 + [0] * 4})
    a, b = similarity.rates(table, strength=0.2).itertuples()
    assert (a.hits, a.n, a.rate, a.strength) == (3, 10, 0.3, 0.2)
    assert (a.low, a.high) == pytest.approx((beta.ppf(0.025, 3, 8), beta.ppf(0.975, 4, 7)))
    assert (b.rate, b.low) == (0.0, 0.0)


def test_the_committed_section_has_a_line_for_every_method():
    section = ledger.read("similarity")
    lines = overview.similarity_lines(section).set_index("method")
    assert set(lines.index) == set(similarity.NOTHING)
    false = section.tables["false"].set_index("method")
    assert lines["false"].to_dict() == false["rate"].to_dict()
    assert (lines["low"] <= lines["false"]).all()
    assert lines["power"].between(0, 1).all()
    assert lines.loc["neutral variance", "effect"] == "a direction of length 5"
    assert lines.loc["RSA", "finding"] == f"p ≤ {LEVEL:g}"
    assert lines.loc["jackknife, RSA minus control", "finding"] == "interval without 0"


def test_the_first_trials_of_the_committed_section_are_repeated():
    section = ledger.read("similarity")
    sample = section.tables["sample"]
    quick = sample[sample["kind"].isin(["k", "neutral"])]
    design = similarity.Design(**section.settings["design"])
    again = similarity.repeat(quick, design, section.settings["permutations"], 1)
    assert len(again) == 3
    assert again["difference"].abs().max() < 1e-6
