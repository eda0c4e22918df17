"""Tests of effects: the maximum inside the null, agreement and stability, by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from emotion_utils.circuits import screening
from emotion_utils.heads.pairs import Pairs
from emotion_utils.statistics.flips import max_t


class Told(Pairs):
    """As much of pairs as tables need: three emotions, ten units, differences of 2 nats, four heads."""

    heads = ((0, 0), (0, 1), (1, 0), (1, 1))

    def __init__(self, n=30):
        emotion = ["gratitude", "anger", "apology"] * (n // 3)
        columns = {
            "emotion": emotion,
            "unit": np.arange(n) // 3,
            "version": np.arange(n) % 2,
            "split": "test",
        }
        object.__setattr__(self, "table", pd.DataFrame(columns))

    def log_odds(self):
        return np.stack([np.full((len(self), 1), 1.0), np.full((len(self), 1), -1.0)])


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def effects(told):
    rng = np.random.default_rng(0)
    return rng.normal(size=(len(told), 4)) * 0.2 + np.array([1.0, 0.0, -0.5, 0.0])


def test_the_maximum_is_that_of_all_flips_of_whole_units():
    rng = np.random.default_rng(1)
    values, units = rng.normal(size=(18, 3)) + np.array([0.6, 0.2, 0.0]), np.repeat(np.arange(9), 2)
    sums = np.stack([values[units == u].sum(axis=0) for u in range(9)])

    def t(signed):
        return np.abs(signed.mean(axis=0)) / (signed.std(axis=0, ddof=1) / 3)

    every = np.array([t(np.array(signs)[:, None] * sums).max() for signs in product([-1, 1], repeat=9)])
    exact = [(every >= own - 1e-9).mean() for own in t(sums)]
    found = max_t(values, units, 20_000, seed=2)
    assert found == pytest.approx(exact, abs=0.015)


def test_a_row_that_is_no_part_of_a_test_counts_as_nothing():
    rng = np.random.default_rng(3)
    values, units = rng.normal(size=(20, 1)) + 0.5, np.arange(20)
    holes = np.concatenate([values, np.full((20, 1), np.nan)])
    doubled = max_t(holes, np.concatenate([units, units]), 500)
    assert doubled == pytest.approx(max_t(values, units, 500))


def test_units_that_agree_exactly_stand_out_and_zeros_do_not():
    found = max_t(np.stack([np.full(12, 0.3), np.zeros(12)], axis=1), np.arange(12), 999)
    assert found[0] == pytest.approx(0.001, abs=0.002)
    assert found[1] == 1.0


def test_few_units_are_not_tested():
    assert np.isnan(max_t(np.ones((7, 2)), np.arange(7), 9)).all()


def test_the_null_holds_its_level_over_all_heads():
    rng, hits = np.random.default_rng(4), 0
    for seed in range(300):
        values = rng.standard_t(3, size=(24, 12)) + rng.normal(size=(12, 1)).repeat(2, axis=0)
        hits += max_t(values, np.repeat(np.arange(12), 2), 99, seed).min() <= 0.05
    assert hits <= 300 * 0.05 + 2.6 * np.sqrt(300 * 0.05 * 0.95)


def test_an_effect_has_its_mean_share_and_interval(told, effects):
    table = screening.effect_table(told, effects, n_permutations=200, n_resamples=200)
    assert len(table) == 12
    own = table[(table["emotion"] == "anger") & (table["name"] == "L0H0")].iloc[0]
    values = effects[(told.table["emotion"] == "anger").to_numpy(), 0]
    assert own["effect"] == pytest.approx(values.mean())
    assert own["share"] == pytest.approx(values.mean() / 2)
    assert own["low"] < values.mean() < own["high"]
    assert own["p"] <= 0.05
    assert (own["n"], own["n_groups"]) == (10, 10)
    assert (table[table["name"] == "L0H1"]["p"] > 0.05).all()


def test_agreement_is_that_of_the_means_over_prompts(told, effects):
    rng = np.random.default_rng(5)
    cheap = effects + rng.normal(size=effects.shape)
    found = screening.agreement(told, {"exact": effects, "cheap": cheap}, "exact", n_resamples=200)
    assert found["method"].unique().tolist() == ["cheap"]
    own = found[found["emotion"] == "apology"].iloc[0]
    kept = (told.table["emotion"] == "apology").to_numpy()
    one, other = cheap[kept].mean(axis=0), effects[kept].mean(axis=0)
    assert own["pearson"] == pytest.approx(pearsonr(one, other)[0])
    assert own["spearman"] == pytest.approx(spearmanr(one, other)[0])
    assert -1 <= own["pearson_low"] <= own["pearson"] <= own["pearson_high"] <= 1


def test_the_largest_head_is_always_kept(told, effects):
    found = screening.stability(told, effects, top=1, n_resamples=200)
    assert (found[found["rank"] == 1]["name"] == "L0H0").all()
    assert (found[found["name"] == "L0H0"]["kept"] > 0.95).all()
    assert found.groupby("emotion")["kept"].sum().to_numpy() == pytest.approx(1.0)


def test_wordings_and_halves_of_the_same_effects_agree(told):
    same = np.tile([3.0, 1.0, -2.0, 0.5], (30, 1))
    assert (screening.versions(told, same)["spearman"] == 1).all()
    assert (screening.halves(told, same, 20)["spearman"] == 1).all()
    noise = np.random.default_rng(6).normal(size=(30, 4))
    assert screening.halves(told, noise, 50)["spearman"].abs().max() < 0.9


def test_weights_give_the_correlation_of_the_heads_that_a_sample_stands_for():
    """A head of weight 3 counts as three equal heads do."""
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=(2, 1, 6))
    weights = np.array([1.0, 1.0, 3.0, 1.0, 3.0, 1.0])
    copied = np.repeat(np.arange(6), weights.astype(int))
    for ranks, peer in ((False, pearsonr), (True, spearmanr)):
        found = screening._correlation(one, other, ranks, weights)[0]
        assert found == pytest.approx(peer(one[0, copied], other[0, copied]).statistic, abs=1e-12)


def test_estimates_stand_beside_exact_effects_and_have_no_p():
    whole = pd.DataFrame(
        {"emotion": ["anger"] * 3, "layer": [0, 0, 1], "head": [0, 1, 0], "name": ["L0H0", "L0H1", "L1H0"],
         "effect": [1.0, 2.0, 3.0], "p": [0.01, 0.02, 0.03]}
    )  # fmt: skip
    exact = whole.iloc[[1]].assign(effect=9.0, p=0.5)
    both = screening.beside_estimates(exact, whole)
    assert both["name"].tolist() == whole["name"].tolist()
    assert both["effect"].tolist() == [1.0, 9.0, 3.0]
    assert both["how"].tolist() == ["estimate", "exact", "estimate"]
    assert both["p"].isna().tolist() == [True, False, True]
