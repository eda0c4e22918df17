"""Sums and products of printed counts."""

from __future__ import annotations

import pytest

from emotion_utils.scrutiny import counts
from emotion_utils.scrutiny.judging import judged


@pytest.mark.parametrize(
    ("claim", "printed", "word"),
    [
        ("P1.size.total", ("680", 680.0), "arithmetic holds"),
        ("P1.size.total", ("690", 690.0), "arithmetic fails"),
        ("P1.size.baseline", ("72", 72.0), "arithmetic fails"),
        ("P2.files.baseline", ("840", 840.0), "arithmetic holds"),
        ("P2.files.extended", ("1300", 1300.0), "arithmetic fails"),
        ("P2.bytes", ("431", 431.0), "arithmetic holds"),
        ("P2.bytes", ("540", 540.0), "arithmetic fails"),
    ],
)
def test_sums_follow_their_parts(word_of, claim, printed, word):
    assert word_of(claim, printed={claim: printed}).word == word


def test_bytes_are_those_of_the_baseline_where_the_list_of_files_says_so(rows):
    # 840 files x 7.05 to 7.15 tokens x 12 layers x 768 x 2 streams x 4 bytes
    most = 840 * 7.15 * 12 * 768 * 2 * 4 / 1e6
    assert f"to {most:.0f} MB in single precision" in judged(counts.rules(rows), rows)["P2.bytes"].note
    unsettled = {**rows, "P2.bytes": {**rows["P2.bytes"], "settled": ""}}
    assert judged(counts.rules(unsettled), unsettled)["P2.bytes"].word == "arithmetic fails"
