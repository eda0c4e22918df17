import numpy as np
import torch

from emotion_utils.corpora.counts import counts, left_out
from emotion_utils.corpora.windows import Windows


def test_windows_are_counted_by_domain_and_split():
    split = np.array(["train", "train", "test", "train", "validation"])
    windows = Windows(
        torch.zeros(5, 7, dtype=torch.int64),
        np.array([0, 0, 1, 2, 3]),
        np.array(["b", "b", "b", "a", "a"]),
        np.array(["x", "x", "y", "x", "z"]),
        split,
        left_out={"documents too short": 4},
    )
    rows = counts(windows).to_numpy().tolist()
    assert rows == [
        ["a", "train", 1, 1, 1, 7],
        ["a", "validation", 1, 1, 1, 7],
        ["b", "train", 1, 1, 2, 14],
        ["b", "test", 1, 1, 1, 7],
        ["all", "train", 1, 2, 3, 21],
        ["all", "validation", 1, 1, 1, 7],
        ["all", "test", 1, 1, 1, 7],
    ]
    assert left_out(windows).iloc[0].tolist() == ["documents too short", 4, "fewer tokens than a window"]
