"""Sentences about predictable and novel parts, from tables made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import predictable
import pytest

from emotion_utils import corpora
from emotion_utils.predictability import summaries

SMALLEST = {"train": 1, "validation": 1, "test": 1}


def test_r2_stands_beside_baseline_null_and_n():
    told = summaries.explained_words(predictable.explained())
    small, real = told.splitlines()
    assert small.startswith(
        "- *small-pythia, small world*: R² 0.40 (0.38 to 0.42), 0.40 (0.38 to 0.42) and 0.40"
    )
    assert "at layers 0, 2, 5 (n = 24 documents); above the best baseline (autoregression) by +0.100" in small
    assert "with the past of another text -0.20." in small
    assert "layers 0, 15, 29" in real


def test_measures_say_what_few_dimensions_hold():
    told = summaries.measure_words(predictable.explained(without_massive=0.1), predictable.shares())
    assert "1 massive dimensions hold 25% of the variance" in told
    assert "R² is 0.40 pooled, 0.10 without massive dimensions, 0.40 as the mean of all dimensions" in told


def test_what_changes_along_the_window_is_told_by_place():
    numbers = predictable.claim_numbers()
    assert "+2% (+1% to +3%) (first), -30% (-31% to -29%) (middle)" in summaries.position_words(numbers)
    assert "-0.10 (-0.11 to -0.09) (last)" in summaries.trend_words(numbers)


def test_surprise_is_of_the_whole_window():
    told = summaries.surprise_words(predictable.correlations())
    assert "ρ +0.40 (+0.30 to +0.50), +0.40" in told
    assert "exchanged texts reach +0.05" in told
    assert "-0.50" not in told  # of the late part


@pytest.mark.parametrize(
    ("gap", "width", "said"),
    [
        (0.5, 0.02, "the predictor's is more: +0.20"),
        (0.2, 0.02, "the predictor's is no more: -0.10"),
        (0.35, 0.2, "the predictor's is not told from it: +0.05"),
    ],
)
def test_probes_say_whether_the_predictor_has_a_share(gap, width, said):
    told = summaries.probe_words(predictable.claim_numbers(gap=gap, width=width))
    assert told.count(said) == 4
    assert "domain, past minus new" in told
    assert "type of token, new minus past" in told


def test_what_a_text_alone_tells_stands_beside_the_best_probe():
    told = summaries.alone_words(
        {"domain": predictable.probes(), "type of token": predictable.probes(f1=0.9)}
    )
    assert "tell the domain with an F1 of 0.50, where the best probe of a model's states has 0.60" in told
    assert (
        "the type of token with an F1 of 0.50, where the best probe of a model's states has 0.90 and" in told
    )
    assert told.endswith("exchanged labels reach 0.20.")


def test_what_is_written_back_and_what_a_vector_is_made_of():
    told = summaries.written_words(predictable.written())
    assert "the predictable part alone recovers 50% of what the position mean loses" in told
    assert "alone -20%, around the mean 60%; both together change no logit by more than 2e-06" in told
    steered = {name: getattr(predictable, name)() for name in ("geometry", "effects", "gaps")}
    said = summaries.steering_words(steered)
    assert "the predictable part is 30% of a vector, along it" in said
    assert "predictable minus new, in nats: gratitude -0.50 (-0.70 to -0.30)" in said


def test_what_was_read_is_told_with_its_sizes(one):
    told = summaries.reading_words({"small-llama3": one}, corpora.read("small world", groups=SMALLEST))
    assert told.startswith("Texts: small world, 17 domains. Train and validation are new draws")
    assert "- *small-llama3, small world*, layers 1, 2 of 4: " in told
    n = len(one.rows["training"])
    assert f"{n} windows of 48 tokens to learn from, {len(one.rows['validation'])} to choose by" in told


def test_a_predictor_that_learnt_from_hardly_anything_is_said_to(one):
    few = len(one.rows["training"])
    assert f"**With {few} windows to learn from" in summaries.caution({"a": one})
    enough = SimpleNamespace(rows={"training": range(summaries.FEW)})
    assert summaries.caution({"a": enough}) == ""
    assert f"With {few} windows" in summaries.caution({"a": enough, "b": one})
