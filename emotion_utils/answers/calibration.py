"""What Chapter 0 answers: which methods keep their promise where the answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.calibration.findings import Causes, FalsePositives, Twin, Unrelated
from emotion_utils.calibration.overview import Kept
from emotion_utils.calibration.planted_findings import (
    Coverage,
    Dictionary,
    DirectionTests,
    Heads,
    Recovery,
    Repeated,
)
from emotion_utils.core.errors import listing

QUESTION = "Which methods keep what they promise where the answer is known?"
NEAR_CHANCE = 2.0
"""A value of at most so many times k/d is about k/d."""
MISSED, OFF = 0.01, 0.005
"""Distances from one, and from what was expected, that a cosine with a planted direction may have."""
NINE_IN_TEN = 0.9
HALF = 0.5


@dataclass(frozen=True)
class Results:
    """What the chapter computed, as the records that its sentences are filled from.

    Attributes
    ----------
    reported, unrelated
        The reports' score, and by scale of the second model the median of models that share nothing.
    causes, chance
        The published formula with its causes switched off, and k/d.
    apart, alarms, kept
        How well a formula's value tells shared from unshared; false positives of the sound pipeline and of all methods.
    twin, recovery, directions, dictionary, heads, coverage
        Of the sections of these names.
    repeated
        Committed numbers that were computed again.
    """

    reported: str
    unrelated: dict[str, float]
    causes: Causes
    chance: float
    apart: Unrelated
    alarms: FalsePositives
    kept: Kept
    twin: Twin
    recovery: Recovery
    directions: DirectionTests
    dictionary: Dictionary
    heads: Heads
    coverage: Coverage
    repeated: Sequence[Repeated]


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    points = (
        _published(results),
        _kept(results),
        _found(results),
        f"As a detector of common structure the published formulas reach an AUROC of {results.apart.least:.2f} to "
        f"{results.apart.most:.2f}, where one half is chance.",
        f"Intervals hold the truth in {results.coverage.few_least:.1%} to {results.coverage.few_most:.1%} of cases "
        "with the fewest units for which one is given.",
    )
    return Answer(QUESTION, " ".join(points[:3]), _falsifiers(results), points)


def _published(results: Results) -> str:
    said = listing(f"**{value:.2f}** at {scale}" for scale, value in results.unrelated.items())
    return (
        f"Two models that share nothing score {said} by the published formula; the reports print "
        f"{results.reported}."
    )


def _kept(results: Results) -> str:
    kept = results.kept
    n = kept.tested - len(kept.exceeding)
    text = f"**{n} of {kept.tested}** tests of this book keep their level of 5 % where nothing is there"
    if not kept.exceeding:
        return f"{text}."
    others = listing(f"{name} ({rate:.0%})" for name, rate, _ in kept.exceeding)
    return f"{text}; too often something is found by {others}."


def _found(results: Results) -> str:
    heads = results.heads
    return (
        f"Of what is planted, a rotated twin is found with an overlap of {results.twin.overlap:.3f}, a direction "
        f"with a cosine of {results.recovery.cosine:.3f}, a head in 95 % of models or more by {heads.sure} of "
        f"{heads.causal} causal methods and in {heads.attention:.0%} by its attention."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    kept, causes, alarms = results.kept, results.causes, results.alarms
    return (
        Falsifier(
            "*The tests keep their level*: more lower bounds of false positives above 5 % than the one in forty that "
            "chance gives",
            len(kept.exceeding) > kept.expected,
            f"{len(kept.exceeding)} of {kept.tested}, chance {kept.expected:.1f}",
        ),
        Falsifier(
            "*Three causes explain the score*: more than twice k/d with all three switched off",
            causes.flat > NEAR_CHANCE * results.chance,
            f"{causes.flat:.4f} against {results.chance:.4f}",
        ),
        Falsifier(
            "*The sound pipeline keeps its level*: a lower bound above 5 % where nothing is shared",
            alarms.above > 0,
            f"{alarms.above} of {alarms.rates} rates, {alarms.least:.1%} to {alarms.most:.1%}",
        ),
        *_planted(results),
        Falsifier(
            "*Intervals keep their promise*: coverage below 93 %",
            results.coverage.below > 0,
            f"{results.coverage.below} of {results.coverage.rates} rates",
        ),
        Falsifier(
            "*The committed table is true*: a p that moves by more than a step, or another number by more than 1 %",
            not all(one.holds for one in results.repeated),
            f"{sum(one.numbers + one.others for one in results.repeated)} numbers computed again",
        ),
    )


def _planted(results: Results) -> list[Falsifier]:
    twin, recovery, tests, heads = results.twin, results.recovery, results.directions, results.heads
    learned, nothing = results.dictionary.learned, results.dictionary.nothing
    return [
        Falsifier(
            "*A map finds a rotated twin*: an overlap that misses one by more than a thousandth, or, with noise, fewer "
            "than nine draws of ten",
            not twin.holds or twin.found < NINE_IN_TEN,
            f"overlap {twin.overlap:.6f}; {twin.found:.0%} of {twin.draws} draws",
        ),
        Falsifier(
            "*A difference of means finds a direction*: a cosine that misses one by more than a hundredth, or what was "
            "expected by more than five thousandths",
            recovery.cosine < 1 - MISSED or recovery.off > OFF,
            f"{recovery.cosine:.3f}, off by {recovery.off:.4f}",
        ),
        Falsifier(
            "*The tests of Chapter 3 keep their level*: a lower bound above 5 % where nothing, or one "
            "direction, was planted",
            tests.above > 0,
            f"{tests.above} of {tests.rates} lower bounds",
        ),
        Falsifier(
            "*A dictionary is found*: half of the atoms in most draws where there are none, or not at the least noise",
            bool(nothing["rate"] > HALF or learned["rate"] < HALF),
            f"{learned['rate']:.0%} of draws with atoms, {nothing['rate']:.0%} without",
        ),
        Falsifier(
            "*Causal methods find the head*: the planted head first in fewer than 95 of 100 models, for any of them",
            heads.sure < heads.causal,
            f"{heads.sure} of {heads.causal} methods do; the least is {heads.least} with {heads.least_rate:.0%}",
        ),
        Falsifier(
            "*The test of heads keeps its level*: a lower bound above 5 % for whole units",
            heads.above > 0,
            f"{heads.above} of {heads.rates} lower bounds",
        ),
    ]
