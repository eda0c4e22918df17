"""What Chapter 1 answers: whether the prompts are clean, and what words alone can do with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.prompts.findings import Duplicates, Leakage
from emotion_utils.prompts.lexical_baseline import ALMOST, HELD_OUT, beside_largest, mean_auroc

QUESTION = "Are the prompts clean, and how much do their words alone give away?"
IMPLICIT = "implicit"


class Size(NamedTuple):
    """Prompts of a set, those that differ, and independent units."""

    prompts: int
    unique: int
    units: int


class Accuracy(NamedTuple):
    """Accuracy of the bag of words in held-out folds of one set, beside the largest class and the null."""

    set: str
    value: float
    low: float
    high: float
    chance: float
    null: float
    p: float


@dataclass(frozen=True)
class Results:
    """What the chapter computed.

    Attributes
    ----------
    name
        Of the set that the page is about.
    size, twice, leaks
        Of this set; duplicates are those of all sets.
    accuracies
        Of every set that was scored in folds.
    own, implicit, moved
        Mean AUROC of words in folds of the set, in folds of *implicit*, and learned on the one and tried on the other;
        None where it was not scored.
    """

    name: str
    size: Size
    twice: Duplicates
    leaks: Leakage
    accuracies: tuple[Accuracy, ...]
    own: float | None
    implicit: float | None
    moved: float | None


def results_of(
    name: str, sizes: pd.DataFrame, twice: Duplicates, leaks: Leakage, scores: pd.DataFrame
) -> Results:
    """Gather what the chapter has.

    Parameters
    ----------
    name
        Of the set.
    sizes
        From :func:`emotion_utils.prompts.report.sizes`, the set's row first.
    twice, leaks
        From :mod:`emotion_utils.prompts.findings`.
    scores
        From :func:`emotion_utils.prompts.lexical_baseline.lexicality`.
    """
    rows = scores[(scores["metric"] == "accuracy") & (scores["test"] == HELD_OUT) & scores["value"].notna()]
    columns = ["train", *Accuracy._fields[1:]]
    return Results(
        name,
        Size(*(int(sizes.iloc[0][column]) for column in Size._fields)),
        twice,
        leaks,
        tuple(Accuracy(*row) for row in rows[columns].itertuples(index=False)),
        mean_auroc(scores, name),
        mean_auroc(scores, IMPLICIT),
        mean_auroc(scores, name, IMPLICIT),
    )


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    points = (_clean(results), _words(results), *_accuracies(results))
    return Answer(QUESTION, f"{points[0]} {points[1]}", _falsifiers(results), points)


def _clean(results: Results) -> str:
    size, strict = results.size, results.leaks.strict
    crosses = (
        "nothing of one split occurs in another" if strict == 0 else f"**{strict}** things cross the splits"
    )
    return (
        f"*{results.name}* has {size.prompts} prompts, {size.unique} of them different, in **{size.units}** "
        f"independent units; {crosses}."
    )


def _words(results: Results) -> str:
    if results.own is None:
        return "There are too few units to score a bag of words."
    text = (
        f"A bag of words tells a label from what it is compared with by a mean AUROC of **{results.own:.2f}**"
    )
    if results.implicit is None or results.moved is None:
        return f"{text}, where one half is chance."
    return (
        f"{text}; on *{IMPLICIT}*, which names no emotion, it reaches **{results.implicit:.2f}** when it learns "
        f"there and **{results.moved:.2f}** when it learned on *{results.name}*."
    )


def _accuracies(results: Results) -> list[str]:
    return [
        f"*{one.set}*: accuracy {one.value:.0%} ({one.low:.0%} to {one.high:.0%}), "
        f"{beside_largest(one.low, one.high, one.chance)} always naming the largest class ({one.chance:.0%}); permuted "
        f"labels give {one.null:.0%} (p = {one.p:.2g})."
        for one in results.accuracies
    ]


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    leaks, twice = results.leaks, results.twice
    clean = (
        Falsifier(
            "*The splits are clean*: anything but a topic that occurs in more than one of them",
            leaks.strict > 0,
            f"{leaks.strict} cross, and {leaks.crossing_topics} of {leaks.topics} topics",
        ),
        Falsifier(
            "*Every prompt counts once*: a prompt that occurs twice",
            results.size.unique < results.size.prompts or twice.exact > 0,
            f"{results.size.unique} of {results.size.prompts} are different; {twice.exact} exact duplicates in all",
        ),
    )
    if results.implicit is None or results.own is None:
        return clean
    easy = results.implicit > results.own - ALMOST
    return (
        Falsifier(
            f"*{IMPLICIT} needs more than words*: a mean AUROC of its own words within a tenth of that of "
            f"*{results.name}*",
            easy,
            f"{results.implicit:.2f} against {results.own:.2f}",
        ),
        *clean,
    )
