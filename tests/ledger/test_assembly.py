"""Every claim with both verdicts, from the run's own files; what is missing stops the build in one sentence."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.ledger import summary
from emotion_utils.ledger.assembly import assemble
from emotion_utils.ledger.records import CHAPTERS, chapter_of, overall
from emotion_utils.reports.claims import measurement_file
from emotion_utils.runtime.parameters import CHAPTERS as KNOWN
from tests.ledger.conftest import CLAIMS, measure, without


def test_every_claim_has_one_chapter_and_every_rule_a_claim():
    chapters = {claim: chapter_of(claim) for claim in CLAIMS["id"]}
    assert chapters["P35.k.best"] == chapters["P75.k2.anger"] == chapters["P75.k.drop"] == "04_alignment"
    assert chapters["P75.gratitude.p"] == "08_statistics"
    assert chapters["P7.patch.kw"] == "07_head_patching"
    assert chapters["C.circuit.sum"] == "11_circuits"
    assert chapters["C.variants.k20"] == "12_features"
    assert set(chapters.values()) == {chapter for _, chapter in CHAPTERS}
    with pytest.raises(UserError, match=r'No chapter measures the claim "X\.new"'):
        chapter_of("X.new")


def test_every_claim_appears_and_waits_for_its_chapter(make, scrutiny):
    entries = assemble(make(("01_dataset", "small-gpt2")), scrutiny=scrutiny)
    assert [entry.id for entry in entries] == CLAIMS["id"].tolist()
    by_id = {entry.id: entry for entry in entries}
    assert by_id["P8.ranking"].verdict == "pending"
    assert by_id["P8.ranking"].waits == "waits for chapter 09"
    assert by_id["P1.size.total"].verdict == "not reproduced"  # 1 is not 680
    assert by_id["P1.size.total"].rows[0].decided == "notebooks/01_dataset.html#decided"
    assert by_id["P35.align.after"].scrutiny == "at chance"
    assert all(entry.scrutinised == "" for entry in entries)  # chapter 08 is not in this book


def test_a_result_that_changes_changes_its_verdict(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"))
    measure(run, "01_dataset", "small-gpt2", P1_size_total=680.0, P1_tokens_mean=None)
    by_id = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    assert by_id["P1.size.total"].verdict == "reproduced"
    assert by_id["P1.tokens.mean"].verdict == "pending"
    assert by_id["P1.tokens.mean"].waits == "too few"


def test_every_model_has_a_row_that_leads_to_its_own_page(make, scrutiny):
    run = make(("05_steering", "small-gpt2"), ("05_steering", "small-llama3"), ("08_statistics", None))
    by_id = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    rows = by_id["P5.random"].rows
    assert [row.model for row in rows] == ["small-gpt2", "small-llama3"]
    assert [row.decided for row in rows] == [
        "notebooks/05_steering.html#decided",
        "notebooks/05_steering--small-llama3.html#decided",
    ]
    assert {row.verdict for row in rows} == {"other model"}
    assert by_id["P5.random"].scrutinised == "notebooks/08_statistics.html#scrutiny"


def test_a_claim_that_its_chapter_left_out_stops_the_build(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"))
    without(run, "01_dataset", "small-gpt2", "P1.size.total")
    with pytest.raises(
        UserError,
        match=r'01_dataset of the run "tried" says nothing of the claim "P1\.size\.total" in .*small-gpt2\.json: add',
    ):
        assemble(run, scrutiny=scrutiny)


def test_missing_measurements_and_a_claim_without_scrutiny_are_said(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"))
    del scrutiny["P8.ranking"]
    with pytest.raises(UserError, match=r'Nothing is said of the claim "P8\.ranking"'):
        assemble(run, scrutiny=scrutiny)
    measurement_file(run.directory, "01_dataset", "small-gpt2").unlink()
    with pytest.raises(UserError, match="are missing: run the chapter again"):
        assemble(run, scrutiny=scrutiny)


def test_files_that_another_run_left_are_not_read(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"))
    measure(run, "01_dataset", "small-neo", P1_size_total=680.0)
    by_id = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    assert [row.model for row in by_id["P1.size.total"].rows] == ["small-gpt2"]


def test_a_chapter_without_a_model_in_the_run_file_runs_with_its_default(make, scrutiny):
    run = make(("01_dataset", None))
    by_id = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    assert by_id["P1.size.total"].rows[0].model == KNOWN["01_dataset"][0].default


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (["reproduced", "not reproduced"], "not reproduced"),
        (["other model", "reproduced"], "reproduced"),
        (["pending", "other model"], "other model"),
        (["pending"], "pending"),
        ([], "pending"),
    ],
)
def test_one_verdict_over_all_rows(rows, verdict):
    assert overall(rows) == verdict


def test_counts_add_up(make, scrutiny):
    entries = assemble(make(("01_dataset", "small-gpt2"), ("08_statistics", None)), scrutiny=scrutiny)
    parts = summary.by_part(entries)
    whole = parts[parts["part"] == "all"].iloc[0]
    assert whole["claims"] == len(CLAIMS) == 218
    assert (parts.iloc[:-1, 1:].sum() == parts.iloc[-1, 1:]).all()
    assert whole[["reproduced", "not reproduced", "other model", "pending"]].sum() == 218
    assert whole["at chance"] + whole["no null applies"] == 218
    assert (
        whole["decided"] == whole["reproduced"] + whole["not reproduced"] + 1
    )  # the one at chance is pending
    said = summary.points(entries)
    assert "**1 at chance**" in said
    assert f"{whole['pending']} pending" in said
    assert f"{whole['decided']} of 218 claims" in said


def test_every_model_is_counted_in_both_columns(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"), ("05_steering", "small-gpt2"), ("05_steering", "small-llama3"))
    before = summary.by_model(assemble(run, scrutiny=scrutiny)).set_index("model")
    measure(run, "05_steering", "small-llama3", P5_repetition=None)
    models = summary.by_model(assemble(run, scrutiny=scrutiny)).set_index("model")
    steering = sum(chapter_of(claim) == "05_steering" for claim in CLAIMS["id"])
    assert models["measured"].to_dict() == {"small-gpt2": 6 + steering, "small-llama3": steering}
    assert (models["pending"] - before["pending"]).to_dict() == {"small-gpt2": 0, "small-llama3": 1}
    verdicts = ["reproduced", "not reproduced", "other model", "pending"]
    assert (models[verdicts].sum(axis=1) == models["measured"]).all()
    assert (models["no null applies"] == models["measured"]).all()
