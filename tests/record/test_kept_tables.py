"""Tables are read back as they were written, and an edited or a missing file is told apart."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.record.kept_tables import code_behind, read_tables, write_tables

TABLES = {
    "one": pd.DataFrame({"name": ["a", "b"], "value": [0.5, float("nan")], "n": [1, 2]}),
    "told": pd.DataFrame({"differs": [True, False]}),
}


def test_tables_are_read_back_as_they_were_written(tmp_path):
    path = write_tables(tmp_path / "folder" / "kept.json", {"seeds": 6, "names": ["x"]}, TABLES, 1)
    about, tables = read_tables(path, 1, "make it again")
    assert (about["seeds"], about["names"]) == (6, ["x"])
    for name, table in TABLES.items():
        pd.testing.assert_frame_equal(tables[name], table)


def test_no_file_is_none_and_another_content_is_refused(tmp_path):
    assert read_tables(tmp_path / "none.json", 1, "make it again") is None
    path = write_tables(tmp_path / "kept.json", {"seeds": 6}, TABLES, 1)
    with pytest.raises(UserError):
        read_tables(path, 2, "make it again")
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"seeds": 7}), encoding="utf-8")
    with pytest.raises(UserError, match="make it again"):
        read_tables(path, 1, "make it again")


def test_the_hash_is_that_of_code_without_words(tmp_path):
    package = tmp_path / "emotion_utils" / "room"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("", encoding="utf-8")
    (package / "__init__.py").write_text("", encoding="utf-8")
    module = package / "one.py"
    hashes = []
    for text in (
        "def f():\n    return 1\n",
        "def f():\n    # why\n    return 1\n",
        "def f():\n    return 2\n",
    ):
        module.write_text(text, encoding="utf-8")
        hashes.append(code_behind([".".join([package.parent.name, "room", "one"])], tmp_path))
    assert hashes[0] == hashes[1] != hashes[2]
