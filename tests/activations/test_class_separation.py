"""The share of variance between classes equals the textbook's, and its null holds where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import f_oneway

from emotion_utils.activations.class_separation import (
    beside_control,
    best_layer,
    between_class_variance,
    class_variance,
    eta_squared,
    summarise_control,
    summarise_variance,
)
from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.prompts.schema import complete
from emotion_utils.statistics.permutations import family_blocks


def prompts(per_family: int = 4, families: int = 6) -> pd.DataFrame:
    rows = [
        {"text": f"{e} {f} {i}", "emotion": e, "group": f"{e}{f}"}
        for e in EMOTIONS
        for f in range(families)
        for i in range(per_family)
    ]
    return complete(pd.DataFrame(rows), range(len(rows)), "test.csv")


def stacked(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values[:, None]).float()


def test_one_dimension_agrees_with_analysis_of_variance():
    rng = np.random.default_rng(0)
    labels = np.array(["a"] * 7 + ["b"] * 5 + ["c"] * 9)
    values = rng.normal(size=21) + (labels == "b")
    f = f_oneway(*(values[labels == e] for e in "abc")).statistic
    expected = f * 2 / (f * 2 + 18)  # from F and its degrees of freedom
    assert eta_squared(np.outer(values, values), labels) == pytest.approx(expected)


def test_many_dimensions_agree_with_sums_of_squares():
    rng = np.random.default_rng(1)
    labels, values = np.repeat([0, 1, 2], [4, 5, 6]), rng.normal(size=(15, 8)) + 5
    total = np.square(values - values.mean(axis=0)).sum()
    within = sum(np.square(values[labels == k] - values[labels == k].mean(axis=0)).sum() for k in range(3))
    assert eta_squared(values @ values.T, labels) == pytest.approx(1 - within / total)


def test_planted_classes_are_above_their_null():
    table, rng = prompts(), np.random.default_rng(2)
    means = rng.normal(size=(4, 30))
    labels = table["emotion"].map(EMOTIONS.index).to_numpy()
    found = between_class_variance(
        stacked(means[labels] + rng.normal(size=(len(table), 30))), [0], table
    ).iloc[0]
    assert found["p"] == found["p_max"] == pytest.approx(1 / 500)
    assert found["low"] < found["value"] < found["high"]
    assert found["low"] > found["null_high"]
    assert found["value"] == pytest.approx(0.43, abs=0.08)  # variance 0.75 between of 1.75 in all
    assert found["chance"] == pytest.approx(3 / 95)


def test_the_null_is_that_of_families_and_rejects_rarely():
    table, rng = prompts(), np.random.default_rng(3)
    families = family_blocks(table)
    ps, nulls = [], []
    for seed in range(100):
        values = rng.normal(size=(families.max() + 1, 10))[families] * 2 + rng.normal(size=(len(table), 10))
        found = between_class_variance(stacked(values), [0], table, n_permutations=39, seed=seed).iloc[0]
        ps.append(found["p"])
        nulls.append(found["null"])
    assert (
        np.mean(np.array(ps) <= 0.05) <= 0.12
    )  # 5 % in the long run; 12 of 100 is beyond its 99th percentile
    assert (
        np.mean(nulls) > 3 * 3 / 95
    )  # prompts of a family are alike: far above the chance of single prompts


def test_the_corrected_p_is_no_smaller_and_scale_changes_nothing():
    table, rng = prompts(), np.random.default_rng(4)
    values = torch.from_numpy(rng.normal(size=(len(table), 3, 12))).float()
    found = between_class_variance(values, [-1, 0, 1], table, n_permutations=99)
    assert (found["p_max"] >= found["p"] - 1e-9).all()
    pd.testing.assert_frame_equal(
        found, between_class_variance(values * 128, [-1, 0, 1], table, n_permutations=99), rtol=1e-5
    )


def test_equal_activations_have_no_share():
    table = prompts()
    values = torch.stack([torch.ones(len(table), 5) * 0.1, torch.randn(len(table), 5)], dim=1)
    found = between_class_variance(values, [-1, 0], table, n_permutations=19)
    assert np.isnan(found["value"][0])
    assert np.isnan(found["p"][0])
    assert np.isfinite(found["p_max"][1])
    assert "end with the same token" in summarise_variance(found)
    assert best_layer(found) == 0


def test_too_few_units_are_not_tested():
    table = prompts(families=1)
    found = between_class_variance(torch.randn(len(table), 1, 5), [0], table, n_permutations=19)
    assert found[["low", "high", "p", "p_max"]].isna().all(axis=None)
    assert "Too few prompts" in summarise_variance(found)


def test_a_model_is_read_from_its_embedding_to_its_last_block(untrained):
    model = untrained
    found = class_variance(model, prompts(2, 3), n_permutations=9)
    assert found["layer"].tolist() == [-1, *range(len(found) - 1)]


def test_the_control_stands_beside_the_model():
    row = {
        "layer": 0,
        "value": 0.3,
        "low": 0.2,
        "high": 0.4,
        "null": 0.1,
        "p_max": 0.01,
        "n": 9,
        "n_groups": 9,
    }
    tables = {
        ("m", "keyword"): pd.DataFrame([{**row, "layer": -1, "value": 0.9}, row]),
        ("blind", "keyword"): pd.DataFrame([{**row, "value": 0.2, "p_max": 0.4}]),
    }
    table = beside_control(tables)
    assert table["value"].tolist() == [0.3, 0.2]  # the embedding is no block
    said = summarise_control(table, "blind")
    assert "m **30.0%**, above its null" in said
    assert "blind **20.0%**, not above its null" in said
    assert "negative control itself" in summarise_control(table[table["model"] == "blind"], "blind")
