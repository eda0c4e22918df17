"""What a page shows of the stories: the record, or what is read now."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scaling_sets  # noqa: F401

from emotion_utils.core.errors import UserError
from emotion_utils.scaling import at_hand as module
from emotion_utils.scaling import real_pair
from emotion_utils.scaling.published import VARIABLE
from emotion_utils.scaling.record import FOLDER, read_record, write_record
from emotion_utils.scaling.transfer import TRANSFER_PAIRS
from emotion_utils.statistics.permutations import LEVEL


def test_without_a_folder_the_record_is_shown_and_named(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found, record = module.at_hand("", "smoke"), read_record()
    assert found.read == ()
    assert f"the committed record of {record.date}" in found.note
    pd.testing.assert_frame_equal(found.tables["curve"], record.tables["curve"])


def test_a_missing_record_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(module, "read_record", lambda: None)
    with pytest.raises(UserError, match=r"data/scaling is missing: restore it from git\."):
        module.at_hand("", "smoke")


def test_a_folder_without_vectors_and_without_a_reader_says_what_is_missing(tmp_path, monkeypatch):
    (tmp_path / "stories").mkdir()
    for emotion in ("joy", "fear"):
        lines = "\n".join(f'{{"text": "{emotion} came on day {n}."}}' for n in range(24))
        (tmp_path / "stories" / f"{emotion}.jsonl").write_text(lines + "\n", encoding="utf-8")
    monkeypatch.setattr(module, "fetched", lambda name: False)
    with pytest.raises(UserError, match="has no published vectors, and no model has read its stories"):
        module.at_hand(tmp_path, "smoke")


def test_tables_are_added_to_the_record_and_read_back(tmp_path, monkeypatch):
    record = read_record(FOLDER)
    write_record(record, tmp_path)
    monkeypatch.setattr(real_pair, "read_record", lambda: read_record(tmp_path))
    monkeypatch.setattr(real_pair, "write_record", lambda own: write_record(own, tmp_path))
    real_pair.add_to_record({"mine": pd.DataFrame({"a": [1.5, np.nan]})})
    again = read_record(tmp_path)
    assert again.tables["mine"]["a"].iloc[0] == 1.5
    pd.testing.assert_frame_equal(again.tables["curve"], record.tables["curve"])
    np.testing.assert_array_equal(again.sets["SmolLM2 135M"].values, record.sets["SmolLM2 135M"].values)


def test_findings_of_a_sweep_survive_the_record():
    found = real_pair.findings_of(read_record().tables["sweep_findings"])
    assert found.above in (True, False, None)
    assert found.flat
    assert found.divided > 1000 * found.as_it_is
    assert real_pair.names_of(read_record().tables["sweep"]) == ("SmolLM2 135M", "Gemma 3 270M")
    table = pd.DataFrame([found._replace(above=None)._asdict()]).astype({"above": object})
    assert real_pair.findings_of(table).above is None


def test_which_pairs_are_steered():
    assert real_pair.pairs_of(["small-gpt2", "small-neo"], "smoke") == list(TRANSFER_PAIRS["smoke"])
    hub = ["gpt2", "llama3-8b", "qwen3-8b"]
    assert real_pair.pairs_of(hub, "smoke") == [("gpt2", "llama3-8b"), ("gpt2", "qwen3-8b")]


def test_tables_of_the_record_stand_below_those_of_the_run():
    pair = {"source": ["small-gpt2"], "target": ["small-llama3"]}
    real = {"source": ["smollm2-135m", "smollm2-135m"], "target": ["gemma3-270m", "other"]}
    ours = {
        "transfer_shares": pd.DataFrame({**pair, "a": [1]}),
        "transfer_costs": pd.DataFrame({**pair, "b": [2]}),
    }
    recorded = {"transfer_shares": pd.DataFrame({**real, "a": [3, 4]}), "curve": pd.DataFrame({"c": [5]})}
    both = real_pair.with_record(ours, recorded)
    assert both["transfer_shares"]["a"].tolist() == [1, 3, 4]
    assert both["transfer_costs"]["b"].tolist() == [2]
    assert set(both) == set(ours)


def test_a_pair_that_this_run_has_itself_is_not_shown_twice():
    ours = {"transfer_shares": pd.DataFrame({"source": ["a"], "target": ["b"], "a": [1]})}
    recorded = {"transfer_shares": pd.DataFrame({"source": ["a", "b"], "target": ["b", "a"], "a": [2, 3]})}
    both = real_pair.with_record(ours, recorded)["transfer_shares"]
    assert both["a"].tolist() == [1, 3]  # the other direction is another pair
    assert both["source"].tolist() == ["a", "b"]


def test_what_is_permuted_live_can_reach_the_level_it_is_judged_by():
    axes = len(read_record().tables["axes"])
    for sizes in module.SIZES.values():
        assert axes / (1 + sizes.permutations) <= LEVEL  # after Holm
        assert 1 / (1 + sizes.fits) <= LEVEL
