"""The answer of the chapter on predictable and novel parts: every sentence and falsifier can come out either way."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import predictable
import pytest

from emotion_utils.answers.predictability import answer
from emotion_utils.predictability.results import Planted, Results, planted_of

PLANTED = Planted(0.45, 0.44, -0.02, 0.01)
RESULTS = Results(predictable.tables(), PLANTED)


def having(**tables) -> Results:
    return replace(RESULTS, tables={**RESULTS.tables, **tables})


def happened(results: Results, part: str) -> bool | None:
    (found,) = [one.happened for one in answer(results).falsifiers if part in one.condition]
    return found


def test_the_short_form_has_r2_surprise_and_probes():
    short = answer(RESULTS).in_short()
    assert "foresees **40%** of the variance of a hidden state, the best baseline 30%" in short
    assert "surely above it at **6 of 6** layers (R² by +0.100)" in short
    assert "from the past of another text its R² is -0.20." in short
    assert "at **6 of 6** layers: rank correlation **+0.40**, given frequency and position +0.20" in short
    assert "(texts exchanged: up to +0.05)" in short
    said = "better from the foreseen part in **2 of 2** models (F1 by +0.20; in the parts of a linear"
    assert said in short
    assert (
        "autoregression by +0.30) and the type of a token better from the rest in **2 of 2** models" in short
    )


def test_the_end_of_the_page_has_steering_massive_dimensions_and_the_planted_process():
    found = answer(RESULTS).what_we_found()
    assert (
        "does surely more than the new one in 0 of 6 cases and surely less in 6: the difference is -0.50"
        in found
    )
    assert "Massive dimensions hold 25% of the variance; R² is 0.40 pooled, 0.40 without them" in found
    assert (
        "from 2 further seeds, the predictor of a middle layer has an R² that differs by 0.004 at most"
        in found
    )
    assert "surely above the best baseline from **6 of 6** seeds and models." in found
    assert "R² 0.450, the predictor finds 0.440, and with time shuffled -0.0200 to +0.0100." in found
    assert "shuffled" not in answer(replace(RESULTS, planted=None)).what_we_found()


@pytest.mark.parametrize(
    ("part", "yes", "no"),
    [
        (
            "at fewer than two of three layers",
            {"explained": predictable.explained(gain=-0.1)},
            {},
        ),
        ("own past", {"explained": predictable.explained(wrong=0.5)}, {}),
        ("The seed does not matter", {"sweep": predictable.sweep(above=-0.1)}, {}),
        ("what surprises", {"correlations": predictable.correlations(rho=0.1)}, {}),
        ("Domain and token", {}, {"claim_numbers": predictable.claim_numbers(gap=0.5)}),
        ("all dimensions", {"explained": predictable.explained(without_massive=0.1)}, {}),
        ("both of its parts", {"effects": predictable.effects(p=0.4)}, {}),
        ("Nothing is lost", {"written": predictable.written(largest=0.01)}, {}),
    ],
)
def test_every_falsifier_has_both_outcomes(part, yes, no):
    assert happened(having(**yes), part) is True
    assert happened(having(**no), part) is False


def test_a_planted_process_is_read_as_it_is_and_shuffled():
    columns = ["time", "truth", "r2", "low", "high", "other", "windows"]
    rows = [
        ("as it is", 0.45, 0.44, 0.43, 0.46, -0.4, 200),
        ("shuffled", 0.0, -0.005, -0.02, 0.01, -0.01, 200),
    ]
    assert planted_of(pd.DataFrame(rows, columns=columns)) == PLANTED


@pytest.mark.parametrize(
    ("planted", "truth"),
    [(PLANTED, False), (PLANTED._replace(r2=0.4), True), (PLANTED._replace(low=0.01, high=0.05), True)],
)
def test_a_method_that_misses_or_invents_is_found(planted, truth):
    assert happened(replace(RESULTS, planted=planted), "finds what is there") is truth


@pytest.mark.parametrize(
    ("part", "tables"),
    [
        ("at fewer than two of three layers", {"explained": predictable.explained(gain=0.01)}),
        ("own past", {"explained": predictable.explained(wrong=0.39)}),
        ("Domain and token", {"claim_numbers": predictable.claim_numbers(width=0.2)}),
        ("both of its parts", {"effects": predictable.effects(p=0.3, vectors=8)}),
    ],
)
def test_what_cannot_be_told_is_said(part, tables):
    assert happened(having(**tables), part) is None


def test_too_few_documents_decide_nothing_and_leave_no_empty_brackets():
    few = {
        name: RESULTS.tables[name].copy() for name in ("explained", "correlations", "claim_numbers", "gaps")
    }
    for table in few.values():
        ends = [c for c in table if c in {"low", "high"} or c.endswith(("_low", "gain_high", "partial_high"))]
        table[ends] = float("nan")
    results = having(**few)
    for part in ("two of three layers", "own past", "what surprises", "Domain and token"):
        assert happened(results, part) is None
    assert "nan" not in answer(results).in_short() + answer(results).what_we_found()


def test_one_bad_layer_is_not_hidden_by_the_others():
    table = predictable.explained()
    table.loc[(table["layer"] == 2) & (table["prediction"] == "past of another text"), ["r2", "high"]] = 0.6
    assert happened(having(explained=table), "own past") is True


def test_steering_and_probes_that_were_not_run_are_left_out():
    none = {name: RESULTS.tables[name].head(0) for name in ("effects", "gaps", "written")}
    probed = predictable.claim_numbers().query("not quantity.str.contains('domain|type')", engine="python")
    found = answer(having(claim_numbers=probed, **none))
    conditions = " ".join(one.condition for one in found.falsifiers)
    assert "parts" not in conditions
    assert "Domain" not in conditions
    assert "equal length" not in found.what_we_found()
