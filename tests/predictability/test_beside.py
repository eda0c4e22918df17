"""The recorded model stands beside those of a run, table by table."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from emotion_utils.predictability.beside import SideBySide

TABLE = pd.DataFrame({"layer": [0, 1], "r2": [0.1, 0.2]})
STUDIES = {"small-gpt2": 1.0, "small-neo": 2.0}
"""A number in the place of each study."""


@pytest.fixture
def kept():
    return SimpleNamespace(model="smollm2-135m", tables={"explained": TABLE, "sweep": TABLE})


def test_each_model_has_its_rows_and_the_recorded_one_comes_last(kept):
    page = SideBySide(STUDIES, kept)
    found = page.each("explained", lambda one: TABLE.assign(r2=one))
    assert found["model"].tolist()[::2] == [
        "small-gpt2, small world",
        "small-neo, small world",
        "SmolLM2 135M, pretrained (record)",
    ]
    assert found["r2"].tolist() == [1, 1, 2, 2, 0.1, 0.2]
    assert page.tables["explained"] is found


def test_a_recorded_model_that_is_run_again_stands_apart_from_its_record(kept):
    found = SideBySide({"smollm2-135m": 1.0}, kept).each("explained", lambda one: TABLE)
    assert found["model"].nunique() == 2


def test_what_only_one_side_has_is_of_that_side(kept):
    page = SideBySide(STUDIES, kept)
    assert set(page.add("sweep", {})["model"]) == {"SmolLM2 135M, pretrained (record)"}
    assert set(page.add("shares", {"small-gpt2": TABLE})["model"]) == {"small-gpt2, small world"}
    assert page.add("nothing", {}).empty
    assert SideBySide(STUDIES, None).add("sweep", {}).empty


def test_tables_that_are_made_together_are_kept_by_name(kept):
    page = SideBySide({"small-gpt2": 1.0}, kept)
    page.add_all({"small-gpt2": {"explained": TABLE, "gaps": TABLE}}, ("explained", "gaps"))
    assert len(page.tables["explained"]) == 4
    assert len(page.tables["gaps"]) == 2


def test_large_tables_of_a_record_are_not_shown(kept):
    kept.tables["positions"] = TABLE
    found = SideBySide({"small-gpt2": 1.0}, kept).each("positions", lambda one: TABLE)
    assert set(found["model"]) == {"small-gpt2, small world"}
