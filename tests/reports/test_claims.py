"""The table of claims, measurements beside it, and both on disk."""

from __future__ import annotations

import csv
import json
import math

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import DATA
from emotion_utils.reports.claims import (
    Measurement,
    judge,
    read_claims,
    read_measurements,
    write_measurements,
)


def test_every_claim_is_read():
    with (DATA / "claims.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    claims = read_claims()
    assert len(claims) == len(rows) == 218
    assert claims["value"].tolist() == [row["value"] for row in rows]
    assert claims.set_index("id").loc["P1.tokens.mean", "lo"] == 7.1


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_only_finite_numbers_are_measurements(number):
    with pytest.raises(UserError, match="finite"):
        Measurement("P1.size.total", "", number)


def test_an_interval_has_its_ends_in_order():
    with pytest.raises(UserError, match="swap"):
        Measurement("P1.size.total", "", 1.0, 2.0, 0.5)


def test_measurements_survive_the_disk_and_nothing_else_stays_there(tmp_path):
    rows = [
        Measurement("P1.size.total", "", 680, 680, 680, None, 680),
        Measurement("P1.tokens.mean", "small-gpt2", None, note="no tokenizer"),
    ]
    path = write_measurements(tmp_path, "01_dataset", rows)
    write_measurements(tmp_path, "01_dataset", rows)
    other = write_measurements(tmp_path, "01_dataset", rows[1:], model="org/model")
    assert path == tmp_path / "measurements" / "01_dataset.json"
    assert other.name == "01_dataset--org_model.json"
    assert sorted(entry.name for entry in path.parent.iterdir()) == sorted([path.name, other.name])
    assert (read_measurements(path), read_measurements(other)) == (rows, rows[1:])


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = write_measurements(tmp_path, "01_dataset", [Measurement("P1.size.total", "", 680)])
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_measurements(tmp_path, "01_dataset", [])
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_an_unknown_claim_and_a_damaged_file_are_said(tmp_path):
    with pytest.raises(UserError, match=r'did you mean "P1.size.total"'):
        write_measurements(tmp_path, "01_dataset", [Measurement("P1.size.totl", "", 1)])
    path = write_measurements(tmp_path, "01_dataset", [])
    path.write_text(json.dumps({"measurements": [{"claim": "P1.size.total"}]}))
    with pytest.raises(UserError, match="is damaged"):
        read_measurements(path)
    with pytest.raises(UserError, match="are missing: run the chapter again"):
        read_measurements(tmp_path / "none.json")


def test_scrutiny_is_shown_beside_the_verdict():
    rows = [Measurement("P1.size.total", "", 680), Measurement("P1.tokens.mean", "", None)]
    looked = {"P1.size.total": ("arithmetic holds", "as counted"), "P1.size.baseline": ("conflicts", "71")}
    table = judge(rows, scrutiny=looked)
    assert table["scrutiny"].tolist() == ["arithmetic holds", ""]
    assert table["scrutiny_note"].tolist() == ["as counted", ""]
    assert judge(rows)["scrutiny"].tolist() == ["", ""]


def test_a_file_that_still_has_scrutiny_is_read_without_it(tmp_path):
    path = write_measurements(tmp_path, "01_dataset", [Measurement("P1.size.total", "", 680)])
    content = json.loads(path.read_text())
    for row in content["measurements"]:
        row |= {"scrutiny": "arithmetic holds", "scrutiny_note": "as counted"}
    path.write_text(json.dumps(content))
    assert read_measurements(path) == [Measurement("P1.size.total", "", 680)]
