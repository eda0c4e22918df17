"""The main numbers of chapter 04: means over pairs, each beside its null, and an interval where one pair has it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.ledger import headlines
from emotion_utils.record.record_file import rows_of
from emotion_utils.reports.alignment import chapter_findings

VARIANTS = [
    "as published (float32)",
    "target x 128",
    "float64",
    "float64, orthonormal",
    "as published (float64)",
]
PUBLISHED = pd.DataFrame(
    {
        "formula": ["Phase 3.5"] * 4 + ["Phase 8"], "variant": VARIANTS, "k": 10, "n": 70, "before": 0.001,
        "chance": 0.002, "after": [0.993, 1, 0.658, 0.27, 0.25], "permuted": [0.998, 1, 0.667, 0.25, 0.35],
        "permuted_high": 1.0, "p": 0.9,
    }
)  # fmt: skip
BEST = pd.DataFrame(
    {
        "score": ["r2", "r2", "overlap", "overlap", "probe", "probe"],
        "value": [0.2, 0.3, 0.5, 0.52, 0.94, 0.96],
        "null": [-0.1, -0.2, 0.53, 0.53, 0.83, 0.85],
        "p": [0.001, 0.001, 0.75, 0.94, 0.002, 0.2],
    }
)
SIMILAR = pd.DataFrame({"value": [0.56], "low": [0.5], "high": [0.6], "null_high": [0.1], "words": [0.53]})


def test_every_score_stands_beside_its_null():
    table = chapter_findings(PUBLISHED, BEST, SIMILAR)
    assert list(rows_of(table)[0]) == ["finding", "value", "low", "high", "null", "n"]
    by_name = table.set_index("finding")[["value", "null"]].round(6).apply(tuple, axis=1)
    assert by_name["published score of Phase 3.5; null: wrong pairs"] == (0.993, 0.998)
    assert by_name["the same in float64, orthonormal rows; null: wrong pairs"] == (0.27, 0.25)
    assert by_name["published score of Phase 8; null: wrong pairs"] == (0.25, 0.35)
    assert by_name["held-out R² of neutral rows; null: wrong pairs"] == (0.25, -0.15)
    assert by_name[headlines.PROBE] == (0.95, 0.84)
    assert by_name[headlines.PROBE_SMALL] == (0.5, 0.05)
    assert len(table) == 12


def test_an_interval_stands_where_there_is_one_pair():
    one = chapter_findings(PUBLISHED, BEST, SIMILAR).set_index("finding")
    assert one.loc[headlines.GEOMETRY, ["value", "low", "high", "null"]].tolist() == [0.56, 0.5, 0.6, 0.1]
    assert one.loc[headlines.WORDS_ALONE, "value"] == 0.53
    two = chapter_findings(PUBLISHED, BEST, pd.concat([SIMILAR, SIMILAR * 0.5])).set_index("finding")
    assert np.isclose(two.loc[headlines.GEOMETRY, "value"], 0.42)
    assert two.loc[headlines.GEOMETRY, ["low", "high"]].isna().all()
