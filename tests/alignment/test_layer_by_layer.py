"""Means over pairs of models are means of their layers at the nearest depth."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.alignment.all_pairs import at_equal_depth, mean_table


def table(values: list[list[float]], null: float = 0.25) -> pd.DataFrame:
    rows = [("r2", i, j, value, null) for i, line in enumerate(values) for j, value in enumerate(line)]
    return pd.DataFrame(rows, columns=["score", "source_layer", "target_layer", "value", "null"])


def test_the_mean_is_taken_at_the_nearest_depth():
    # depths 1/4, 2/4, 3/4 and 1: the first two are nearest to 1/2 (the third ties, the first of the grid is taken)
    deep = table([[1.0, 9.0], [2.0, 9.0], [3.0, 9.0], [4.0, 9.0]])
    found = mean_table([table([[0.0, 1.0], [2.0, 3.0]]), deep], "all").set_index(
        ["source_layer", "target_layer"]
    )
    assert found["value"].to_dict() == pytest.approx(
        {(0, 0): (0 + 1 + 2 + 3) / 4, (0, 1): (1 + 27) / 4, (1, 0): (2 + 4) / 2, (1, 1): (3 + 9) / 2}
    )
    assert (found["null"] == 0.25).all()


def test_equal_depth_beside_the_rest():
    found = at_equal_depth([table([[1.0, 0.0], [0.5, 2.0]]), table([[0.0, 1.0], [1.0, 0.0]])])
    assert found["equal"].tolist() == pytest.approx([1.25, -0.25])
    assert found["difference"].tolist() == pytest.approx([1.25, -1.0])
