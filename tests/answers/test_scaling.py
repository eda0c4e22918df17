"""The answer of the chapter on scaling: every sentence and falsifier can come out either way."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.answers.scaling import (
    Alike,
    Carried,
    Check,
    Results,
    alike_of,
    answer,
    carried_of,
    checks_of,
)
from emotion_utils.wider.lengths import SweepFindings

SWEPT = SweepFindings(3e-5, 3.6e-5, 0.85, 0.88, 3e-11, 0.85, None, 0.93, -2.0, 0.9999, 18, 0.9995, 2e-15)
SMOL = Alike("SmolLM2 135M", "Qwen3 8B", 0.80, 0.65, 0.94, 0.21, 0.001, 0.61, 0.21, 0.66, "yes", "yes")
TINY = Alike(
    "small-gpt2", "Qwen3 8B", 0.22, -0.1, 0.5, 0.19, 0.03, 0.1, 0.19, 0.66, "cannot be told", "cannot be told"
)
CARRIED = Carried("small-gpt2", "small-llama3", "ridge", 0.14, -0.08, 0.32, -0.41, 0.383, "cannot be told")
CHECK = Check("small-llama3, for llama3-8b", "after", "yes", False)
RESULTS = Results("SmolLM2 135M to Gemma 3 270M", SWEPT, [SMOL, TINY], [CHECK], [CARRIED], False)


def happened(results: Results, part: str) -> bool | None:
    return next(one.happened for one in answer(results).falsifiers if part in one.condition)


def test_the_short_form_has_the_score_the_length_and_what_is_shared():
    short = answer(RESULTS).in_short()
    assert "**3e-05** (wrong pairs 3.6e-05)" in short
    assert "divided by 1,000 it is **0.85** (wrong pairs 0.88), a change that moves no sound score" in short
    assert "more than 99 % of what varies is length, and the true pairs are not told from wrong ones" in short
    assert "in **1 of 1** pretrained models" in short
    assert "miniatures, which have met no such story, reach 0.22" in short
    assert "in **0 of 1** cases (1 cannot be told); it reaches at most 14% (-8% to 32%)" in short
    assert "(small-gpt2 to small-llama3; wrong pairs -41%)" in short


@pytest.mark.parametrize(
    ("part", "yes", "no"),
    [
        ("the published score of true pairs", {"swept": SWEPT._replace(above=True)}, {}),
        ("Sound scores know no length", {"swept": SWEPT._replace(moved=0.01)}, {}),
        ("Geometry is shared", {"alike": [SMOL._replace(shared="no")]}, {}),
        ("more than words", {"alike": [SMOL._replace(beyond_words="no")]}, {}),
        ("checks say nothing", {"checks": [CHECK._replace(tells=True)]}, {}),
        (
            "Vectors carry over",
            {"carried": [CARRIED._replace(verdict="no")]},
            {"carried": [CARRIED._replace(verdict="yes")]},
        ),
    ],
)
def test_every_falsifier_has_both_outcomes(part, yes, no):
    assert happened(replace(RESULTS, **yes), part) is True
    assert happened(replace(RESULTS, **no), part) is False


def test_what_cannot_be_told_is_said():
    open_ = SMOL._replace(shared="cannot be told", beyond_words="cannot be told")
    results = replace(RESULTS, alike=[open_], checks=[CHECK._replace(tells=None)])
    for part in ("Geometry is shared", "more than words", "checks say nothing", "Vectors carry over"):
        assert happened(results, part) is None, part
    nothing = replace(RESULTS, swept=None, alike=[], checks=[], carried=[])
    assert happened(nothing, "the published score of true pairs") is None
    assert len(answer(nothing).falsifiers) == 1
    assert "Too few contexts" in answer(replace(RESULTS, small=True)).finding


def test_a_sound_score_that_moves_is_said_to_move():
    moved = replace(RESULTS, swept=SWEPT._replace(moved=0.25, above=True))
    assert "moves sound scores too, by up to 0.25" in answer(moved).finding
    assert "the true pairs are above wrong ones" in answer(moved).finding


def test_tables_become_records():
    curve = pd.DataFrame([SMOL._asdict(), TINY._asdict()]).assign(
        recipe=["raw", "raw"], parameters=[1.3e8, 2e6]
    )
    assert alike_of(curve, "raw") == [TINY, SMOL]
    assert alike_of(curve, "other") == []
    table = pd.DataFrame({"check": ["after"], "answer": ["yes"], "tells": [False]}).astype({"tells": object})
    assert checks_of({"a": table}) == [Check("a", "after", "yes", False)]
    keys = {"source": "small-gpt2", "target": "small-llama3", "map": "ridge", "emotion": "mean"}
    verdicts = pd.DataFrame([{**keys, "p_holm": 0.383, "verdict": "cannot be told"}])
    shares = pd.DataFrame(
        [
            {**keys, "arm": "mapped", "share": 0.14, "low": -0.08, "high": 0.32},
            {**keys, "arm": "wrong", "share": -0.41, "low": -0.5, "high": -0.3},
        ]
    )
    assert carried_of(verdicts, shares, "mapped", "wrong") == [CARRIED]
