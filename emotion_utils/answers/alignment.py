"""What Chapter 4 answers: what the published score is worth, and what two models share all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emotion_utils.alignment.all_pairs import SCORES
from emotion_utils.alignment.findings import AllPairs, ChosenK, Depths, Difference, NoEmotion, Similar
from emotion_utils.alignment.map_findings import BesideRidge, PublishedFindings, PublishedGap
from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.core.errors import listing
from emotion_utils.record.recorded import Recorded
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.subspaces.findings import NeutralVariance, RawOverlap

QUESTION = "Does the published score show that two language models share an emotion geometry, and do they?"
PUBLISHED = "published score of Phase 3.5; null: wrong pairs"
"""The finding by which the record keeps the published score."""
PARTIAL = "RSA, partial"
"""The score without a map that words are taken out of."""
SMALLEST_MOVE = 0.01
"""A score that another unit of one model moves by less is called unmoved."""


@dataclass(frozen=True)
class Results:
    """What the chapter computed, as the records that its sentences are filled from.

    Attributes
    ----------
    models
        The two whose published score leads the page.
    published, gap
        Of these two, and the means over all ordered pairs.
    raw
        Overlaps before any map; empty where no two models have one width.
    specific
        Neutral variance of emotion subspaces; None where there are no triples.
    sound
        One per score.
    depths, maps, neutral, chosen
        Of the sections on layers, kinds of maps, neutral prompts and the number of dimensions.
    beside, alike
        Trained models minus controls, by map and without one.
    similar
        RSA of trained pairs.
    record
        The published score on real models.
    enough
        Whether there are units enough for intervals.
    """

    models: Sequence[str]
    published: PublishedFindings
    gap: PublishedGap
    raw: Sequence[RawOverlap]
    specific: NeutralVariance | None
    sound: Sequence[AllPairs]
    depths: Sequence[Depths]
    maps: BesideRidge
    neutral: NoEmotion
    beside: Mapping[str, Sequence[Difference]]
    similar: Similar
    alike: Mapping[str, Sequence[Difference]]
    chosen: ChosenK
    record: Sequence[Recorded] = ()
    enough: bool = True

    @property
    def shared(self) -> list[AllPairs]:
        """Scores that all pairs together reach and wrong pairs do not."""
        return [one for one in self.sound if one.shared]


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    finding = f"{_published(results)} {_shared(results)}"
    points = (_published(results), _pairs(results), _similar(results), _controls(results), _neutral(results))
    return Answer(QUESTION, finding, _falsifiers(results), tuple(point for point in points if point))


def _published(results: Results) -> str:
    one = results.published.phase35
    reached = (
        f"wrong pairs reach it in {one.p:.0%} of all pairings, so that it cannot be told from chance"
        if one.p > LEVEL
        else f"wrong pairs reach it in {one.p:.1%} of all pairings: here it lies above chance"
    )
    real = "; ".join(f"on {row.model} {row.value:.3f} and {row.null:.3f}" for row in results.record)
    return (
        f"The published score of {listing(results.models)} is **{one.after:.3f}**, with wrong pairs of sentences "
        f"**{one.permuted:.3f}**: {reached}" + (f" (the record: {real})." if real else ".")
    )


def _shared(results: Results) -> str:
    if not results.enough:
        return "Too few prompts were read to say what the models share: these numbers only show that the code runs."
    shared, one = results.shared, results.similar
    maps = listing(f"{SCORES[s.score]} {s.value.mean:.2f} (wrong pairs {s.null:.2f})" for s in shared)
    geometry = f"similarity of prompts without a map (RSA) {one.value:.2f}, words alone {one.words:.2f}"
    n = results.sound[0].n
    if shared:
        return (
            f"By sound scores something is shared all the same: {maps}, means of {n} ordered pairs of models, each p ≤ "
            f"{max(s.pooled for s in shared):.2g}; {geometry}. {_which(results)}"
        )
    return f"No sound score of {n} ordered pairs of models lies above wrong pairs (p > {LEVEL}); {geometry}."


def _which(results: Results) -> str:
    """Whether what is shared is emotion, by the control that has met none."""
    name, gains = _first(results.beside)
    by_map = [SCORES[one.score] for one in gains if one.above]
    without = results.alike.get(name, ())
    above = sum(one.above for one in without)
    return (
        f"Trained models share more with each other than with the control *{name}* by "
        f"{listing(by_map) if by_map else 'none of the scores'} of a map, and by {above} of {len(without)} measures "
        "without one."
    )


def _first(controls: Mapping[str, Sequence[Difference]]) -> tuple[str, Sequence[Difference]]:
    return next(iter(controls.items()))


def _pairs(results: Results) -> str:
    """Each score with its correction and, where it is large and seldom beyond chance, both said together."""
    if not results.enough:
        return ""
    parts = []
    for one in results.sound:
        part = (
            f"*{SCORES[one.score]}*: p = {one.pooled:.2g} for all pairs together; by itself, corrected for all, "
            f"**{one.corrected} of {one.n}** stand out"
        )
        if one.calibrated == one.calibrated:  # NaN where no ceiling lies above its null
            part += f"; calibrated {one.calibrated:.2f}"
            part += f", though {one.n - one.small} of {one.n} have p > {LEVEL}" if one.small < one.n else ""
        parts.append(part)
    return f"By sound scores: {'. '.join(parts)}."


def _similar(results: Results) -> str:
    one = results.similar
    above = "above" if one.partial > one.null_high else "not above"
    return (
        f"Without a map the models' geometries correlate by {one.value:.2f} (RSA); what words share taken out, "
        f"{one.partial:.2f}, {above} what permuted prompts reach ({one.null_high:.2f})."
    )


def _controls(results: Results) -> str:
    if not results.enough:
        return ""
    kinds = (("by a map", results.beside), ("without one", results.alike))
    said = [
        f"{how}, beside *{name}*: {sum(one.above for one in gains)} of {len(gains)} intervals lie above 0"
        for how, table in kinds
        for name, gains in table.items()
    ]
    return f"Trained pairs minus pairs with a control, {'; '.join(said)}."


def _neutral(results: Results) -> str:
    one = results.neutral
    return (
        f"The overlap of mapped subspaces exceeds its null by {one.emotion.mean:+.3f} with labels and by "
        f"{one.plain.mean:+.3f} with other texts in their place; it is larger with labels in "
        f"{one.leads} of {one.n} pairs."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    one = results.published.phase35
    numbers = f"{one.after:.3f} against {one.permuted:.3f}, p = {one.p:.2g}"
    doubted = Falsifier(
        "a published score of the true pairs that wrong pairs reach in at most one draw of twenty",
        one.p <= LEVEL,
        numbers,
    )
    spread = max(scaled.highest - scaled.lowest for scaled in results.published.scaled)
    unmoved = Falsifier(
        "a published score that stays as it is when one model's states are multiplied by a constant",
        spread < SMALLEST_MOVE,
        f"it moves by up to {spread:.2f}",
    )
    every = [doubted, unmoved, _raw(results), *_specific(results), *_sound(results)]
    return (
        *every,
        _emotional(results),
        *_training(results),
        _geometry(results),
        *_trained(results),
        _k(results),
    )


def _raw(results: Results) -> Falsifier:
    corrected = sum(one.corrected for one in results.raw)
    n = sum(one.n for one in results.raw)
    return Falsifier(
        "*No common axes*: a pair of models beyond the random rotations, corrected for all pairs",
        corrected > 0 if results.raw else None,
        f"{corrected} of {n} overlaps over all k" if results.raw else "no two models have the same width",
    )


def _specific(results: Results) -> list[Falsifier]:
    one = results.specific
    if one is None:
        return []
    others = sum(control.corrected for control in one.controls)
    return [
        Falsifier(
            "*Emotions have directions of their own*: an overlap as high as that of a second neutral clause, or one "
            "that is as low in the controls",
            (one.corrected == 0 or others > 0) if results.enough else None,
            f"{one.value:.2f} against {one.reference:.2f}; {one.corrected} of {one.n} lie lower, corrected for all"
            f" ({others} in controls)",
        )
    ]


def _sound(results: Results) -> list[Falsifier]:
    scores = "; ".join(f"{SCORES[one.score]} p = {one.pooled:.2g}" for one in results.sound)
    r2 = next(one for one in results.depths if one.score == "r2")
    maps = results.maps
    return [
        Falsifier(
            "*A shared structure*: no score whose mean over all pairs is beyond that of wrong pairs",
            not results.shared if results.enough else None,
            scores,
        ),
        Falsifier(
            "*Layers of equal depth correspond*: equal depth is better in no more than half of the pairs",
            r2.better <= r2.n / 2 if results.enough else None,
            f"held-out R², minus its null: better in {r2.better} of {r2.n}",
        ),
        Falsifier(
            "*A better map finds more*: no other kind stands out where the ridge does not, corrected for all",
            maps.gained == 0 if results.enough else None,
            f"{maps.gained} of {maps.n_without} do",
        ),
    ]


def _emotional(results: Results) -> Falsifier:
    one = results.neutral
    return Falsifier(
        "*An emotional overlap*: an excess over the null that is as large without any emotion in most pairs",
        one.says_nothing if results.enough else None,
        f"larger with emotion in {one.leads} of {one.n} pairs",
    )


def _training(results: Results) -> list[Falsifier]:
    return _intervals(
        "*Training makes models alike in their emotions*: an interval of the overlap or the probe that reaches 0",
        {name: [one for one in own if one.score != "r2"] for name, own in results.beside.items()},
        results.enough,
    )


def _trained(results: Results) -> list[Falsifier]:
    return _intervals(
        "*A similarity that training made*: an interval that reaches 0", results.alike, results.enough
    )


def _intervals(condition: str, controls: Mapping[str, Sequence[Difference]], enough: bool) -> list[Falsifier]:
    counts = "; ".join(
        f"beside *{name}* {sum(not one.above for one in own)} of {len(own)}" for name, own in controls.items()
    )
    missing = any(not one.above for own in controls.values() for one in own)
    return [Falsifier(condition, missing if enough else None, f"they reach 0 {counts}")]


def _geometry(results: Results) -> Falsifier:
    """Permuted prompts are too weak a null where words are shared (Chapter 0): the first control decides with them."""
    one, (name, gains) = results.similar, _first(results.alike)
    beyond = [gain.above for gain in gains if gain.score == PARTIAL]
    reached = one.partial <= one.null_high
    return Falsifier(
        f"*Geometries agree beyond the words*: a partial similarity that permuted prompts reach, or no more of it than "
        f"with the control *{name}*",
        True if reached else (not all(beyond)) if results.enough else None,
        f"{one.partial:.2f}, permuted prompts {one.null_high:.2f}; "
        + "; ".join(
            f"more than with the control by {gain.difference:+.2f}{between(gain.low, gain.high, '+.2f')}"
            for gain in gains
            if gain.score == PARTIAL
        ),
    )


def _k(results: Results) -> Falsifier:
    one = results.chosen
    return Falsifier(
        "*A right k*: choices that change with the prompts or the pair, or no pair that stands out, corrected for all",
        (not one.one_for_all or one.corrected == 0) if results.enough else None,
        f"k = {one.k} in {one.chosen} of {one.n} pairs and {one.again:.0%} of resamples; {one.corrected} stand out",
    )
