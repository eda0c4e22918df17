"""Every claim with both verdicts, from the run's own files; what is missing stops the build in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.figures.ledger import ledger
from emotion_utils.ledger import summary
from emotion_utils.ledger.assembly import assemble, measured_by
from emotion_utils.ledger.entries import of_chapter
from emotion_utils.ledger.records import (
    CHAPTERS,
    COUNTED,
    REPLICATIONS,
    agreement,
    chapter_of,
    overall,
    part_of,
)
from emotion_utils.ledger.reports import REPORTS, listed, report_of
from emotion_utils.predictability.record import read_record as read_parts
from emotion_utils.record.record_file import Part
from emotion_utils.reports.claims import Measurement, judge, measurement_file, read_measurements
from emotion_utils.runtime.schema import CHAPTERS as KNOWN
from tests.ledger.conftest import CLAIMS, measure, without
from tests.recorded import part, record


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
    assert by_id["P8.ranking"].waits == "no chapter of this book measures it"
    assert by_id["P1.size.total"].verdict == "by design"  # whoever writes prompts chooses how many
    assert by_id["P1.tokens.mean"].verdict == "other data"  # they are not the author's
    assert by_id["P1.size.total"].rows[0].decided == "notebooks/01_dataset.html#decided"
    assert by_id["P35.align.after"].scrutiny == "at chance"
    assert all(entry.scrutinised == "" for entry in entries)  # chapter 08 is not in this book
    assert {entry.chapter for entry in entries} == {"01_dataset", ""}  # and no other is


def test_every_claim_names_its_report_and_no_file():
    shorts = {report_of(file).short for file in CLAIMS["seed"]}
    assert shorts == {report.short for report in REPORTS}
    assert report_of(CLAIMS.set_index("id").loc["P8.ranking", "seed"]).short == "Causal analysis"
    with pytest.raises(UserError, match=r'name a report "9\.txt"'):
        report_of("9.txt")
    parts = {part_of(phase) for phase in CLAIMS["phase"]}
    assert {part for part in parts if not part.startswith("Phase ")} <= shorts
    named = listed()
    assert [named.count(f'id="report-{i}"') for i in range(1, 7)] == [1] * 5 + [0]
    assert ".txt" not in named


def test_a_result_that_changes_changes_its_verdict(make, scrutiny):
    run = make(("08_statistics", None), ("01_dataset", "small-gpt2"))
    assert {e.id: e.verdict for e in assemble(run, scrutiny=scrutiny)}["P75.n.small"] == "not reproduced"
    measure(run, "08_statistics", None, P75_n_small=225.0)
    measure(run, "01_dataset", "small-gpt2", P1_tokens_mean=None)
    by_id = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    assert by_id["P75.n.small"].verdict == "reproduced"
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
        (["pending", "other data"], "other data"),
        (["by design", "by design"], "by design"),
        (["pending"], "pending"),
        ([], "pending"),
    ],
)
def test_one_verdict_over_all_rows(rows, verdict):
    assert overall(rows) == verdict


@pytest.mark.parametrize(
    ("held", "word"),
    [
        ([True, True], "agrees"),
        ([False, None], "contradicts"),
        ([True, False], "mixed"),
        ([None, None], "undecided"),
        ([], "undecided"),
    ],
)
def test_what_other_models_say_together(held, word):
    assert agreement(held) == word


def test_counts_add_up(make, scrutiny):
    entries = assemble(make(("01_dataset", "small-gpt2"), ("08_statistics", None)), scrutiny=scrutiny)
    parts = summary.by_part(entries)
    whole = parts[parts["part"] == "all"].iloc[0]
    assert whole["claims"] == len(CLAIMS) == 218
    assert (parts.iloc[:-1, 1:].sum() == parts.iloc[-1, 1:]).all()
    assert whole[list(REPLICATIONS)].sum() == 218
    assert whole["at chance"] + whole["no null applies"] == 218
    assert (
        whole["decided"] == whole["reproduced"] + whole["not reproduced"] + 1
    )  # the one at chance is pending
    said = summary.points(entries)
    assert "**1** at chance" in said
    assert f"**{whole['reproduced']} reproduced, {whole['not reproduced']} not reproduced**" in said
    assert f"{whole['other model, contradicts']} contradicts" in said
    assert f"{whole['decided']} of 218 claims" in said
    assert summary.SMALL_MODELS in said


def test_what_nobody_could_replicate_is_in_no_headline(make, scrutiny):
    """Counts before and after a chapter of sizes and lengths, and one that nobody ran, are the same."""
    less = assemble(make(("08_statistics", None)), scrutiny=scrutiny)
    more = assemble(make(("08_statistics", None), ("01_dataset", "small-gpt2")), scrutiny=scrutiny)
    assert summary.replications(more)["by design"] > summary.replications(less)["by design"] == 0
    assert summary.replications(more)["other data"] > summary.replications(less)["other data"] == 0
    assert summary.points(more) == summary.points(less)
    assert not {"by design", "other data", "pending"} & set(COUNTED)
    for word in ("by design", "other data", "pending", "no null applies"):
        assert word not in summary.points(more)


def test_the_page_counts_what_the_summary_counts(make, scrutiny):
    entries = assemble(make(("01_dataset", "small-gpt2"), ("05_steering", "small-gpt2")), scrutiny=scrutiny)
    shown = ledger(entries)
    for kind, counts in (
        ("replication", summary.replications(entries)),
        ("scrutiny", summary.scrutinies(entries)),
    ):
        assert sum(counts.values()) == 218
        for word, count in counts.items():
            assert shown.markup.count(f'data-{kind}="{word}"') == count
            assert count == 0 or f"{count} {word}" in shown.alt


def test_the_tables_of_chapters_say_what_the_ledger_says(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"), ("05_steering", "small-gpt2"), ("08_statistics", None))
    measure(run, "05_steering", "small-gpt2", P5_random=None, P5_alpha_range=0.7)
    entries = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    seen = 0
    for job in run.chapters:
        for own in of_chapter(judge(read_measurements(measured_by(run, job)), scrutiny=scrutiny)):
            kept = entries[own.id]
            assert (own.replication, own.scrutiny, own.waits) == (kept.replication, kept.scrutiny, kept.waits)
            assert [replace(row, decided="") for row in kept.rows] == list(own.rows)
            seen += 1
    assert seen == sum(bool(entry.rows) for entry in entries.values())
    assert {entries["P5.random"].replication, entries["P5.alpha.range"].replication} == {
        "pending", "other model, agrees",
    }  # fmt: skip


def test_every_model_is_counted_in_both_columns(make, scrutiny):
    run = make(("01_dataset", "small-gpt2"), ("05_steering", "small-gpt2"), ("05_steering", "small-llama3"))
    before = summary.by_model(assemble(run, scrutiny=scrutiny)).set_index("model")
    measure(run, "05_steering", "small-llama3", P5_repetition=None)
    models = summary.by_model(assemble(run, scrutiny=scrutiny)).set_index("model")
    steering = sum(chapter_of(claim) == "05_steering" for claim in CLAIMS["id"])
    assert models["measured"].to_dict() == {"small-gpt2": 6 + steering, "small-llama3": steering}
    assert (models["pending"] - before["pending"]).to_dict() == {"small-gpt2": 0, "small-llama3": 1}
    assert (models[list(REPLICATIONS)].sum(axis=1) == models["measured"]).all()
    assert (models["no null applies"] == models["measured"]).all()


FOUND = ("AUROC", 0.77, 0.71, 0.82, 0.5, 34)
PAIR = "smollm2-135m~gemma3-270m"


def recorded(path, claims):
    """A record with a measurement for some claims of chapter 04 and one of a claim without a model."""
    rows = [Measurement(claim, PAIR, 0.993, null=0.998, n=70, note="wrong pairs") for claim in claims]
    plain = (
        [
            Measurement(name, "smollm2-135m", value)
            for name, value in (("P1.size.total", 680.0), ("P1.tokens.mean", 9))
        ]
        if claims
        else []
    )
    parts = [part("04_alignment", PAIR.replace("~", ", "), FOUND, measurements=rows)]
    return record(path, *parts, part("01_dataset", "smollm2-135m", FOUND, measurements=plain))


@pytest.mark.parametrize("how_many", ["none", "one", "all"])
def test_the_record_stands_beside_what_the_run_measured(make, scrutiny, tmp_path, how_many):
    of_alignment = [claim for claim in CLAIMS["id"] if chapter_of(claim) == "04_alignment"]
    claims = {"none": [], "one": ["P35.align.after"], "all": of_alignment}[how_many]
    path = recorded(tmp_path / "real.json", claims)
    entries = {
        entry.id: entry
        for entry in assemble(
            make(("01_dataset", "small-gpt2")), scrutiny=scrutiny, record=path, parts=tmp_path / "none"
        )
    }
    of_models = set(CLAIMS.loc[CLAIMS["basis"] == "model", "id"])
    assert {name for name in entries if entries[name].record} == set(claims) & of_models
    if claims:
        (row,) = entries["P35.align.after"].record
        assert (row.model, row.value, row.null, row.n) == (
            "SmolLM2 135M and Gemma 3 270M, pretrained", 0.993, 0.998, 70,
        )  # fmt: skip
        assert (row.verdict, row.holds) == ("other model", True)  # 0.99 is about GPT-2 and Pythia
        assert row.decided == ""  # chapter 04 is not in this book
        assert entries["P35.align.after"].verdict == "pending"  # the record decides nothing for this run
        size = entries["P1.size.total"]
        assert size.verdict == "by design"
        assert size.record == entries["P1.tokens.mean"].record == ()  # no model could replicate them
    table = summary.by_model(list(entries.values()), recorded=True).set_index("model")
    if claims:
        measured = [claim for claim in claims if claim in of_models]
        assert table.loc["SmolLM2 135M and Gemma 3 270M, pretrained", "measured"] == len(measured)
        rows = judge([Measurement(claim, PAIR, 0.993) for claim in measured], CLAIMS)["holds"].dropna()
        told = f"of {len(rows)} claims that were measured on them, **{sum(rows)}** *agree*"
        assert told in summary.points(list(entries.values()))
    else:
        assert table.empty
        assert "record" not in summary.points(list(entries.values()))


def test_the_verdict_of_the_record_could_have_been_otherwise(make, scrutiny, tmp_path):
    one = [
        Measurement("P35.align.after", PAIR, 0.25),
        Measurement("P35.align.before", "gpt2~pythia-160m", 0.5),
    ]
    path = record(tmp_path / "real.json", part("04_alignment", "a, b", FOUND, measurements=one))
    entries = {
        entry.id: entry for entry in assemble(make(), scrutiny=scrutiny, record=path, parts=tmp_path / "none")
    }
    assert entries["P35.align.after"].record[0].holds is False
    assert entries["P35.align.before"].record[0].verdict == "not reproduced"
    assert "**2** *contradict*" in summary.points(list(entries.values()))


def test_the_record_on_real_text_is_judged_like_the_other(make, scrutiny, tmp_path):
    kept = read_parts()
    entries = assemble(make(), scrutiny=scrutiny, record=tmp_path / "none.json")
    found = {entry.id: entry.record for entry in entries if entry.record}
    assert set(found) == {claim for claim in CLAIMS["id"] if claim.startswith("D.")}
    ((row,),) = [rows for claim, rows in found.items() if claim == "D.r2.mid"]
    numbers = kept.tables["claim_numbers"].set_index(["quantity", "at"])
    assert (row.model, row.value) == ("SmolLM2 135M, pretrained", numbers.loc[("R²", "middle"), "value"])
    assert row.verdict == "other model"


@pytest.mark.parametrize("same_code", [True, False])
def test_a_rule_of_a_chapter_that_has_changed_since_decides_nothing(
    make, scrutiny, tmp_path, monkeypatch, same_code
):
    rows = [Measurement("P5.multitoken", "smollm2-135m", 0.1, holds=True)]
    rows.append(Measurement("P5.layer.mid", "smollm2-135m", 6.5))
    path = record(tmp_path / "real.json", part("05_steering", "smollm2-135m", FOUND, measurements=rows))
    monkeypatch.setattr(Part, "changed", not same_code)
    entries = {
        entry.id: entry for entry in assemble(make(), scrutiny=scrutiny, record=path, parts=tmp_path / "none")
    }
    (row,) = entries["P5.multitoken"].record
    assert row.replication == f"other model, {'agrees' if same_code else 'undecided'}"
    assert ("recorded before the chapter changed" in row.note) != same_code
    assert entries["P5.layer.mid"].record[0].holds is True  # the table has its rule


def test_a_damaged_record_stops_the_ledger(make, scrutiny, tmp_path):
    path = recorded(tmp_path / "real.json", ["P35.align.after"])
    path.write_text(path.read_text(encoding="utf-8").replace("0.998", "0.25"), encoding="utf-8")
    with pytest.raises(UserError, match="is not what was recorded"):
        assemble(make(), scrutiny=scrutiny, record=path, parts=tmp_path / "none")


def test_a_local_model_goes_by_its_last_part(make, scrutiny, tmp_path):
    run = make(("01_dataset", str(tmp_path / "models" / "mine")))
    entries = {entry.id: entry for entry in assemble(run, scrutiny=scrutiny)}
    assert entries["P1.size.total"].rows[0].model == "mine, local"


def test_a_chapter_about_a_readers_own_texts_is_asked_for_no_claim(make, scrutiny):
    run = make(("02_activations", "small-gpt2"), ("03_emotion_vectors", "small-gpt2"))
    for job in run.chapters:
        if job.chapter == "03_emotion_vectors":
            job.parameters["prompts"] = "data/examples/moods.csv"
            measured_by(run, job).unlink()
    entries = {entry.id: entry for entry in assemble(run, scrutiny)}
    assert not any(entry.rows for entry in entries.values() if entry.chapter == "03_emotion_vectors")
    assert any(entry.rows for entry in entries.values() if entry.chapter == "02_activations")
