"""What Chapter 4 answers follows its numbers, on invented results at both ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils.alignment.findings import AllPairs, ChosenK, Depths, Difference, NoEmotion, Similar, Spread
from emotion_utils.alignment.map_findings import (
    BesideRidge,
    Published,
    PublishedFindings,
    PublishedGap,
    Scaled,
)
from emotion_utils.answers.alignment import Results, answer
from emotion_utils.record.recorded import Recorded
from emotion_utils.subspaces.findings import NeutralVariance, RawOverlap, Reader

NAN = float("nan")


def published(after: float = 0.83, permuted: float = 0.85, p: float = 0.86, lowest: float = 0.1):
    one = Published(10, 0.007, 0.0078, after, permuted, p)
    return PublishedFindings(one, one, one, None, (Scaled("Phase 3.5", lowest, 0.998),))


def sound(score: str, p: float, corrected: int = 1, calibrated: float = 0.71) -> AllPairs:
    return AllPairs(score, Spread(0.84, 0.6, 0.9), 0.71, 0.9, calibrated, 30, p, corrected, 12, 1.5, 30)


def gains(low: float) -> list[Difference]:
    return [Difference(score, 0.2, low, 0.4, 0.1) for score in ("r2", "overlap", "probe")]


def similarity_gains(low: float) -> list[Difference]:
    return [Difference(score, 0.2, low, 0.4, 0.1) for score in ("RSA", "RSA, partial")]


RESULTS = Results(
    models=["one", "other"],
    published=published(),
    gap=PublishedGap(0.93, 0.94, -0.01),
    raw=[RawOverlap(10, 0.08, 0.08, 0.3, 0.3, 0.02, 0, 1, 15)],
    specific=NeutralVariance(0.27, 0.28, 0, 3, 18, 0.9, (), (Reader("blind", 0, 3),)),
    sound=[sound("r2", 0.001), sound("overlap", 0.2), sound("probe", 0.03)],
    depths=[Depths("r2", 0.5, 0.4, 25, 30)],
    maps=BesideRidge(0, 20, 1, 10),
    neutral=NoEmotion(Spread(0.01, 0.0, 0.1), Spread(0.02, 0.0, 0.1), 0, 1, 12, 30),
    beside={"blind": gains(-0.1), "untrained": gains(0.1)},
    similar=Similar(0.45, 0.33, 0.39, 0.08, 15, 15, 15),
    alike={"blind": similarity_gains(0.1)},
    chosen=ChosenK(2, 0.9, (0.3, 0.4), 2, 1.1, 22, 30, 0.64, 0, 3, 1.5, False),
    record=[Recorded("two real models", 1.0, 0.9998)],
)


def happened(results: Results, part: str) -> bool | None:
    (one,) = [one for one in answer(results).falsifiers if part in one.condition]
    return one.happened


def test_wrong_pairs_come_first_and_what_is_shared_second():
    short = answer(RESULTS).in_short()
    assert "is **0.830**, with wrong pairs of sentences **0.850**" in short
    assert "cannot be told from chance (the record: on two real models 1.000 and 1.000)" in short
    assert "held-out R² 0.84 (wrong pairs 0.71) and transferred probe 0.84" in short  # the overlap is not
    assert "each p ≤ 0.03" in short
    assert (
        "Trained models share more with each other than with the control *blind* by none of the scores of a map, "
        "and by 2 of 2 measures" in short
    )
    assert "**It did not**: 0.830 against 0.850, p = 0.86" in short


def test_a_score_above_wrong_pairs_is_said_to_be():
    above = replace(RESULTS, published=published(0.9, 0.5, 0.01), record=())
    assert "here it lies above chance." in answer(above).in_short()
    assert happened(above, "true pairs that wrong pairs reach") is True


@pytest.mark.parametrize(
    ("part", "wrong", "right"),
    [
        ("stays as it is", {}, {"published": published(lowest=0.99)}),
        ("No common axes", {}, {"raw": [RESULTS.raw[0]._replace(corrected=2)]}),
        ("Emotions have directions", {"specific": RESULTS.specific._replace(corrected=4)}, {}),
        (
            "A shared structure",
            {},
            {"sound": [sound("r2", 0.06), sound("overlap", 0.2), sound("probe", 0.3)]},
        ),
        ("Layers of equal depth", {}, {"depths": [Depths("r2", 0.4, 0.4, 15, 30)]}),
        ("A better map", {"maps": BesideRidge(1, 20, 0, 10)}, {}),
        ("An emotional overlap", {"neutral": RESULTS.neutral._replace(leads=16)}, {}),
        ("Training makes models alike", {"beside": {"blind": gains(0.1)}}, {}),
        ("Geometries agree", {}, {"similar": RESULTS.similar._replace(partial=0.08)}),
        ("A similarity that training made", {}, {"alike": {"blind": similarity_gains(-0.1)}}),
        ("Geometries agree", {}, {"alike": {"blind": similarity_gains(-0.1)}}),
        ("A right k", {"chosen": RESULTS.chosen._replace(one_for_all=True, corrected=1)}, {}),
    ],
)
def test_every_falsifier_has_both_outcomes(part, wrong, right):
    assert happened(replace(RESULTS, **wrong), part) is False
    assert happened(replace(RESULTS, **right), part) is True


def test_a_subspace_that_is_as_low_in_a_control_is_no_emotion():
    low = RESULTS.specific._replace(corrected=4, controls=(Reader("blind", 1, 3),))
    assert happened(replace(RESULTS, specific=low), "Emotions have directions") is True


def test_nothing_shared_is_said_to_be_nothing():
    none = replace(RESULTS, sound=[sound("r2", 0.06), sound("overlap", 0.2), sound("probe", 0.3)])
    assert "No sound score of 30 ordered pairs of models lies above wrong pairs" in answer(none).finding


def test_more_than_a_control_is_said_in_which_score():
    ours = replace(RESULTS, beside={"untrained": gains(0.1)})
    assert (
        "than with the control *untrained* by held-out R², overlap and transferred probe of a map"
        in answer(ours).finding
    )


def test_a_high_calibrated_score_is_said_with_the_pairs_that_do_not_stand_out():
    found = answer(RESULTS).what_we_found()
    assert "**1 of 30** stand out; calibrated 0.71, though 18 of 30 have p > 0.05" in found
    every = replace(RESULTS, sound=[sound("r2", 0.01)._replace(small=30)])
    assert "calibrated 0.71." in answer(every).what_we_found()
    without = replace(RESULTS, sound=[sound("r2", 0.01, calibrated=NAN)])
    assert "calibrated" not in answer(without).what_we_found()


def test_with_too_few_units_it_cannot_be_said():
    few = answer(replace(RESULTS, enough=False))
    assert "Too few prompts were read" in few.finding
    said = {one.happened for one in few.falsifiers if "*" in one.condition}
    assert said == {None, False}  # overlaps of all pairs have their own null
    reached = replace(RESULTS, enough=False, similar=RESULTS.similar._replace(partial=0.01))
    assert happened(reached, "Geometries agree") is True
    assert "Trained pairs" not in few.what_we_found()


def test_own_texts_have_no_triples_and_models_may_have_no_common_width():
    own = replace(RESULTS, specific=None, raw=[])
    assert not [one for one in answer(own).falsifiers if "directions of their own" in one.condition]
    assert happened(own, "No common axes") is None
