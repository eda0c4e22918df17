"""The answer of the chapter on scaling: every sentence and falsifier can come out either way."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from emotion_utils.answers.scaling import answer
from emotion_utils.scaling.results import Alike, Carried, Check, Joint, Results, joint_of
from emotion_utils.wider.lengths import SweepFindings

SWEPT = SweepFindings(3e-5, 3.6e-5, 0.85, 0.88, 3e-11, 0.85, None, 0.93, -2.0, 0.9999, 18, 0.9995, 2e-15)
SMOL = Alike("SmolLM2 135M", "Qwen3 8B", 0.80, 0.65, 0.94, 0.21, 0.001, 0.61, 0.21, 0.66, "yes", "yes")
TINY = Alike(
    "small-gpt2", "Qwen3 8B", 0.22, -0.1, 0.5, 0.19, 0.03, 0.1, 0.19, 0.66, "cannot be told", "cannot be told"
)
CARRIED = Carried("small-gpt2", "small-llama3", "ridge", 0.14, -0.08, 0.32, -0.41, 0.383, "cannot be told")
CHECK = Check("small-llama3, for llama3-8b", "after", "yes", False)
BLIND = SMOL._replace(one="small-gpt2-blind", other="SmolLM2 135M", value=0.65, low=0.47)
JOINT = Joint("probe", 0.92, 0.85, 0.02, 0.01)
RESULTS = Results(
    "SmolLM2 135M to Gemma 3 270M", SWEPT, [SMOL, TINY], [CHECK], [CARRIED], False, [False, False], 0.85, BLIND, (3, 4),
    "mean scores after the map: 0.6 and 0.2", [JOINT],
)  # fmt: skip


def happened(results: Results, part: str) -> bool | None:
    return next(one.happened for one in answer(results).falsifiers if part in one.condition)


def test_the_short_form_has_the_score_the_length_and_what_is_shared():
    short = answer(RESULTS).in_short()
    assert "**3e-05** (wrong pairs 3.6e-05)" in short
    assert (
        "divided by 1,000, **0.85** (wrong pairs 0.88): it follows length, over which sound scores stay"
        in short
    )
    assert "true pairs cannot be told from wrong ones (p = 0.93 of lying above at some length)" in short
    assert "in **1 of 1** pretrained models, where the words of the stories alone reach **0.85**" in short
    assert (
        "nothing to carry has 0.65 in common with SmolLM2 135M, so that not all that is shared is emotion"
        in short
    )
    said = "in **0 of 1** cases between miniatures (1 cannot be told), where it reaches 14% of the model's own effect."
    assert said in short
    said = "The reports' ranking, by the models that stand in: mean scores after the map: 0.6 and 0.2."
    assert said in answer(RESULTS).what_we_found()


def test_real_models_and_miniatures_are_told_apart():
    real = CARRIED._replace(source="smollm2-135m", target="gemma3-270m", share=0.5, verdict="yes")
    mixed = replace(RESULTS, carried=[CARRIED, real, real._replace(verdict="no", share=0.1)])
    short = answer(mixed).finding
    assert (
        "in **1 of 2** cases between real models (0 cannot be told), where it reaches 10% to 50% of" in short
    )
    assert "; and in **0 of 1** cases between miniatures (1 cannot be told)" in short
    assert happened(mixed, "Vectors carry over") is True
    # a run that is too small says nothing of its own pairs, and the record says what it says
    small = replace(mixed, small=True)
    assert "miniatures" not in answer(small).finding.split("A vector")[1]
    assert "**1 of 2** cases between real models" in answer(small).finding
    assert happened(small, "Vectors carry over") is True
    assert happened(replace(small, carried=[CARRIED, real]), "Vectors carry over") is None


def test_a_control_that_shares_nothing_and_shares_that_are_not_known():
    unknown = replace(
        RESULTS, blind=BLIND._replace(shared="no"), carried=[CARRIED._replace(share=float("nan"))]
    )
    short = answer(unknown).in_short()
    assert "not all that is shared" not in short
    assert "nan" not in short


@pytest.mark.parametrize(
    ("part", "yes", "no"),
    [
        (
            "the published score of true",
            {"swept": SWEPT._replace(above=True)},
            {"swept": SWEPT._replace(above=False)},
        ),
        ("Sound scores know no length", {"swept": SWEPT._replace(moved=0.01)}, {}),
        ("over the layers of a pair of stand-ins", {"overall": [None, True]}, {}),
        ("What is shared is emotion", {}, {"blind": BLIND._replace(shared="no")}),
        ("Axes hold", {}, {"axes": (4, 4)}),
        ("Geometry is shared", {"alike": [SMOL._replace(shared="no")]}, {}),
        ("more than words", {"alike": [SMOL._replace(beyond_words="no")]}, {}),
        ("checks say nothing", {"checks": [CHECK._replace(tells=True)]}, {}),
        ("Layers taken together", {"jointly": [JOINT, JOINT._replace(score="overlap", p_single=0.3)]}, {}),
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
    blind = BLIND._replace(shared="cannot be told")
    results = replace(
        RESULTS, alike=[open_], checks=[CHECK._replace(tells=None)], overall=[None, False], blind=blind
    )
    for part in (
        "of a pair of stand-ins",
        "What is shared",
        "the published score of true",
        "Geometry is shared",
        "more than words",
        "checks say nothing",
        "Vectors carry over",
    ):
        assert happened(results, part) is None, part
    nothing = Results("a to b", None, [], [], [], False)
    assert happened(nothing, "the published score of true pairs") is None
    assert len(answer(nothing).falsifiers) == 1
    assert "Too few contexts" in answer(replace(RESULTS, small=True)).finding


def test_a_sound_score_that_moves_is_said_to_move():
    moved = replace(RESULTS, swept=SWEPT._replace(moved=0.25, above=True))
    assert "sound scores move too, by up to 0.25" in answer(moved).finding
    assert "true pairs lie above wrong ones" in answer(moved).finding


def layers_at_once(overlap, probe):
    """A table of joint scores from two pairs of p: of all layers at once, and of the best pair of layers."""
    arrangements = ("all layers jointly", "best pair of layers", "jointly minus best pair")
    rows = [
        (score, arrangement, 0.9, 0.8, p)
        for score, both in (("r2", (0.001, 0.9)), ("overlap", overlap), ("probe", probe))
        for arrangement, p in zip(arrangements, (*both, 0.5), strict=True)
    ]
    return pd.DataFrame(rows, columns=["score", "arrangement", "value", "null", "p"])


@pytest.mark.parametrize(
    ("overlap", "probe", "said"),
    [
        ((0.02, 0.30), (0.50, 0.50), True),  # twice 0.02 is still small
        ((0.03, 0.30), (0.50, 0.50), False),  # and twice 0.03 is not
        ((0.01, 0.04), (0.01, 0.02), False),  # single layers show it too
        ((0.50, 0.50), (0.50, 0.50), False),
    ],
)
def test_what_only_layers_at_once_show_is_found_in_planted_scores(overlap, probe, said):
    found = joint_of(layers_at_once(overlap, probe))
    assert [one.score for one in found] == ["overlap", "probe"]  # r2 is of neutral rows
    part = "Layers taken together"
    assert happened(replace(RESULTS, jointly=found), part) is said
    assert happened(replace(RESULTS, jointly=found, small=True), part) is None
    assert not any(part in one.condition for one in answer(replace(RESULTS, jointly=[])).falsifiers)
