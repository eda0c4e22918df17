"""The five reports by name, with their claims and where they stand."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.ledger.reports import REPORTS, in_a_table, report_of
from emotion_utils.reports.claims import read_claims


def test_every_claim_is_of_one_of_the_five() -> None:
    keys = {report_of(file).key for file in read_claims()["seed"]}
    assert keys == {report.key for report in REPORTS}
    with pytest.raises(UserError, match="add it to REPORTS"):
        report_of("9.txt")


def test_the_table_counts_claims_and_names_the_sections_they_span() -> None:
    table = in_a_table({"Causal analysis": ["10.5", "2", "9.1"], "Phase 8 comparison": ["results"]})
    assert table.count("<tr>") == 1 + len(REPORTS)
    assert '<a href="ledger.html#report-1">3 claims</a>, sections 2 to 10</td>' in table
    assert '<a href="ledger.html#report-3">1 claim</a></td>' in table
    assert all(report.says in table for report in REPORTS)
