"""Fair verdicts on what was really measured: the record of real models, and the default run where it has been made."""

from __future__ import annotations

import pytest

from emotion_utils.core.paths import BUILD
from emotion_utils.ledger import files
from emotion_utils.ledger.assembly import assemble
from emotion_utils.ledger.records import DECIDED
from emotion_utils.predictability.record import read_record as read_parts
from emotion_utils.record.record_file import read_record
from emotion_utils.reports.claims import judge
from emotion_utils.runtime.runs import Run
from tests.ledger.conftest import CLAIMS

BY_ID = CLAIMS.set_index("id")


def of_the_record():
    """Every measurement of the record, judged by today's rules."""
    found = read_record()
    assert found is not None, "data/real.json is part of the project"
    rows = [row for part in found.parts for row in part.measurements]
    return judge(rows, CLAIMS).astype(object).to_dict("records")


def of_the_default_run():
    """The rows of the ledger that `make book` leaves."""
    path = BUILD / "small" / files.NAME
    if not path.is_file():
        pytest.skip("the default run has not been made: `make book`")
    return [
        {"id": entry.id, "verdict": row.verdict, "holds": row.holds, "value": row.value, "low": row.low,
         "high": row.high, "model": row.model, "ours": row.value}
        for entry in files.read(path.parent).entries
        for row in entry.rows
    ]  # fmt: skip


@pytest.fixture(params=[of_the_record, of_the_default_run])
def rows(request):
    return request.param()


def test_nothing_is_decided_where_model_data_or_design_is_ours(rows):
    assert rows
    for row in rows:
        claim = BY_ID.loc[row["id"]]
        if row["verdict"] in DECIDED:
            assert claim["basis"] == "arithmetic" or not row["model"].startswith("small-")
            assert claim["basis"] in ("arithmetic", "model")
        else:
            assert row["verdict"] in ("other model", "other data", "by design", "pending")
    small = {row["verdict"] for row in rows if row["id"] == "P5.multitoken"}
    assert small <= {"other model", "pending"}


def test_no_interval_is_without_width_but_of_what_somebody_chose(rows):
    flat = {row["id"] for row in rows if row["low"] is not None and row["low"] == row["high"]}
    assert set(BY_ID.loc[sorted(flat), "basis"]) <= {"design"}


def test_nothing_happens_only_where_the_interval_shows_it(rows):
    for row in rows:
        margin = float(BY_ID.loc[row["id"], "margin"])
        if BY_ID.loc[row["id"], "rule"] == "equivalence" and row["holds"] is True:
            assert -margin < row["low"]
            assert row["high"] < margin


def test_none_significant_does_not_fail_by_a_large_p(rows):
    own = [
        row for row in rows if BY_ID.loc[row["id"], "rule"] == "not significant" and row["ours"] is not None
    ]
    assert own
    assert all(row["holds"] == (row["ours"] > 0.05) for row in own)


def test_the_record_is_readable_and_counts_real_models_only(scrutiny):
    found, on_text = read_record(), read_parts()
    entries = assemble(Run(found.run, found.profile, 0, "cpu", "float32", []), scrutiny)
    recorded = {entry.id for entry in entries if entry.record}
    measured = [row for part in (*found.parts, on_text) for row in part.measurements]
    assert recorded == {row.claim for row in measured if BY_ID.loc[row.claim, "basis"] == "model"}
    assert {row.verdict for entry in entries for row in entry.record} <= {"other model", "pending"}
