"""Measurements take turns, and their rows replace each other by name."""

import json
from dataclasses import asdict

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.runtime.benchmarking import (
    BARS,
    PUBLISHED,
    Row,
    in_turns,
    publish,
    published,
    readable,
    record,
    turns,
)


def test_functions_take_turns():
    called: list[str] = []
    table = turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 3)
    assert called == ["a", "b"] * 4  # once unmeasured
    assert table.shape == (3, 2)
    assert (table >= 0).all(axis=None)


def test_without_a_warm_turn_every_call_is_measured():
    called = []
    table = turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 2, warm=False)
    assert called == ["a", "b", "a", "b"]
    assert len(table) == 2


def test_what_could_not_be_measured_is_neither_met_nor_missed(tmp_path):
    source, target = tmp_path / "bench.json", tmp_path / "published.json"
    nothing = float("nan")
    record(Row("real_extraction_vs_nnsight", 1.0, nothing, nothing, "nnsight not measured", 1), source)
    rows, _ = published(publish(source, target))
    assert rows["met"].tolist() == ["not measured"]


def test_the_two_take_turns_and_the_medians_are_theirs():
    calls, now = [], [0.0]

    def take(name, *seconds):
        ahead = iter(seconds)

        def call():
            calls.append(name)
            now[0] += next(ahead)

        return call

    ours, other = in_turns(
        take("ours", 50, 1, 7, 2), take("other", 60, 4, 3, 9), repeats=3, clock=lambda: now[0]
    )
    assert calls == ["ours", "other"] * 4
    assert (ours, other) == (2, 4)


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


def test_what_is_published_is_judged_by_its_bar(tmp_path):
    source, target = tmp_path / "bench.json", tmp_path / "data.json"
    with pytest.raises(UserError, match="nothing to publish"):
        publish(source, target)
    record(Row("extraction_overhead", 1.2, 1.0, 1.2, "ours over other", 3), source)
    record(Row("extraction_vs_single", 1.0, 9.9, 9.9, "other over ours", 3), source)
    rows, about = published(publish(source, target))
    assert rows.set_index("name")["met"].to_dict() == {
        "extraction_overhead": "yes",
        "extraction_vs_single": "no",
    }
    assert rows["bar"].tolist() == ["ratio at most 1.2", "ratio at least 10"]
    assert set(about) == {"date", "commit", "machine"}
    record(Row("unknown", 1.0, 1.0, 1.0, "", 1), source)
    with pytest.raises(UserError, match='"unknown" has no bar'):
        publish(source, target)


def test_rows_that_were_not_measured_again_stay_with_their_own_date(tmp_path):
    source, target = tmp_path / "bench.json", tmp_path / "published.json"
    old = Row("extraction_overhead", 1.0, 1.0, 1.0, "", 1), Row("prompts_loading", 2.0, 2.0, 1.0, "", 1)
    rows = [asdict(row) for row in old]
    told = {"date": "2020-01-01", "commit": "old", "machine": "m", "packages": {}, "rows": rows}
    target.write_text(json.dumps(told), encoding="utf-8")
    record(Row("prompts_loading", 1.0, 2.0, 0.5, "", 1), source)
    table, about = published(publish(source, target))
    table = table.set_index("name")
    assert table.loc["extraction_overhead", ["date", "commit", "ours"]].tolist() == ["2020-01-01", "old", 1.0]
    assert table.loc["prompts_loading", "ours"] == 1.0
    assert table.loc["prompts_loading", "date"] == about["date"] > "2020-01-01"
    assert len(table) == 2


def test_the_committed_rows_are_all_that_have_a_bar_and_need_no_model_from_elsewhere():
    rows, _ = published(PUBLISHED)
    assert {name for name in BARS if not name.startswith("real_")} <= set(rows["name"]) <= set(BARS)


def test_the_page_explains_every_row_and_shows_no_number_as_zero():
    rows, _ = published()
    page = (PROJECT_ROOT / "book" / "measurements.md").read_text(encoding="utf-8")
    assert [name for name in rows["name"] if f"`{name}`" not in page] == []
    shown = readable(rows)
    assert not shown[["ratio", "ours", "other"]].isin(["0", "0.00", "0.000"]).any(axis=None)
    assert shown.columns[1] == "met"
    tiny = rows.head(1).assign(ours=0.00000712, other=1234.5, ratio=float("nan"))
    assert readable(tiny).loc[0, ["ours", "other", "ratio"]].tolist() == ["7.12e-06", "1,234", "–"]
