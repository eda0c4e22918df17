from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime

import numpy
import pytest

from emotion_utils.core import versions
from emotion_utils.runtime import execution


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one commit, taken for the project."""

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    monkeypatch.setattr(versions, "PROJECT_ROOT", tmp_path)
    return tmp_path, git


def test_the_commit_is_the_head_and_says_when_files_differ(checkout):
    folder, git = checkout
    head = git("rev-parse", "HEAD")
    assert versions.commit() == head[:12]
    (folder / "untracked").write_text("a result")
    assert versions.commit() == head[:12]
    (folder / "file").write_text("two")
    assert versions.commit() == f"{head[:12]}+dirty"


def test_outside_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert versions.commit() == "unknown"


@pytest.mark.parametrize(
    ("model", "label"),
    [("small-gpt2", "bundled small model"), ("gpt2", "hub model"), ("org/name", "hub model"), (None, None)],
)
def test_the_record_names_the_origin_of_the_model(model, label):
    parameters = {"seed": 1} if model is None else {"model": model, "seed": 1}
    record = execution.collect("01_dataset", parameters)
    assert (record["model"], record["model_label"]) == (model, label)
    assert json.loads(json.dumps(record)) == record


def test_the_record_has_date_versions_and_parameters():
    before = datetime.now(UTC).replace(microsecond=0)  # a record tells whole seconds
    record = execution.collect("01_dataset", {"seed": 1})
    assert record["parameters"] == {"seed": 1}
    assert before <= datetime.fromisoformat(record["date"]) <= datetime.now(UTC)
    assert record["packages"]["numpy"] == numpy.__version__
    assert set(record["packages"]) == set(versions.PACKAGES)
    assert re.fullmatch(r"3\.\d+\.\d+.*", record["python"])
