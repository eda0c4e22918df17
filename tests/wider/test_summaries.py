"""Sentences about the comparison with wider models say what the numbers say, either way."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.wider import summaries
from emotion_utils.wider.lengths import SweepFindings
from emotion_utils.wider.real_lengths import ordering
from emotion_utils.wider.word_pairs import stand_ins

SWEPT = SweepFindings(3e-5, 3.6e-5, 0.85, 0.88, 3e-11, 0.85, None, 0.93, -2.0, 0.99, 18, 0.93, 2e-15)


def test_the_reports_layers_are_those_of_their_table():
    llama = summaries.printed_layers("llama3-8b")
    assert llama["layer"].tolist() == list(range(12))
    assert llama["after"].iloc[[0, 11]].tolist() == [0.124622, 0.713503]
    assert summaries.printed_layers("gemma3-12b")["layer"].tolist() == list(range(7))


def test_pairs_above_and_below_wrong_ones_are_counted():
    overall = pd.DataFrame(
        [("published", "mean", 0.6, 0.7, False), ("published", "largest", 0.9, 0.8, True),
         ("published", "mean", 0.3, 0.2, True), ("r2", "mean", 0.1, 0.1, None)],
        columns=["score", "statistic", "value", "null", "above"],
    ).astype({"above": object})  # fmt: skip
    text = summaries.summarise_overall(overall)
    assert (
        "0.60 (wrong pairs 0.70) and 0.30 (wrong pairs 0.20): true pairs above wrong ones in 1, below wrong ones in 1"
        in text
    )
    assert "held-out R² 0.10 (wrong pairs 0.10): true pairs not told from wrong ones in 1" in text
    assert summaries.summarise_overall(overall.head(0)) == ""


@pytest.mark.parametrize(
    ("above", "said"),
    [
        (True, "lie above wrong ones"),
        (False, "do not lie above wrong ones, and at some length below"),
        (None, "cannot be told from wrong ones"),
    ],
)
def test_a_sweep_says_where_true_pairs_lie(above, said):
    text = summaries.summarise_sweep(SWEPT._replace(above=above))
    assert f"true pairs **{said}** (p = 0.93" in text
    assert "length is 93% of what varies" in text
    assert "to the power of -2.00" in text
    assert "No sound score moves by more than rounding (2e-15)" in text


def test_a_sweep_without_a_free_part_and_with_scores_that_move():
    text = summaries.summarise_sweep(SWEPT._replace(slope=float("nan"), moved=0.2))
    assert "to the power" not in text
    assert "Sound scores move by up to 0.2" in text


def test_almost_all_is_not_all():
    assert [summaries.mostly(share) for share in (0.5, 0.9949, 0.995, 1.0)] == [
        "50%",
        "99%",
        "more than 99 %",
        "100%",
    ]


@pytest.mark.parametrize(
    ("lengths", "said"),
    [((1.0, 10.0, 100.0), "The order is that of"), ((10.0, 1.0, 100.0), "The order is not that of")],
)
def test_the_order_is_that_of_the_lengths_or_not(lengths, said):
    names = ("Llama 3.1 8B", "Qwen3 8B", "Gemma 3 270M")
    table = pd.DataFrame(
        {"model": names, "layer": 0, "low": lengths, "median": lengths, "high": lengths, "n": 20}
    )
    text = summaries.summarise_ordering(ordering(table))
    assert said in text
    assert "at best 0.17" in text


def test_models_stand_in_by_family():
    assert stand_ins(["small-gemma3", "small-llama3"]) == {
        "llama3-8b": "small-llama3",
        "gemma3-12b": "small-gemma3",
    }
    assert stand_ins(["small-neo"]) == {}
    assert stand_ins(["llama3-8b", "small-llama3"]) == {"llama3-8b": "llama3-8b"}


def test_no_pair_gives_a_table_without_rows():
    empty = summaries.overall_of({})
    assert len(empty) == 0
    assert summaries.summarise_overall(empty) == ""


def test_claims_are_counted_once_and_the_ranking_is_said_in_whole_sentences():
    judged = pd.DataFrame(
        {
            "id": ["P8.a", "P8.a", "P8.ranking"],
            "replication": ["agrees", "agrees", "pending"],
            "scrutiny": ["at chance", "at chance", "at chance"],
            "note": ["", "", "no pair stands in"],
            "scrutiny_note": ["", "", "models that share nothing rank so"],
        }
    )
    lines = summaries.summarise_claims(judged).splitlines()
    assert lines == [
        "- **Replication** of 2 claims: **1** *agrees*, **1** *pending*.",
        "- **Scrutiny** of 2 claims: **2** *at chance*.",
        "- **The ranking, by the models that stand in**: no pair stands in.",
        "- **The ranking, by the reports' own numbers**: models that share nothing rank so.",
    ]


def test_a_small_score_is_no_zero():
    overall = pd.DataFrame(
        [("published", "mean", 0.0000153, 0.000036, None)],
        columns=["score", "statistic", "value", "null", "above"],
    )
    text = summaries.summarise_overall(overall)
    assert (
        "the published score 1.5e-05 (wrong pairs 3.6e-05): true pairs not told from wrong ones in 1" in text
    )


def test_scores_and_columns_of_all_layers_are_words():
    columns = ["pair", "score", "statistic", "value", "null", "null_high", "p", "layers", "above"]
    rows = [("a", score, "mean", 0.5, 0.4, 0.6, 0.3, 4, None) for score in summaries.SCORES]
    shown = summaries.overall_in_words(pd.DataFrame(rows, columns=columns))
    assert shown["score"].tolist() == ["published score", "held-out R²", "overlap", "transferred probe"]
    assert {"wrong pairs", "wrong pairs, 95 %", "over the layers"} <= set(shown)
