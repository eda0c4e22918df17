"""The record of siblings: made from few trainings, written, read back, and what it says of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.models.registry import SIBLINGS
from emotion_utils.siblings import record
from emotion_utils.siblings.record import SiblingsRecord, read_record, write_record
from emotion_utils.siblings.sizes import SMOKE
from emotion_utils.siblings.tables import RUN_MEASURES


def made(runs: pd.DataFrame) -> SiblingsRecord:
    return SiblingsRecord(tuple(SIBLINGS), "", "2026-12-01", "a" * 40, record.code(), {}, 6, {"runs": runs})


def trainings(differs: bool) -> pd.DataFrame:
    """Six trainings of each sibling; one number of the base lies apart, or none."""
    rows = []
    for k, name in enumerate(SIBLINGS):
        for seed in range(6):
            row = {measure: 0.01 * ((seed * 7 + k * 3 + i) % 6) for i, measure in enumerate(RUN_MEASURES)}
            rows.append({"sibling": name, "seed": seed, **row, "CPR": row["CPR"] + (differs and k > 0)})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("differs", [True, False])
def test_what_is_read_back_is_what_was_written(tmp_path, differs):
    own = made(trainings(differs))
    found = read_record(write_record(own, tmp_path / "new" / "siblings.json"))
    pd.testing.assert_frame_equal(found.tables["runs"], own.tables["runs"])
    assert not found.changed
    told = found.told.set_index("measure")["differs"]
    assert told["CPR"] is differs
    assert not told.drop("CPR").any()
    assert "4 siblings, trained 24 times" in found.note
    assert "has changed" in replace(found, code="another").note
    assert replace(found, code="another").changed


def test_an_edited_record_is_refused_and_none_is_none(tmp_path):
    path = write_record(made(trainings(True)), tmp_path / "siblings.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["seeds"] = 60
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=r"siblings\.record"):
        read_record(path)
    assert read_record(tmp_path / "nowhere.json") is None


def test_trainings_are_those_of_every_sibling_and_seed(monkeypatch, posts, studies):
    monkeypatch.setattr(record, "load", lambda name, separator: name)
    monkeypatch.setattr(record, "study", lambda model, *_a, seed, **_k: replace(studies[model], seed=seed))
    found = record.trainings(list(studies), replace(SMOKE, seeds=2), progress=False)
    assert found[["sibling", "seed"]].to_numpy().tolist() == [[n, s] for n in studies for s in (0, 1)]
    assert set(RUN_MEASURES) <= set(found)
