"""Words on pairs, and tables of live and recorded models under one another."""

from __future__ import annotations

import pandas as pd

from emotion_utils.siblings.tables import beside, summarise_pairs, with_record


def test_pairs_are_told_as_they_were_found():
    table = pd.DataFrame(
        {
            "model": ["one", "two"], "pairs": [40, 200], "reach": [6, 1234], "lowest": [0.51, float("nan")],
            "telling": [29, 180], "smallest": [0.1, 0.002],
        }
    )  # fmt: skip
    one, two = summarise_pairs(table, 0.8).splitlines()
    assert one == (
        "- one: 40 pairs, the most alike ones (cosine 0.51 or more; 6 reach 0.8); in 29 the logits differ by a nat or "
        "more, in one by 0.1."
    )
    assert "200 pairs, drawn among 1,234 with a cosine of 0.8 or more; in 180" in two
    assert two.endswith("in one by 0.002.")


def test_a_column_of_models_is_replaced_and_the_record_stands_last():
    table = pd.DataFrame({"model": ["x"], "value": [1.0]})
    found = with_record({"small-gemma2": table}, "gemma3-270m", table.assign(value=2.0))
    assert found.columns.tolist() == ["model", "value"]
    assert found["model"].tolist() == ["small-gemma2, small world", "Gemma 3 270M, pretrained (record)"]
    assert len(with_record({"small-gemma2": table}, "", None)) == 1
    assert beside({"a": table, "b": table})["model"].tolist() == ["a", "b"]
