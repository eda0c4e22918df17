"""The README says of the real models what the record says, word for word, and no number without one."""

from __future__ import annotations

import re

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.ledger import headlines
from emotion_utils.ledger.readme import BEGIN, END, NONE, README, block, said, sources_of, update
from emotion_utils.reports.claims import Measurement
from tests.recorded import part, record

MODELS = "smollm2-135m, gemma3-270m"
FOUND = (headlines.PROBE, 0.95, 0.9, 0.97, 0.84, 70)


def test_the_readme_says_what_the_record_says():
    assert block(README.read_text(encoding="utf-8")) == said()


def test_the_committed_record_has_all_five_findings():
    sources = sources_of()
    assert sources is None or headlines.lacking(sources) == []


def test_the_findings_of_a_record_are_written_between_the_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n{BEGIN}{NONE}{END}\nMore.\n", encoding="utf-8")
    measured = [Measurement("P35.align.after", MODELS.replace(", ", "~"), 0.993, null=0.998, n=70)]
    path = record(tmp_path / "real.json", part("04_alignment", MODELS, FOUND, measurements=measured))
    text = update(path, readme).read_text(encoding="utf-8")
    assert text.startswith(
        f"# Title\n{BEGIN}- **A score of 0.99 says nothing.** By the reports' formula two models score "
    )
    assert "0.993; with wrong pairs of sentences, 0.998. *SmolLM2 135M and Gemma 3 270M, pretrained*" in text
    assert "- **Something is shared all the same.**" in text
    assert "a record of 29 November 2026, commit abc123." in text
    assert text.endswith(f"{END}\nMore.\n")
    assert (
        update(tmp_path / "none.json", readme).read_text(encoding="utf-8")
        == f"# Title\n{BEGIN}{NONE}{END}\nMore.\n"
    )
    assert not re.search(r"\d", NONE)


def test_lost_marks_are_said(tmp_path):
    with pytest.raises(UserError, match=r"has no <!-- from data/real\.json -->"):
        block("# Title\n")
