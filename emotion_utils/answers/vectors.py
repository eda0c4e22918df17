"""What Chapter 3 answers: what emotion vectors read beyond words, and whether they know which emotion it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emotion_utils.answers.answer import Answer, Falsifier, capital
from emotion_utils.answers.dataset import IMPLICIT
from emotion_utils.core.errors import listing
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.vectors.findings import (
    PLACES,
    BesideModels,
    BesideWords,
    Growth,
    MeanAngles,
    NamesHeld,
    Promoted,
)
from emotion_utils.vectors.logit_lens import OwnNames

QUESTION = "What does an emotion vector read that words do not tell, and does it know which emotion it is?"
HARDLY = 0.6
"""A mean AUROC against the other emotions below this is called hardly knowing which."""
COLUMNS = {
    "low": "from",
    "high": "to",
    "null": "labels exchanged",
    "null_high": "labels exchanged, 95 %",
    "words": "bag of words",
    "gain": "vector minus words",
    "gain_low": "gain from",
    "gain_high": "gain to",
    "n": "prompts",
    "n_units": "units",
    "made": "vector is",
    "vector": "vector of",
    "holds": "name holds",
    "reading": "read at",
    "no_emotion": "no emotion",
    "no_emotion_low": "no emotion, from",
    "no_emotion_high": "no emotion, to",
    "one_emotion": "one emotion",
    "one_emotion_low": "one emotion, from",
    "one_emotion_high": "one emotion, to",
    "p_no": "p, no emotion",
    "p_one": "p, one emotion",
    "least": "least distance found",
    "scale": "residual norm",
    "relative": "L2 / residual norm",
    "l1": "L1",
    "l2": "L2",
    "agreement_null": "agreement, labels permuted",
    "of": "neurons in all",
    "t": "response (t)",
}
"""What the columns of the chapter's tables are called on its page."""


class Neurons(NamedTuple):
    """Neurons of one emotion that respond beyond the threshold; agreement with alignment, and of permuted labels."""

    emotion: str
    exceeding: int
    agreement: float
    null: float


@dataclass(frozen=True)
class Results:
    """What the chapter computed, as the records that its sentences are filled from.

    Attributes
    ----------
    model
        What a reader calls it.
    told
        The set that decides: *implicit*, or a reader's own.
    scored
        Sentence-end vectors on that set beside the bag of words; None where nothing was scored.
    names
        Vectors against the other emotions on that set, the reports' kind first.
    angles, growth
        By place.
    promoted, own_names
        Keywords under the logit lens, and of own labels their names; None where the other was asked, or neither.
    neurons
        By emotion.
    beside
        Other models and the control; None beside own texts.
    """

    model: str
    told: str
    scored: BesideWords | None
    names: Sequence[NamesHeld]
    angles: Sequence[MeanAngles]
    growth: Sequence[Growth]
    promoted: Promoted | None
    own_names: OwnNames | None
    neurons: Sequence[Neurons]
    beside: BesideModels | None

    @property
    def above(self) -> bool | None:
        """Whether the vectors read more than words, and more than exchanged labels; None without an interval."""
        one = self.scored
        return None if one is None or one.gain_low != one.gain_low else one.above and one.beyond


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    short = (_read(results), _which(results), _beside(results))
    points = (*short, _angles(results), _growth(results), _writes(results))
    return Answer(
        QUESTION,
        " ".join(part for part in short if part),
        _falsifiers(results),
        tuple(point for point in points if point),
    )


def _read(results: Results) -> str:
    one, above = results.scored, results.above
    if one is None:
        return "Too few prompts were read to score a vector: this run only shows that the code runs."
    means = ", whose texts name no emotion," if results.told == IMPLICIT else ""
    text = (
        f"On *{results.told}*{means} the sentence-end vectors of {results.model} tell prompts apart with an AUROC of "
        f"**{one.value:.2f}**"
    )
    if above is None:
        return f"{text}, a bag of words with **{one.words:.2f}**; these are too few units for an interval."
    more = (
        "more than words tell"
        if above
        else "which is not more than words tell"
        if not one.above
        else "which exchanged labels reach"
    )
    return (
        f"{text} ({one.low:.2f} to {one.high:.2f}), a bag of words that was trained on the same prompts with "
        f"**{one.words:.2f}**: {one.gain:+.2f} ({one.gain_low:+.2f} to {one.gain_high:+.2f}; p = {one.p:.2g}), {more}."
    )


def _which(results: Results) -> str:
    """Against the other emotions, by the reports' kind of vector."""
    if not results.names:
        return ""
    one = results.names[0]
    judged = len(one.held) + len(one.lost)
    held = f"; the name holds for {len(one.held)} of {judged}" if judged else ""
    knows = (
        "They hardly know which label it is"
        if one.mean < HARDLY
        else "They know in part which label it is"
        if one.lost or not judged
        else "They know which label it is"
    )
    return f"{knows}: against the others their AUROC is {one.mean:.2f} on average, where one half is chance{held}."


def _beside(results: Results) -> str:
    one = results.beside
    if one is None or results.above is None:
        return ""
    return (
        f"The control that has nothing to carry scores {one.control:.2f}; a bag of words trained on such prompts "
        f"themselves scores {one.rival:.2f}, and **{one.ahead} of {one.n}** models are above that, by the interval of "
        "the difference."
    )


