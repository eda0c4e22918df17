"""The published layout, computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.activations.throughput import ONE_AT_A_TIME
from emotion_utils.prompts.schema import complete
from emotion_utils.reports.activations import (
    bytes_as_published,
    chapter_measurements,
    files_as_published,
    summarise_bytes,
)
from emotion_utils.reports.claims import judge

COUNTS = {"baseline": np.full(280, 7), "extended": np.full(400, 8)}


def prompts(n: int) -> pd.DataFrame:
    rows = [{"text": f"{n} {i}", "emotion": "neutral", "group": f"g{i % 10}"} for i in range(n)]
    return complete(pd.DataFrame(rows), range(n), "test.csv")


SETS = {"baseline": prompts(280), "extended": prompts(400)}
SPEED = pd.DataFrame(
    [{"method": ONE_AT_A_TIME, "per_second": 62.0, "slowest": 58.0, "fastest": 66.0, "prompts": 40}]
)


def test_files_are_a_product():
    assert files_as_published(SETS)["files"].tolist() == [840, 1200]


def test_bytes_by_hand():
    table = bytes_as_published(COUNTS).set_index(["tensors", "prompts", "precision", "tokens"])["MB"]
    assert len(table) == 24
    one = 3 * 12 * 768 * 4 / 1e6  # MB of a token in float32, one tensor a layer
    assert table["residual alone", "baseline", "float32", "these prompts"] == pytest.approx(280 * 7 * one)
    assert table["residual and MLP", "both profiles", "float16", "these prompts"] == pytest.approx(
        (280 * 7 + 400 * 8) * one
    )
    assert table["residual and MLP", "baseline", "float32", "7.1 each"] == pytest.approx(439.7, abs=0.1)


def test_the_nearest_reading_comes_first_and_the_letter_is_judged():
    table = bytes_as_published(COUNTS)
    far = np.abs(np.log(table["MB"] / 431))
    assert far.is_monotonic_increasing
    said = summarise_bytes(table)
    assert "**1,141 MB**" in said  # (280 * 7 + 400 * 8) tokens, two tensors, float32
    assert "residual and MLP, baseline, float32: **434 MB**" in said  # 280 * 7 tokens: 433.5


def test_the_verdicts_follow_the_rule():
    measured = chapter_measurements(SETS, COUNTS, SPEED, "gpt2")
    verdicts = judge(measured).set_index("id")["verdict"].to_dict()
    assert verdicts == {
        "P2.throughput": "reproduced",
        "P2.files.baseline": "reproduced",
        "P2.files.extended": "reproduced",
        "P2.bytes": "not reproduced",
    }
    own = judge(chapter_measurements(SETS, COUNTS, SPEED, "small-gpt2")).set_index("id")
    assert own.loc["P2.throughput", "verdict"] == "other model"
    assert own.loc["P2.bytes", "low"] <= own.loc["P2.bytes", "ours"] <= own.loc["P2.bytes", "high"]
