"""The ledger on disk: whole or not at all, and what cannot be read is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emotion_utils.cli import main
from emotion_utils.core.errors import UserError
from emotion_utils.ledger import files
from emotion_utils.ledger.assembly import assemble
from tests.ledger.conftest import measure


def test_it_comes_back_as_it_was(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"), ("08_statistics", None))
    entries = assemble(run, scrutiny=scrutiny)
    path = files.write(run, entries)
    kept = files.read(run.directory)
    assert path == run.directory / "claims.json"
    assert (kept.run, kept.profile, list(kept.entries)) == ("tried", "smoke", entries)
    content = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert content["schema"] == files.SCHEMA
    first = content["claims"][0]
    assert first["id"] == "P1.size.baseline"
    assert first["rows"][0]["verdict"] == "by design"


def test_a_changed_result_changes_the_file(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"))
    before = files.write(run, assemble(run, scrutiny=scrutiny)).read_text()
    measure(run, "01_dataset", "small-gpt2", P1_size_total=680.0)
    assert files.write(run, assemble(run, scrutiny=scrutiny)).read_text() != before


def test_a_failed_write_leaves_the_old_file(make, scrutiny, monkeypatch):
    run = make(("01_dataset", "small-gpt2"))
    path = files.write(run, assemble(run, scrutiny=scrutiny))
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write(run, [])
    assert path.read_bytes() == before


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UserError, match="There is no ledger"):
        files.read(tmp_path)
    path = tmp_path / files.NAME
    path.write_text('{"schema": 1, "run": "x", "claims": [{"id"')
    with pytest.raises(UserError, match="is damaged"):
        files.read(tmp_path)
    path.write_text('{"schema": 99}')
    with pytest.raises(UserError) as said:
        files.read(tmp_path)
    assert str(said.value) == (
        f"{path} has the format 99, and this is {files.SCHEMA}: delete it, or run its book again."
    )
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match="is damaged"):
        files.read(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("report", 5, "report is 5"),
        ("verdict", None, "verdict is None"),
        ("verdict", "great", "has the verdict 'great'"),
        ("scrutiny", "lucky", "has the verdict 'lucky'"),
        ("id", "P1.size.extended", "'P1.size.extended' stands there twice"),
        ("more", 1, "unexpected keyword argument 'more'"),
    ],
)
def test_a_claim_with_a_wrong_field_is_damage(make, scrutiny, field, value, told):
    run = make(("01_dataset", "small-gpt2"))
    path = files.write(run, assemble(run, scrutiny=scrutiny))
    content = json.loads(path.read_text())
    content["claims"][0][field] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"claims\.json is damaged \(.*{told}\)"):
        files.read(run.directory)


@pytest.mark.parametrize("value", ["x", float("nan"), float("inf"), [1.0]])
def test_a_measured_value_that_is_no_number_is_damage(make, scrutiny, value):
    run = make(("01_dataset", "small-gpt2"))
    path = files.write(run, assemble(run, scrutiny=scrutiny))
    content = json.loads(path.read_text())
    content["claims"][0]["rows"][0]["value"] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="is damaged"):
        files.read(run.directory)


def test_no_number_that_json_lacks_is_written(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"))
    entries = assemble(run, scrutiny=scrutiny)
    broken = replace(entries[0], rows=(replace(entries[0].rows[0], value=float("nan")),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write(run, [broken, *entries[1:]])
    assert not (run.directory / files.NAME).exists()


def test_other_runs_are_found_beside(make, scrutiny):
    run, other = make(("01_dataset", "small-gpt2")), make(("01_dataset", "small-neo"), name="second")
    make(("01_dataset", "small-gpt2"), name="unfinished")
    for one in (run, other):
        files.write(one, assemble(one, scrutiny=scrutiny))
    assert files.others(run) == [other.directory]


def test_the_command_counts_and_says_where_the_file_is(make, tmp_path, capsys, monkeypatch):
    for name in ("PROJECT_ROOT", "OUTPUT"):
        monkeypatch.setattr(f"emotion_utils.runtime.runs.{name}", tmp_path)
    make(("01_dataset", "small-gpt2"))
    runfile = tmp_path / "tried.yaml"
    runfile.write_text("profile: smoke\nchapters:\n  01_dataset:\n    models: [small-gpt2]\n")
    assert main(["claims", str(runfile)]) == 0
    said = capsys.readouterr().out
    assert "Phase 3.5" in said
    assert "claims.json" in said
    runfile.write_text("profile: smoke\nchapters:\n  02_activations:\n    models: [small-gpt2]\n")
    assert main(["claims", str(runfile)]) == 2
    assert "are missing: run the chapter again" in capsys.readouterr().err


def test_a_file_with_verdicts_by_older_rules_is_refused_and_has_no_tab(make, scrutiny):
    run, older = make(("01_dataset", "small-gpt2")), make(("01_dataset", "small-neo"), name="older")
    path = files.write(older, assemble(older, scrutiny=scrutiny))
    assert files.others(run) == [older.directory]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))
    assert files.others(run) == []
    with pytest.raises(UserError, match="has the format 2, and this is 3: delete it, or run its book again"):
        files.read(older.directory)
    path.write_text("[1, 2")  # a damaged one is not passed over
    assert files.others(run) == [older.directory]
