"""What Chapter 3 answers follows its numbers, on invented results at both ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils.answers.vectors import Neurons, Results, answer, summarise_angle
from emotion_utils.vectors.findings import (
    BesideModels,
    BesideWords,
    Growth,
    Keywords,
    MeanAngles,
    NamesHeld,
    Promoted,
)
from emotion_utils.vectors.logit_lens import OwnNames

NAN = float("nan")
SCORED = BesideWords("implicit", "sentence end", 0.91, 0.87, 0.94, 0.6, 0.31, 0.2, 0.41, 0.61, 0.002)
FEW = SCORED._replace(low=NAN, high=NAN, gain_low=NAN, gain_high=NAN)
NAMES = NamesHeld("minus neutral", 0.55, 0.5, 0.7, ("gratitude",), ("anger", "apology"))
ANGLE = MeanAngles("end", 0.8, 0.7, 0.9, 0.48, 0.91, 0.01, 0.005, 0.38, 3, 0, 2, 3)
RESULTS = Results(
    model="a model",
    told="implicit",
    scored=SCORED,
    names=[NAMES, NAMES._replace(made="centred", lost=())],
    angles=[ANGLE],
    growth=[Growth("end", 4.3, 6.1, 0, 0.35, 0.2)],
    promoted=Promoted((Keywords("anger", 0.7, 0.8, 0.09), Keywords("apology", 0.9, 0.8, 0.01)), 1),
    own_names=None,
    neurons=[Neurons("anger", 7, 0.05, 0.07)],
    beside=BesideModels("implicit", 6, 0.78, 0.99, 6, 0.55, 0.51, 0.6, 0.01, 0.6, 6, 0.86, 4),
)


def happened(results: Results, part: str) -> bool | None:
    (one,) = [one for one in answer(results).falsifiers if part in one.condition]
    return one.happened


def test_vectors_stand_beside_words_first_and_then_beside_other_emotions():
    short = answer(RESULTS).in_short()
    assert (
        "AUROC of **0.91** (0.87 to 0.94), a bag of words that was trained on the same prompts with **0.60**"
        in short
    )
    assert "+0.31 (+0.20 to +0.41; p = 0.002), more than words tell." in short
    assert "They hardly know which label it is: against the others their AUROC is 0.55" in short
    assert "the name holds for 1 of 3" in short
    assert "scores 0.86, and **4 of 6** models are above that" in short
    assert "**It did not**: difference +0.31" in short


@pytest.mark.parametrize(
    ("scored", "says"),
    [
        (SCORED._replace(gain_low=-0.1), "which is not more than words tell"),
        (SCORED._replace(p=0.06), "which exchanged labels reach"),
    ],
)
def test_what_words_or_chance_reach_is_said_to_be_so(scored, says):
    found = replace(RESULTS, scored=scored)
    assert says in answer(found).finding
    assert happened(found, "more than words*: a score") is True


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (NAMES._replace(mean=0.7), "They know in part which label it is"),
        (NAMES._replace(mean=0.9, lost=()), "They know which label it is"),
        (
            NAMES._replace(mean=0.9, held=(), lost=()),
            "They know in part",
        ),  # no interval says that a name holds
    ],
)
def test_how_well_they_know_which_follows_the_others(names, says):
    assert says in answer(replace(RESULTS, names=[names])).finding


@pytest.mark.parametrize(
    ("part", "wrong", "right"),
    [
        ("measures more than words", {}, {"beside": RESULTS.beside._replace(apart=0)}),
        ("stands for its own label", {"names": [NAMES._replace(lost=())]}, {}),
        ("share a direction", {}, {"angles": [ANGLE._replace(p_no=0.06)]}),
        ("grow with depth", {"growth": [Growth("end", 6.0, 4.0, 3, 0.3, 0.2)]}, {}),
        ("promote fitting words", {"promoted": Promoted(RESULTS.promoted.emotions, 2)}, {}),
        ("Single neurons", {"neurons": [Neurons("anger", 7, 0.08, 0.07)]}, {}),
    ],
)
def test_every_falsifier_has_both_outcomes(part, wrong, right):
    assert happened(replace(RESULTS, **wrong), part) is False
    assert happened(replace(RESULTS, **right), part) is True


def test_a_cosine_below_that_of_no_emotion_is_no_common_direction():
    assert (
        happened(replace(RESULTS, angles=[ANGLE._replace(value=0.1, p_no=0.001)]), "share a direction")
        is True
    )


def test_all_pairs_at_once_come_before_single_pairs():
    said = summarise_angle(ANGLE, control=True)
    assert (
        "average **0.80** (0.70 to 0.90); without any emotion they would average 0.48 (**p = 0.01**" in said
    )
    assert "distance of 0.38 in four of five cases); with one emotion for all 0.91 (p = 0.005)" in said
    assert said.endswith(
        "0 of 3 pairs differ from no emotion, and 2 lie below one emotion (in the control 3)."
    )
    alone = summarise_angle(ANGLE._replace(low=NAN, one_emotion=NAN), control=False)
    assert "nan" not in alone
    assert alone.endswith("0 of 3 pairs differ from no emotion.")


def test_neurons_that_do_not_respond_write_nothing():
    assert happened(replace(RESULTS, neurons=[Neurons("anger", 0, 0.2, 0.1)]), "Single neurons") is True


def test_with_too_few_units_it_cannot_be_said():
    few = replace(RESULTS, scored=FEW, names=[NAMES._replace(held=(), lost=())])
    assert "too few units for an interval" in answer(few).finding
    for part in ("more than words*: a score", "measures more than words", "stands for its own label"):
        assert happened(few, part) is None
    alone = replace(few, angles=[ANGLE._replace(low=NAN, high=NAN)])
    assert happened(alone, "share a direction") is None
    assert "nan" not in answer(alone).what_we_found().lower()
    nothing = replace(few, scored=None, names=[], promoted=Promoted((), 0), neurons=[], beside=None)
    assert "Too few prompts were read" in answer(nothing).finding
    assert happened(nothing, "promote fitting words") is None


@pytest.mark.parametrize("p", [0.01, 0.5])
def test_own_labels_are_asked_by_their_names(p):
    own = OwnNames(0.8, 0.5, 0.7, p, 4)
    found = replace(RESULTS, promoted=None, own_names=own, beside=None)
    assert happened(found, "name their labels") is (not own.above)
    assert "logit lens" not in answer(found).what_we_found()
