"""What Chapter 1 answers follows its numbers, on invented results at both ends."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.answers.dataset import Accuracy, Results, Size, answer, results_of
from emotion_utils.prompts.findings import Duplicates, Leakage

RESULTS = Results(
    name="baseline",
    size=Size(280, 280, 19),
    twice=Duplicates(8, 0, 0, 0),
    leaks=Leakage(0, 3, 12),
    accuracies=(Accuracy("unfamiliar", 0.39, 0.33, 0.46, 0.5, 0.3, 0.01),),
    own=0.97,
    implicit=0.85,
    moved=0.6,
)


def happened(results: Results, part: str) -> bool | None:
    (one,) = [one for one in answer(results).falsifiers if part in one.condition]
    return one.happened


def test_the_size_and_what_words_do_are_said() -> None:
    short = answer(RESULTS).in_short()
    assert "*baseline* has 280 prompts, 280 of them different, in **19** independent units" in short
    assert "nothing of one split occurs in another" in short
    assert "AUROC of **0.97**; on *implicit*, which names no emotion, it reaches **0.85**" in short
    assert "**0.60** when it learned on *baseline*" in short
    assert "**It did not**: 0.85 against 0.97." in short


def test_an_accuracy_above_its_null_and_below_the_largest_class_is_said_to_be_both() -> None:
    found = answer(RESULTS).what_we_found()
    assert (
        "*unfamiliar*: accuracy 39% (33% to 46%), worse than always naming the largest class (50%)" in found
    )
    assert "permuted labels give 30% (p = 0.01)" in found


@pytest.mark.parametrize(
    ("part", "right"),
    [
        ("needs more than words", {"implicit": 0.9}),
        ("splits are clean", {"leaks": Leakage(2, 0, 12)}),
        ("counts once", {"size": Size(280, 279, 19)}),
        ("counts once", {"twice": Duplicates(8, 1, 0, 0)}),
    ],
)
def test_every_falsifier_has_both_outcomes(part: str, right: dict[str, object]) -> None:
    assert happened(RESULTS, part) is False
    assert happened(replace(RESULTS, **right), part) is True


def test_what_crosses_is_counted() -> None:
    assert "**2** things cross the splits" in answer(replace(RESULTS, leaks=Leakage(2, 0, 12))).finding


def test_own_texts_have_no_implicit_and_few_units_no_score() -> None:
    own = answer(replace(RESULTS, implicit=None, moved=None))
    assert "where one half is chance" in own.finding
    assert len(own.falsifiers) == 2
    assert "too few units to score a bag of words" in answer(replace(RESULTS, own=None)).finding


def test_results_are_those_of_the_chapter() -> None:
    sizes = pd.DataFrame({"profile": ["own"], "prompts": [20], "unique": [19], "units": [9]})
    columns = ["train", "test", "metric", "value", "low", "high", "chance", "null", "p"]
    rows = [
        ("own", "held-out folds", "accuracy", 0.6, 0.5, 0.7, 0.5, 0.4, 0.01),
        ("own", "held-out folds", "AUROC a", 0.7, 0.5, 0.7, 0.5, 0.4, 0.01),
        ("own", "held-out folds", "AUROC b", 0.9, 0.5, 0.7, 0.5, 0.4, 0.01),
        ("own", "implicit", "accuracy", 0.5, 0.5, 0.7, 0.5, 0.4, 0.01),
        ("implicit", "held-out folds", "accuracy", float("nan"), 0.5, 0.7, 0.5, 0.4, 0.01),
    ]
    found = results_of("own", sizes, RESULTS.twice, RESULTS.leaks, pd.DataFrame(rows, columns=columns))
    assert found.size == (20, 19, 9)
    assert found.accuracies == (Accuracy("own", 0.6, 0.5, 0.7, 0.5, 0.4, 0.01),)
    assert (found.own, found.implicit, found.moved) == (pytest.approx(0.8), None, None)