def _angles(results: Results) -> str:
    said = [
        f"at the {PLACES[one.place]} {one.value:.2f}{between(one.low, one.high)}, without any emotion "
        f"{one.no_emotion:.2f} (p = {one.p_no:.2g})"
        for one in results.angles
    ]
    return f"The vectors' mean cosine is {'; '.join(said)}." if said else ""


def summarise_angle(one: MeanAngles, *, control: bool) -> str:
    """The mean cosine at one place beside its nulls: all pairs at once first, then single pairs, corrected.

    Parameters
    ----------
    one
    control
        Whether the control was read too.
    """
    both = one.one_emotion == one.one_emotion  # NaN without a reference label
    single = f"; with one emotion for all {one.one_emotion:.2f} (p = {one.p_one:.2g})" if both else ""
    below = f", and {one.below} lie below one emotion" if both else ""
    also = f" (in the control {one.control_below})" if both and control else ""
    return (
        f"At the {PLACES[one.place]} the cosines average **{one.value:.2f}**{between(one.low, one.high)}; without any "
        f"emotion they would average {one.no_emotion:.2f} (**p = {one.p_no:.2g}** for all pairs at once, which finds a "
        f"distance of {one.least:.2f} in four of five cases){single}. Singly, corrected for all, {one.apart} of "
        f"{one.n} pairs differ from no emotion{below}{also}."
    )


def _growth(results: Results) -> str:
    said = [
        f"at the {PLACES[one.place]} the vectors become {one.raw:.1f} times as long from first to last layer, the "
        f"residual stream {one.residual:.1f} times"
        for one in results.growth
    ]
    return f"{capital('; '.join(said))}." if said else ""


def _writes(results: Results) -> str:
    one = results.promoted
    if one is None or not one.emotions:
        return ""
    n = len(one.emotions)
    return f"Under the logit lens {one.passed} of {n} vectors promote their keywords beyond permuted labels."


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    one, beside = results.scored, results.beside
    decided = (
        "nothing was scored"
        if one is None
        else f"difference {one.gain:+.2f} ({one.gain_low:+.2f} to {one.gain_high:+.2f}), p = {one.p:.2g}"
        if results.above is not None
        else "too few units for an interval"
    )
    every = [
        Falsifier(
            f"*Vectors read more than words*: a score on *{results.told}* inside its null, or one that the bag of "
            "words reaches",
            None if results.above is None else not results.above,
            decided,
        )
    ]
    if beside is not None:
        every.append(
            Falsifier(
                "*The score measures more than words*: no model above the control, which has nothing to carry",
                None if results.above is None else beside.apart == 0,
                f"{beside.apart} of {beside.n} are above it",
            )
        )
    return (
        *every,
        *_names(results),
        *_cosines(results),
        _growing(results),
        *_lens(results),
        *_neurons(results),
    )


def _names(results: Results) -> list[Falsifier]:
    if not results.names:
        return []
    one = results.names[0]
    judged = bool(one.held or one.lost)
    return [
        Falsifier(
            "*A vector stands for its own label*: an interval against the others that reaches one half, for any",
            bool(one.lost) if judged else None,
            f"it does for {listing(one.lost) if one.lost else 'none'}"
            if judged
            else "too few units for an interval",
        )
    ]


def _cosines(results: Results) -> list[Falsifier]:
    return [
        Falsifier(
            f"*Vectors at the {PLACES[one.place]} share a direction*: a mean cosine that labels without emotion reach",
            one.p_no > LEVEL or one.value < one.no_emotion if between(one.low, one.high) else None,
            f"{one.value:.2f} against {one.no_emotion:.2f}, p = {one.p_no:.2g}; found in four of five cases from a "
            f"distance of {one.least:.2f} on",
        )
        for one in results.angles
    ]


def _growing(results: Results) -> Falsifier:
    return Falsifier(
        "*Vectors grow with depth*: a length in units of the residual norm that does not rise",
        any(one.raw <= one.residual for one in results.growth),
        "; ".join(f"{PLACES[one.place]} {one.raw / one.residual:.2f} times" for one in results.growth),
    )


def _lens(results: Results) -> list[Falsifier]:
    one, own = results.promoted, results.own_names
    if own is not None:
        return [
            Falsifier(
                "*Vectors name their labels*: names dealt out anew are raised as much",
                not own.above,
                f"{own.value:.0%} against {own.null_high:.0%}, p = {own.p:.2g}",
            )
        ]
    if one is None:
        return []
    n = len(one.emotions)
    return [
        Falsifier(
            "*Vectors promote fitting words*: an AUROC of the keywords that permuted labels reach too, for any emotion",
            one.passed < n if n else None,
            f"{one.passed} of {n} pass (Bonferroni)",
        )
    ]


def _neurons(results: Results) -> list[Falsifier]:
    if not results.neurons:
        return []
    wrong = [one.emotion for one in results.neurons if one.exceeding == 0 or one.agreement <= one.null]
    return [
        Falsifier(
            "*Single neurons write the vector*: no response beyond the lines, or an agreement of alignment and "
            "response that permuted labels reach, for any label",
            bool(wrong),
            f"so for {listing(wrong) if wrong else 'none'}",
        )
    ]
