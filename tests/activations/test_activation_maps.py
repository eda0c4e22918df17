"""Components agree with scikit-learn's; the map holds the dimensions with the largest variance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA

from emotion_utils.activations.class_separation import activation_map, plane
from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.prompts.schema import complete


@pytest.fixture
def prompts() -> pd.DataFrame:
    rows = [{"text": f"{e} {i}", "emotion": e, "group": f"{e}{i // 2}"} for i in range(6) for e in EMOTIONS]
    return complete(pd.DataFrame(rows), range(len(rows)), "test.csv")


def test_the_plane_is_that_of_scikit_learn(prompts):
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(24, 9)) * np.arange(1, 10)).float() + 4
    table, shares = plane(values, prompts)
    peer = PCA(2).fit(values.double().numpy())
    scores = peer.transform(values.double().numpy())
    assert shares == pytest.approx(peer.explained_variance_ratio_.tolist(), rel=1e-5)
    for name, column in (("first", 0), ("second", 1)):
        sign = np.sign(np.dot(table[name], scores[:, column]))
        assert table[name].to_numpy() == pytest.approx(sign * scores[:, column], abs=1e-4)


def test_permuted_labels_move_whole_families_and_keep_the_counts(prompts):
    table, _ = plane(torch.randn(24, 9), prompts, seed=1)
    assert sorted(table["permuted"]) == sorted(table["emotion"])
    assert (table["permuted"] != table["emotion"]).any()
    families = prompts["group"] + prompts["emotion"]
    assert table.groupby(families.to_numpy())["permuted"].nunique().eq(1).all()


def test_the_map_is_standardised_and_sorted(prompts):
    values = torch.randn(24, 5) * torch.tensor([1.0, 9.0, 2.0, 5.0, 3.0]) + 7
    table = activation_map(values, prompts, dimensions=3, per_emotion=2)
    assert table.columns.tolist() == [1, 3, 4]
    assert table.index.get_level_values("emotion").tolist() == [e for e in EMOTIONS for _ in range(2)]
    whole = activation_map(values, prompts, dimensions=3, per_emotion=6)
    assert whole.mean().tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert whole.std().tolist() == pytest.approx([1, 1, 1], abs=1e-6)


def test_of_many_labels_the_map_holds_fewer_prompts_each():
    rows = [{"text": f"{e} {i}", "emotion": f"label {e:02d}"} for e in range(20) for i in range(12)]
    table = complete(pd.DataFrame(rows), range(len(rows)), "test.csv")
    shown = activation_map(torch.randn(240, 30), table)
    assert shown.groupby(level="emotion").size().tolist() == [8] * 20
