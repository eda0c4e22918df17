"""The ledger's table: all there without a script, escaped, with an anchor per claim and ways to the deciding cells."""

from __future__ import annotations

from dataclasses import replace

from emotion_utils.ledger.records import Entry, Row
from emotion_utils.plots.ledger import ledger

ROW = Row(
    "small-gpt2", -0.5, -0.7, -0.3, 0.01, 70, True, "other model", "told", "notebooks/03_x.html#decided"
)
ENTRY = Entry(
    "P3.a", "Cosines <b>fall</b>", "cosine", "-0.48", "Phase 3", "03_x", "001.txt", "4.1", "", "other model", "",
    "at chance", "no emotion: <0.2", "notebooks/08_statistics.html#scrutiny", (ROW,),
)  # fmt: skip
WAITING = replace(ENTRY, id="P8.b", verdict="pending", waits="waits for chapter 09", rows=(), scrutinised="")


def test_a_row_has_both_values_both_verdicts_and_where_they_were_decided():
    markup = ledger([ENTRY]).markup
    told = ('id="P3.a"', 'data-part="Phase 3"', 'data-verdict="other model"', 'data-scrutiny="at chance"')
    assert f'<tr {" ".join(told)} data-models="small-gpt2">' in markup
    assert '<a class="emo-id" href="#P3.a">P3.a</a>' in markup
    assert "<b>−0.5</b> [−0.7, −0.3] null 0.01" in markup
    assert '<a href="../notebooks/03_x.html#decided">' in markup
    assert '<a href="../notebooks/08_statistics.html#scrutiny">' in markup
    assert "rule holds" in markup


def test_everything_is_escaped():
    markup = ledger([ENTRY]).markup
    assert "<b>fall</b>" not in markup
    assert "Cosines &lt;b&gt;fall&lt;/b&gt;" in markup
    assert "&lt;0.2" in markup


def test_what_waits_says_for_what_and_has_no_dead_link():
    markup = ledger([WAITING]).markup
    assert "waits for chapter 09" in markup
    assert 'href="../notebooks' not in markup


def test_the_ledger_of_another_run_leads_nowhere():
    assert 'href="../' not in ledger([ENTRY], links=False).markup


def test_it_is_counted_in_words():
    assert (
        ledger([ENTRY, WAITING]).alt == "2 claims: 1 other model, 1 pending; without any model: 2 at chance."
    )
