"""What Chapter 2 answers follows its numbers, on invented results at both ends."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.answers.activations import Checks, Results, Share, answer, checks_of, results_of

NAN = float("nan")
RESULTS = Results(
    model="a model",
    checks=Checks(17, 17, 6, 6),
    cosine=0.9,
    low=0.85,
    high=0.95,
    spread=0.09,
    best=Share("a model", "baseline", 0.3, 0.1, 0.01),
    best_low=0.2,
    best_high=0.4,
    control=(Share("a model", "implicit", 0.25, 0.02, 0.01), Share("blind", "implicit", 0.01, 0.01, 0.5)),
    blind="blind",
)


def happened(results: Results, part: str) -> bool | None:
    (one,) = [one for one in answer(results).falsifiers if part in one.condition]
    return one.happened


def test_the_numbers_are_right_first_and_then_what_is_in_them() -> None:
    short = answer(RESULTS).in_short()
    assert "agrees with the plain model in **17 of 17** ways of batching" in short
    assert "cosine of up to **0.90** (0.85 to 0.95), where random directions have 0 ± 0.09" in short
    assert (
        "Of the variance on *baseline* **30%** (20% to 40%) lies between the labels, permuted labels give 10%"
        in short
    )
    assert (
        "*implicit*: a model 25.0% (null 2.0%) and blind 1.0% (null 1.0%)." in answer(RESULTS).what_we_found()
    )


@pytest.mark.parametrize(
    ("part", "right"),
    [
        ("depend on the batch", {"checks": Checks(16, 17, 6, 6)}),
        ("TransformerLens", {"checks": Checks(17, 17, 5, 6)}),
        ("the same way", {"cosine": 0.05}),
        ("between the emotions", {"best": RESULTS.best._replace(p_max=0.06)}),
        ("implicit is emotion", {"control": (RESULTS.control[0], RESULTS.control[1]._replace(p_max=0.01))}),
    ],
)
def test_every_falsifier_has_both_outcomes(part: str, right: dict[str, object]) -> None:
    assert happened(RESULTS, part) is False
    assert happened(replace(RESULTS, **right), part) is True


def test_with_too_few_prompts_it_cannot_be_said() -> None:
    few = replace(
        RESULTS,
        best=RESULTS.best._replace(p_max=NAN),
        best_low=NAN,
        best_high=NAN,
        control=(RESULTS.control[0], RESULTS.control[1]._replace(p_max=NAN)),
    )
    assert happened(few, "between the emotions") is None
    assert happened(few, "implicit is emotion") is None
    assert "nan" not in answer(few).in_short()
    assert "too few for a test" in answer(few).finding


def test_the_control_itself_and_own_texts_have_no_control_beside_them() -> None:
    for control in ((), (RESULTS.control[1],)):
        assert len(answer(replace(RESULTS, control=control)).falsifiers) == 4


def test_results_are_those_of_the_chapter() -> None:
    cosines = pd.DataFrame(
        {
            "version": ["raw", "raw", "centred"],
            "value": [0.5, 0.8, 0.9],
            "low": 0.1,
            "high": 0.9,
            "spread": 0.2,
        }
    )
    shares = pd.DataFrame(
        {"layer": [-1, 0, 1], "value": [0.9, 0.2, 0.3], "null": 0.1, "p_max": 0.04, "low": 0.15, "high": 0.4}
    )
    checks = checks_of(
        pd.DataFrame({"worst": [1e-6, 1e-3], "≤ 1e-4": [True, False]}),
        pd.DataFrame({"same": [True, True, False]}),
    )
    assert checks == (1, 2, 2, 3)
    found = results_of(("m", "own", "blind"), checks, cosines, shares)
    assert (found.cosine, found.best, found.control) == (0.8, Share("m", "own", 0.3, 0.1, 0.04), ())
    assert found.best.above is True
