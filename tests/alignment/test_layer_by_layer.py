"""Scores of layers of equal depth are held against those of all other layers."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.alignment.all_pairs import at_equal_depth


def table(values: list[list[float]], null: float = 0.25) -> pd.DataFrame:
    rows = [("r2", i, j, value, null) for i, line in enumerate(values) for j, value in enumerate(line)]
    return pd.DataFrame(rows, columns=["score", "source_layer", "target_layer", "value", "null"])


def test_equal_depth_beside_the_rest():
    found = at_equal_depth([table([[1.0, 0.0], [0.5, 2.0]]), table([[0.0, 1.0], [1.0, 0.0]])])
    assert found["equal"].tolist() == pytest.approx([1.25, -0.25])
    assert found["difference"].tolist() == pytest.approx([1.25, -1.0])
