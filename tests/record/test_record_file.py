"""The record of the real models: round trip, one flipped byte, other formats, and code that has changed since."""

from __future__ import annotations

import json
from contextlib import suppress

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.record import record_file
from emotion_utils.record.record_file import chapter_code, read_record, rows_of
from emotion_utils.reports.claims import Measurement
from tests.recorded import NAN, findings, part, record

CHAPTER = "03_emotion_vectors"
MEASURED = Measurement("P3.acc", "smollm2-135m", 0.77, 0.7, 0.8, 0.5, 34, None, "on implicit")


@pytest.fixture
def path(tmp_path):
    one = part(
        CHAPTER, "smollm2-135m", ("AUROC – held out", 0.77, 0.71, 0.82, NAN, 34), measurements=[MEASURED]
    )
    return record(
        tmp_path / "real.json", one, part("04_alignment", "a, b", ("score", 1.0, NAN, NAN, 0.5, NAN))
    )


def test_what_was_written_is_read(path):
    read = read_record(path)
    assert (read.run, read.profile, read.date, read.commit) == ("real", "baseline", "2026-11-30", "abc123")
    (one,) = read.of(CHAPTER)
    assert one.measurements == (MEASURED,)
    assert one.table.loc[0, ["value", "low", "high", "n"]].tolist() == [0.77, 0.71, 0.82, 34]
    assert pd.isna(one.table.loc[0, "null"])
    assert read.of("05_steering") == ()


def test_there_need_not_be_one(tmp_path):
    assert read_record(tmp_path / "real.json") is None


def test_any_flipped_bit_is_refused(path):
    """Every 7th byte in turn: it does not parse, or its hash differs; layout alone may say the same."""
    whole, original = path.read_bytes(), read_record(path)
    for i in range(0, len(whole), 7):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        if whole[i : i + 1].isspace():
            with suppress(UserError):
                assert read_record(path) == original
        else:
            with pytest.raises(UserError, match="restore it from git"):
                read_record(path)


def test_an_edited_number_is_refused(path):
    path.write_text(path.read_text(encoding="utf-8").replace("0.77", "0.97"), encoding="utf-8")
    with pytest.raises(UserError, match=r"real\.json is not what was recorded, its hash differs: restore"):
        read_record(path)


def test_another_format_is_refused(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"schema": 99}), encoding="utf-8")
    with pytest.raises(UserError, match="has the format 99, and this is 1"):
        read_record(path)


def test_code_is_another_one_when_a_statement_changes_and_the_same_when_a_comment_does(tmp_path, monkeypatch):
    notebook, module = tmp_path / "notebooks" / f"{CHAPTER}.ipynb", tmp_path / "emotion_utils" / "m.py"
    for file in (notebook, module):
        file.parent.mkdir()
    cell = {"cell_type": "code", "source": ["x = 1"]}
    notebook.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    monkeypatch.setattr(record_file, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(record_file, "NOTEBOOKS", notebook.parent)
    monkeypatch.setattr(record_file, "package_sources", lambda _: [module])

    def code(text):
        module.write_text(text, encoding="utf-8")
        chapter_code.cache_clear()
        return chapter_code(CHAPTER)

    first = code("def f():\n    return 1\n")
    assert code("def f():\n    '''One.'''\n    return 1  # the answer\n") == first
    assert code("def f():\n    return 2\n") != first
    stale = part(CHAPTER, "a", ("x", 1.0, NAN, NAN, NAN, NAN), code=first)
    assert stale.changed
    code("def f():\n    return 1\n")
    assert not stale.changed
    chapter_code.cache_clear()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (findings(("a", 1, 0, 2, 0, 3)).drop(columns="null"), "no column 'null'"),
        (findings(("a", 1, 0, 2, 0, 3), ("a", 2, 0, 2, 0, 3)), 'The finding "a" stands there twice'),
        (findings((" ", 1, 0, 2, 0, 3)), "needs its words"),
        (findings(), "needs its words"),
        (findings(("a", float("inf"), 0, 2, 0, 3)), "A finding is infinite"),
    ],
)
def test_findings_that_cannot_be_kept_are_refused(table, said):
    with pytest.raises(UserError, match=said):
        rows_of(table)
