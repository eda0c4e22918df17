"""The record is asked for one finding, and says nothing where it has none."""

from __future__ import annotations

import json

from emotion_utils.answers.alignment import PUBLISHED
from emotion_utils.record.record_file import PATH
from emotion_utils.record.recorded import recorded


def test_the_published_score_of_the_real_models_is_found():
    parts = [
        part for part in json.loads(PATH.read_text(encoding="utf-8"))["parts"] if "04" in part["chapter"]
    ]
    rows = [row for part in parts for row in part["findings"] if row["finding"] == PUBLISHED]
    found = recorded("04_alignment", PUBLISHED)
    assert [(one.value, one.null) for one in found] == [(row["value"], row["null"]) for row in rows]
    assert "SmolLM2" in found[0].model


def test_nothing_is_said_of_this_run_of_another_finding_or_without_a_record(tmp_path):
    assert recorded("04_alignment", PUBLISHED, "smollm2-135m, gemma3-270m") == []
    assert recorded("04_alignment", "no such finding") == []
    assert recorded("04_alignment", PUBLISHED, path=tmp_path / "none.json") == []
