"""A record is read as it was written, says when its code has changed, and is never read half or edited."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.predictability import record as recording
from emotion_utils.predictability.record import PartsRecord, code, main, path_of, read_record, write_record


@pytest.fixture
def made():
    table = pd.DataFrame({"layer": [0, 1], "r2": [0.123456789, float("nan")], "way": ["both", None]})
    return PartsRecord(
        "toy",
        (0, 1),
        2,
        "2026-01-02",
        "abcdef0123",
        code(),
        "packages",
        "00",
        {"training": 10, "test": 4},
        {"length": 64, "fitting": {"loss": "per_dimension"}},
        ["c", "json"],
        {"explained": table},
    )


def test_it_is_read_as_it_was_written(made, tmp_path):
    write_record(made, tmp_path)
    found = read_record("toy", tmp_path)
    assert found.tables["explained"].to_dict("list")["r2"][0] == 0.1234568
    assert found.tables["explained"]["r2"].isna().tolist() == [False, True]
    assert (found.model, found.blocks, list(found.layers), found.counts) == ("toy", 2, [0, 1], made.counts)
    assert read_record("another", tmp_path) is None


def test_its_note_says_what_was_read_and_whether_the_code_has_changed(made):
    assert "640 tokens of training and 4 windows of 64 tokens" in made.note
    assert "standard deviations of each dimension" in made.note
    assert not made.changed
    assert "changed" not in made.note
    older = replace(made, code="another")
    assert older.changed
    assert "the code has changed since then" in older.note


def test_what_was_edited_or_is_damaged_is_refused(made, tmp_path):
    path = write_record(made, tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["sizes"]["length"] = 32
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=r"toy\.json is not what was recorded, its hash differs: restore it"):
        read_record("toy", tmp_path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match=r"toy\.json is damaged"):
        read_record("toy", tmp_path)
    content["schema"] = 99
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="has the format 99, and this is 1"):
        read_record("toy", tmp_path)


def test_a_model_or_a_corpus_that_is_not_there_ends_in_a_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(recording, "FOLDER", tmp_path)
    assert main(["small-gpt2", "--corpus", "nowhere"]) == 2
    assert 'error: There is no source of texts "nowhere"' in capsys.readouterr().err
    assert not path_of("small-gpt2", tmp_path).exists()


def test_its_code_is_that_of_everything_that_computes_and_of_no_words(tmp_path):
    for folder in ("emotion_utils", "data/lexicons"):
        shutil.copytree(PROJECT_ROOT / folder, tmp_path / folder)
    assert code(tmp_path) == code()
    path = tmp_path / "emotion_utils" / "parts" / "learner.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"""One predictor', '"""Words, and one predictor', 1), encoding="utf-8")
    assert code(tmp_path) == code()
    path.write_text(text.replace("0.5 * (1 + math.cos", "0.4 * (1 + math.cos"), encoding="utf-8")
    assert code(tmp_path) != code()
