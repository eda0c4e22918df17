"""The committed table: read back whole, refused when edited or outdated; and it says what was promised."""

from __future__ import annotations

import json
from functools import partial

import pandas as pd
import pytest

from emotion_utils.calibration import ledger
from emotion_utils.core.errors import UserError
from emotion_utils.core.sources import module_file
from emotion_utils.statistics.resampling import FEWEST_UNITS


@pytest.fixture
def path(tmp_path):
    table = pd.DataFrame({"score": ["a", "b"], "rate": [0.05, 0.123456], "n": [1000, 20]})
    return ledger.record(
        "x", {"t": table}, {"seed": 3}, ["emotion_utils.planted.generators"], tmp_path / "table.json"
    )


def test_a_section_is_read_back(path):
    found = ledger.read("x", path)
    assert found.tables["t"].to_dict("list") == {
        "score": ["a", "b"],
        "rate": [0.05, 0.123456],
        "n": [1000, 20],
    }
    assert found.settings == {"seed": 3}
    ledger.record("y", {}, {}, ["emotion_utils.calibration.trials"], path)
    assert ledger.read("x", path).settings == {"seed": 3}


def test_an_edited_number_is_refused(path):
    path.write_text(path.read_text().replace("0.123456", "0.05"))
    with pytest.raises(UserError, match="is not what was measured"):
        ledger.read("x", path)


def test_other_generators_are_refused(path, monkeypatch):
    monkeypatch.setattr(ledger, "code_hash", lambda modules: "other")
    with pytest.raises(UserError, match=r"earlier version of emotion_utils\.planted\.generators"):
        ledger.read("x", path)


def test_a_missing_section_names_the_way_out(path):
    with pytest.raises(UserError, match='no section "z": run `make calibrate`'):
        ledger.read("z", path)


def test_the_hash_of_code_does_not_see_imports_and_sees_statements(tmp_path, monkeypatch):
    module = tmp_path / "emotion_utils" / "made" / "up.py"
    module.parent.mkdir(parents=True)
    monkeypatch.setattr(ledger, "module_file", partial(module_file, root=tmp_path))

    def hashed(source):
        module.write_text(source)
        return ledger.code_hash(["emotion_utils.made.up"])

    before = hashed("from a import b\nx = b(1)\n")
    assert hashed("from c import b\n\nx = b(\n    1,\n)\n") == before
    assert hashed("from a import b\nx = b(2)\n") != before


def test_a_module_that_is_gone_is_named(path):
    path.write_text(path.read_text().replace("planted.generators", "planted.gone"))
    with pytest.raises(UserError, match="is not what was measured"):
        ledger.read("x", path)
    with pytest.raises(UserError, match=r"no module emotion_utils\.planted\.gone"):
        ledger.code_hash(["emotion_utils.planted.gone"])


@pytest.mark.parametrize("name", ["alignment", "intervals", "published", "twins"])
def test_the_committed_sections_are_whole_and_up_to_date(name):
    assert json.loads(ledger.PATH.read_text(encoding="utf-8"))[name]["hash"]
    assert ledger.read(name).tables


def test_the_sound_pipeline_keeps_its_promise_in_the_committed_table():
    table = ledger.read("alignment").tables["false"]
    told = table[table["null"].isin(["independent", "shuffled"])]
    assert (told["n"] >= 1000).all()
    assert ledger.read("alignment").settings["permutations"] == 199
    # six rates: Bonferroni for an exact test of five per cent each
    from scipy.stats import binomtest

    p = [binomtest(int(row.hits), int(row.n), 0.05).pvalue for row in told.itertuples()]
    assert min(p) > 0.05 / len(p)


def test_the_twin_is_found_at_the_promised_noise():
    power = ledger.read("twins").tables["power"]
    at = power[(power["noise"] == 0.3) & (power["rows"] >= 225)]
    assert set(at["model"]) == {"small-llama3", "small-qwen3"}
    assert (at["rate"] >= 0.9).all()


def test_coverage_comes_from_enough_repetitions_and_keeps_the_promise():
    covered = ledger.read("intervals").tables["coverage"]
    assert (covered["n"] >= 2000).all()
    assert covered["units"].min() == FEWEST_UNITS
    assert (covered["high"] > 0.93).all()  # nowhere surely below
    assert covered.loc[covered["units"] >= 50, "rate"].between(0.93, 0.97).all()
