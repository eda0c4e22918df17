"""A planted common direction is found, and taking the mean of other prompts away removes it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from emotion_utils.activations.anisotropy import anisotropy, mean_cosine, summarise_cosines
from emotion_utils.prompts.schema import complete


def prompts(units: list[int]) -> pd.DataFrame:
    rows = [{"text": f"t{i}", "emotion": "neutral", "group": f"g{u}"} for i, u in enumerate(units)]
    return complete(pd.DataFrame(rows), range(len(rows)), "test.csv")


def test_the_mean_is_over_pairs_from_different_units():
    rng = np.random.default_rng(0)
    values, units = rng.normal(size=(7, 5)), np.array([0, 0, 1, 1, 1, 2, 3])
    cosines = cosine_similarity(values)
    other = units[:, None] != units[None]
    assert mean_cosine(values, units) == pytest.approx(cosines[other].mean())
    weights = np.array([2.0, 1.0, 0.0, 1.0])
    pairs = (weights[units][:, None] * weights[units][None])[other]
    assert mean_cosine(values, units, weights) == pytest.approx((cosines[other] * pairs).sum() / pairs.sum())
    assert np.isnan(mean_cosine(values, units, np.array([3.0, 0, 0, 0])))


def test_a_common_direction_is_found_and_removed():
    rng, n, d = np.random.default_rng(1), 300, 200
    common = np.zeros(d)
    common[0] = 3.0 * np.sqrt(d)  # nine times the variance of all else: cosines of 0.9
    values = torch.from_numpy(
        np.stack([rng.normal(size=(n, d)), rng.normal(size=(n, d)) + common], axis=1)
    ).float()
    table = anisotropy(values, [0, 1], prompts([i // 3 for i in range(n)])).set_index(["layer", "version"])
    assert table.loc[(0, "raw"), "value"] == pytest.approx(0.0, abs=0.003)
    assert table.loc[(1, "raw"), "value"] == pytest.approx(0.9, abs=0.01)
    assert table.loc[(1, "raw"), "top"] == pytest.approx(1.0, abs=0.01)
    assert table.loc[(1, "centred"), "value"] == pytest.approx(0.0, abs=0.02)
    assert table["spread"].iloc[0] == pytest.approx(d**-0.5)
    assert (table["low"] <= table["high"]).all()
    assert "0.90" in summarise_cosines(table.reset_index())


def test_scale_changes_nothing():
    rng = np.random.default_rng(2)
    values = torch.from_numpy(rng.normal(size=(40, 1, 16)) + 1.0).float()
    table, other = (anisotropy(values * s, [0], prompts(list(range(40)))) for s in (1.0, 128.0))
    pd.testing.assert_frame_equal(table, other, rtol=1e-6)


def test_one_unit_gives_no_pair():
    table = anisotropy(torch.randn(5, 1, 4), [0], prompts([0] * 5))
    assert table["value"].isna().all()
    assert table["low"].isna().all()
