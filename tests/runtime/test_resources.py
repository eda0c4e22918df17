from __future__ import annotations

from pathlib import Path

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.runtime.resources import Recorder, read_execution, record_of
from emotion_utils.runtime.runs import Job

SMALL = Job(
    "r", "03_emotion_vectors", "small-gpt2", {"profile": "smoke", "dtype": "float32", "device": "cpu"}
)


def test_a_record_is_there_from_the_start_and_counts_every_execution(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURMD_NODENAME", "n2")
    path = tmp_path / "executions" / "job.json"
    assert read_execution(path) is None
    Recorder(path, 3_000, 30)  # and the process is killed
    killed = read_execution(path)
    assert (killed.number, killed.state, killed.seconds, killed.host, killed.batch_job) == (
        1,
        "started",
        None,
        "n2",
        "17",
    )
    Recorder(path, 3_000, 30).end("It stopped.")
    failed = read_execution(path)
    assert (failed.number, failed.state, failed.sentence) == (2, "failed", "It stopped.")
    Recorder(path, 4_000, 60).end()
    done = read_execution(path)
    assert (done.number, done.state, done.sentence) == (3, "complete", "")
    assert (done.memory_mb, done.minutes) == (4_000, 60)


def test_a_damaged_record_says_what_to_do(tmp_path):
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(UserError, match=r"is damaged .* delete it"):
        Recorder(tmp_path / "job.json", 1, 1)


def test_records_lie_beside_the_notebooks_of_a_run(monkeypatch):
    monkeypatch.setattr("emotion_utils.runtime.runs.BUILD", Path("b"))
    assert record_of(SMALL) == Path("b/r/executions/03_emotion_vectors--small-gpt2.json")
