"""Findings kept with a run, and beside a record that is there, is not, or was made by other code."""

from __future__ import annotations

import json

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.record.findings import (
    NOTHING,
    beside_record,
    caption,
    findings_file,
    keep_findings,
    number_in_words,
    read_findings,
)
from emotion_utils.record.record_file import chapter_code
from tests.recorded import NAN, findings, part, record

CHAPTER = "03_emotion_vectors"
HERE = findings(("AUROC", 0.9, 0.85, 0.94, 0.5, 34), ("of this model alone", 3, NAN, NAN, NAN, NAN))


def test_findings_are_kept_apart_for_each_model_and_together_for_a_chapter_on_several(tmp_path):
    path = keep_findings(tmp_path, CHAPTER, "small-gpt2", HERE)
    assert path == tmp_path / "findings" / "03_emotion_vectors--small-gpt2.json"
    kept = read_findings(path)
    assert (kept["chapter"], kept["model"], kept["code"]) == (CHAPTER, "small-gpt2", chapter_code(CHAPTER))
    alone = {"finding": "of this model alone", "value": 3, "low": None, "high": None, "null": None, "n": None}
    assert kept["findings"][1] == alone
    assert keep_findings(tmp_path, CHAPTER, "small-neo", HERE) != path
    assert findings_file(tmp_path, "04_alignment", "a, b") == tmp_path / "findings" / "04_alignment.json"


def test_damaged_and_missing_findings_are_said(tmp_path):
    with pytest.raises(UserError, match="are missing: run the chapter again"):
        read_findings(tmp_path / "x.json")
    path = keep_findings(tmp_path, CHAPTER, "small-gpt2", HERE)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"findings": [{"finding": "AUROC"}]}), encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        read_findings(path)


def test_without_a_record_only_this_run_stands_there(tmp_path):
    table = beside_record(CHAPTER, HERE, "small-gpt2", tmp_path / "real.json")
    assert list(table) == ["finding", "small-gpt2, small world (this run)"]
    assert table.iloc[:, 1].tolist() == ["0.90 (0.85 to 0.94); null 0.50", "3.00"]
    assert "no record" in caption(CHAPTER, tmp_path / "real.json")


def test_every_model_of_the_record_has_a_column_that_says_pretrained(tmp_path):
    path = record(
        tmp_path / "real.json",
        part(CHAPTER, "smollm2-135m", ("AUROC", 0.77, 0.71, 0.82, 0.5, 34)),
        part(CHAPTER, "gemma3-270m", ("only there", -0.0004, NAN, NAN, NAN, 34)),
        part("04_alignment", "smollm2-135m, gemma3-270m", ("score", 0.993, NAN, NAN, 0.998, 70)),
    )
    table = beside_record(CHAPTER, HERE, "small-gpt2", path)
    assert list(table)[2:] == ["SmolLM2 135M, pretrained (record)", "Gemma 3 270M, pretrained (record)"]
    assert table["finding"].tolist() == ["AUROC", "of this model alone", "only there"]
    assert table.iloc[:, 2].tolist() == ["0.77 (0.71 to 0.82); null 0.50", NOTHING, NOTHING]
    assert table.iloc[:, 3].tolist() == [NOTHING, NOTHING, "−0.0004"]
    pair = beside_record("04_alignment", HERE, "small-gpt2, small-neo", path)
    assert list(pair)[1:] == [
        "small-gpt2 and small-neo, small world (this run)",
        "SmolLM2 135M and Gemma 3 270M, pretrained (record)",
    ]


def test_no_path_of_a_model_stands_in_a_table(tmp_path):
    table = beside_record(CHAPTER, HERE, str(tmp_path / "models" / "mine"), tmp_path / "real.json")
    assert list(table) == ["finding", "mine, local (this run)"]


def test_a_record_whose_code_has_changed_is_shown_and_said(tmp_path):
    row = ("AUROC", 0.77, 0.71, 0.82, 0.5, 34)
    now = record(tmp_path / "now.json", part(CHAPTER, "smollm2-135m", row, code=chapter_code(CHAPTER)))
    old = record(tmp_path / "old.json", part(CHAPTER, "smollm2-135m", row))
    assert caption(CHAPTER, now).endswith("Record of 29 November 2026, commit abc123")
    assert caption(CHAPTER, old).endswith("; the code of this chapter has changed since")
    assert beside_record(CHAPTER, HERE, "small-gpt2", old).equals(
        beside_record(CHAPTER, HERE, "small-gpt2", now)
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0.993, "0.993"),
        (0.998, "0.998"),
        (0.9994, "0.999"),
        (0.99987, "1.00"),
        (1.0, "1.00"),
        (0.7, "0.70"),
        (0.042, "0.042"),
        (0.00003, "0.00003"),
        (-0.15, "−0.15"),
        (0.0, "0.00"),
        (171.2, "171"),
        (24887.0, "24,887"),
        (None, ""),
        (NAN, ""),
    ],
)
def test_numbers_have_the_digits_that_tell(number, words):
    assert number_in_words(number) == words
