"""The ledger's table: all there without a script, escaped, with an anchor per claim and ways to the deciding cells."""

from __future__ import annotations

import re
from dataclasses import fields, replace

from emotion_utils.figures.ledger import chapter_name, claims, ledger
from emotion_utils.ledger.records import Entry, Row

ROW = Row(
    "small-gpt2", -0.5, -0.7, -0.3, 0.01, 70, True, "other model", "told", "notebooks/03_x.html#decided"
)
ENTRY = Entry(
    "P3.a", "Cosines <b>fall</b>", "cosine", "-0.48", "Phase 3", "03_x", "Integrated analysis", "4.1", "",
    "other model", "", "at chance", "no emotion: <0.2", "notebooks/08_statistics.html#scrutiny", (ROW,),
)  # fmt: skip
WAITING = replace(
    ENTRY, id="P8.b", verdict="pending", waits="no chapter measures it", rows=(), chapter="", scrutinised=""
)


def test_a_row_has_both_values_both_verdicts_and_where_they_were_decided():
    markup = ledger([ENTRY]).markup
    assert '<tbody data-chapter="Chapter 3: x" data-part="Phase 3">' in markup
    told = ('id="claim-P3.a"', 'data-replication="other model, agrees"', 'data-scrutiny="at chance"')
    assert f'<tr {" ".join(told)} data-models="small-gpt2">' in markup
    assert '<a class="emo-id" href="#claim-P3.a">P3.a</a>' in markup
    assert "small-gpt2 <b>−0.5</b> [−0.7,&nbsp;−0.3] null&nbsp;<b>0.01</b> <a" in markup  # in one line
    assert "<small>told</small>" in markup
    word = '<a class="emo-v other-model-agrees" href="../notebooks/03_x.html#decided">other model, agrees</a>'
    assert word in markup
    assert '<a href="#report-2">Integrated analysis</a>, section 4.1' in markup
    assert (
        '<a class="emo-v at-chance" href="../notebooks/08_statistics.html#scrutiny">at chance</a>' in markup
    )
    failing = replace(ENTRY, rows=(replace(ROW, holds=False),))
    assert 'data-replication="other model, contradicts"' in ledger([failing]).markup


def test_what_the_authors_code_settles_stands_in_the_row():
    told = "settled by the author's code: n_layers=5 (a &lt;file&gt;)"
    assert told in ledger([replace(ENTRY, settled="n_layers=5 (a <file>)")]).markup
    assert "settled" not in ledger([ENTRY]).markup


def test_every_text_is_escaped():
    evil = "<script>'\"&"
    texts = {
        field.name: evil
        for field in fields(Entry)
        if field.name not in ("conflicts_with", "rows", "waits", "source", "chapter")
        and isinstance(getattr(ENTRY, field.name), str)
    }
    row = replace(ROW, model=evil, verdict=evil, note=evil, decided=evil)
    markup = ledger([replace(ENTRY, **texts, rows=(row,)), replace(WAITING, waits=evil)]).markup
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
    tags = re.findall(r"<[^>]*>", markup)
    assert all(tag.count('"') % 2 == 0 for tag in tags)


def test_a_contradiction_leads_to_the_other_claim():
    said = replace(ENTRY, conflicts_with="P3.b", scrutiny="conflicts", scrutiny_note="P3.b says 0.2")
    assert '<small><a href="#claim-P3.b">P3.b</a> says 0.2</small>' in ledger([said]).markup


def test_the_same_note_of_several_models_is_said_once():
    rows = (ROW, replace(ROW, model="small-neo"), replace(ROW, model="small-qwen3", note="else"))
    assert "<small>told; else</small>" in ledger([replace(ENTRY, rows=rows)]).markup


def test_one_measurement_changes_what_the_page_says():
    changed = replace(ENTRY, verdict="reproduced", rows=(replace(ROW, value=0.25, verdict="reproduced"),))
    before, after = ledger([ENTRY]).markup, ledger([changed]).markup
    assert "<b>0.25</b>" in after
    assert "<b>0.25</b>" not in before
    assert 'data-replication="reproduced"' in after


def test_all_claims_with_three_models_each_fit_on_a_page():
    rows = tuple(replace(ROW, model=f"small-model-{i}", note="") for i in range(3))
    entries = [replace(ENTRY, id=f"P3.{i}", rows=rows) for i in range(218)]
    assert len(ledger(entries).markup.encode()) < 250_000


def test_what_waits_says_for_what_and_has_no_dead_link():
    markup = ledger([WAITING]).markup
    assert "no chapter measures it" in markup
    assert 'href="../notebooks' not in markup


def test_the_ledger_of_another_run_leads_nowhere():
    assert 'href="../' not in ledger([ENTRY], links=False).markup


def test_it_is_counted_in_words():
    told = "Replication: 1 other model, agrees, 1 pending. Scrutiny: 2 at chance."
    assert ledger([ENTRY, WAITING]).alt == f"2 claims. {told}"


def test_the_menu_of_chapters_has_only_those_that_are_in_the_book():
    assert chapter_name("05_steering") == "Chapter 5: steering"
    assert chapter_name("") == ""
    assert '<tbody data-chapter="" data-part="Phase 3">' in ledger([WAITING]).markup


def test_a_chapter_shows_its_claims_with_the_way_to_their_rows():
    shown = claims(
        [ENTRY, replace(ENTRY, id="P3.c", rows=(replace(ROW, verdict="by design"),), verdict="by design")]
    )
    assert shown.markup.count('href="../book/ledger.html#claim-P3.a"') == 3  # the id and both verdicts
    assert ">other model, agrees</a>" in shown.markup
    assert ">by design</a>" in shown.markup
    assert "<b>−0.5</b> [−0.7,&nbsp;−0.3] null&nbsp;<b>0.01</b>" in shown.markup
    assert "Replication: 1 other model, agrees, 1 by design. Scrutiny: 2 at chance." in shown.alt
    assert "id=" not in shown.markup  # the rows of the ledger have the anchors


def test_the_record_has_a_column_only_where_there_is_one():
    assert "record" not in ledger([ENTRY]).markup
    real = replace(ROW, model="SmolLM2 135M, pretrained", value=0.25, decided="notebooks/03_x.html#record")
    markup = ledger([replace(ENTRY, record=(real,)), WAITING]).markup
    assert '<th scope="col">Replication, real models (record)</th><th scope="col">Scrutiny</th>' in markup
    assert 'data-models="small-gpt2|SmolLM2 135M, pretrained"' in markup
    assert "SmolLM2 135M, pretrained <b>0.25</b>" in markup
    assert 'href="../notebooks/03_x.html#record"' in markup
    assert markup.count("<td>–</td>") == 1  # the claim that the record does not have
