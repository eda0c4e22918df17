"""Measurements take turns, and their rows replace each other by name."""

import json
import time

from emotion_utils.benchmarking import Row, in_turns, record


def test_the_two_take_turns_and_the_medians_are_theirs():
    calls = []

    def wait(name, seconds):
        calls.append(name)
        time.sleep(seconds)

    ours, other = in_turns(lambda: wait("ours", 0.02), lambda: wait("other", 0.06), repeats=3, warmup=1)
    assert calls == ["ours", "other"] * 4
    assert 0.02 <= ours < 0.05
    assert 0.06 <= other < 0.12


def test_rows_are_kept_by_name(tmp_path):
    path = tmp_path / "new" / "bench.json"
    record(Row("a", 1.0, 2.0, 0.5, "ours over other", 3), path)
    record(Row("b", 1.0, 3.0, 3.0, "other over ours", 3), path)
    record(Row("a", 1.0, 4.0, 0.25, "ours over other", 5), path)
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert [row["name"] for row in rows] == ["b", "a"]
    assert rows[1] == {
        "name": "a",
        "ours": 1.0,
        "other": 4.0,
        "ratio": 0.25,
        "unit": "ours over other",
        "n": 5,
    }
