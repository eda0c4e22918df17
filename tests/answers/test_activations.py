"""The words of Chapter 2's answer follow its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.answers.activations import Results, answer


def _shares(value: float, p: float) -> pd.DataFrame:
    rows = [
        (-1, 0.9, 0.8, 1.0, 0.1, 0.01, 70),  # the embedding is no block
        (0, value / 2, 0.0, 0.1, 0.02, 0.5, 70),
        (1, value, value - 0.01, value + 0.01, 0.02, p, 70),
    ]
    return pd.DataFrame(rows, columns=["layer", "value", "low", "high", "null", "p_max", "n"])


def _results(
    value: float = 0.2,
    p: float = 0.01,
    implicit: float = 0.06,
    blind: float = 0.03,
    cosine: float = 0.9,
    **changed: object,
) -> Results:
    control = pd.DataFrame(
        [
            ("small", "implicit", implicit, 0.01, 0.1, 0.01, p, 96),
            ("blind", "implicit", blind, 0.01, 0.1, 0.01, 0.6, 96),
        ],
        columns=["model", "set", "value", "low", "high", "null", "p_max", "n"],
    )
    cosines = pd.DataFrame(
        {"layer": [0, 1], "version": "raw", "value": [cosine / 2, cosine], "spread": 0.1, "n": 70}
    )
    given: dict[str, object] = {
        "model": "small",
        "cases": pd.DataFrame({"worst": [1e-6, 1e-6], "within": [True, True]}),
        "lens": pd.DataFrame({"model": ["small", "other"], "same": [True, True]}),
        "sinks": pd.DataFrame({"layer": [0, 1], "ratio": [1.0, 12.5], "n": [70, 70]}),
        "cosines": cosines,
        "shares": _shares(value, p),
        "control": control,
    }
    return Results(**(given | changed))  # type: ignore[arg-type]


def _outcome(results: Results, words: str) -> bool | None:
    return next(one.happened for one in answer(results).falsifiers if words in one.condition)


def test_the_finding_has_the_numbers_of_the_best_block_and_never_of_the_embedding() -> None:
    short = answer(_results()).in_short()
    assert "cosine of up to **0.90**" in short
    assert "at most **20.0%** (19.0% to 21.0%; permuted labels 2.0%; p = 0.01; n = 70)" in short
    assert "and **6.0%** (" in short
    assert "90.0%" not in short


@pytest.mark.parametrize(("p", "happened"), [(0.01, False), (0.3, True), (np.nan, None)])
def test_a_share_inside_its_null_is_said(p: float, happened: bool | None) -> None:
    assert _outcome(_results(p=p), "inside its null") is happened


@pytest.mark.parametrize(("blind", "happened"), [(0.03, False), (0.06, True)])
def test_the_blind_model_can_do_as_well(blind: float, happened: bool) -> None:
    assert _outcome(_results(blind=blind), "blind model") is happened
    assert _outcome(_results(model="other"), "inside") is False


def test_a_page_about_the_blind_model_has_nothing_to_compare_with() -> None:
    only = _results().control
    assert only is not None
    results = _results(model="blind", control=only[only["model"] == "blind"])
    assert _outcome(results, "blind model") is None


@pytest.mark.parametrize(("cosine", "happened"), [(0.9, False), (0.15, True)])
def test_cosines_in_the_band_are_said(cosine: float, happened: bool) -> None:
    assert _outcome(_results(cosine=cosine), "band") is happened


def test_wrong_numbers_are_said() -> None:
    cases = pd.DataFrame({"worst": [1.0, 1e-6], "within": [False, True]})
    lens = pd.DataFrame({"model": ["small", "other"], "same": [True, False]})
    results = _results(cases=cases, lens=lens)
    assert _outcome(results, "batch") is True
    assert _outcome(results, "TransformerLens") is True
    assert "1 of 2 models differ: other" in answer(results).what_we_found()


def test_own_texts_have_no_set_without_words() -> None:
    found = answer(_results(control=None))
    assert "no prompt names" not in found.finding
    assert all("blind" not in one.condition for one in found.falsifiers)
