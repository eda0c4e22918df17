"""What Chapter 9 answers: whether the reports' ranking of larger models is one, and what is shared across sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.core.errors import listing
from emotion_utils.models.registry import BUNDLED
from emotion_utils.scaling.transfer_findings import VERDICTS
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.nulls import MEAN
from emotion_utils.wider.lengths import FLAT, SweepFindings
from emotion_utils.wider.summaries import mostly

QUESTION = "Do larger models agree with small ones about emotion, and is the reports' ranking of them one?"
PLACES = {True: "above", False: "below", None: "not told from"}


class Alike(NamedTuple):
    """A model's similarity with the reference model, its interval over emotions, and what is left given the words."""

    one: str
    other: str
    value: float
    low: float
    high: float
    null_high: float
    p: float
    partial: float
    partial_null_high: float
    words_other: float
    shared: str
    beyond_words: str


class Check(NamedTuple):
    """One of the reports' checks of one pair of models, and whether so good an answer sets true pairs apart."""

    pair: str
    check: str
    answer: str
    tells: bool | None


class Carried(NamedTuple):
    """What a mapped vector reaches of the target's own effect in nats, mean over the emotions."""

    source: str
    target: str
    map: str
    share: float
    low: float
    high: float
    wrong: float
    p: float
    verdict: str


@dataclass(frozen=True)
class Results:
    """What the chapter has.

    Attributes
    ----------
    pair
        The two models of the sweep, as a reader calls them.
    swept
        Of their published score over lengths; None without it.
    alike
        Models beside the reference, as they are, by parameters; empty without stories and record.
    checks
        Of the pairs that stand in for the reports'.
    carried
        Of every pair and map that was tried.
    small
        Whether the prompts are too few for an interval.
    """

    pair: str
    swept: SweepFindings | None
    alike: Sequence[Alike]
    checks: Sequence[Check]
    carried: Sequence[Carried]
    small: bool

    @property
    def pretrained(self) -> list[Alike]:
        """Those that may know the stories' emotions."""
        return [one for one in self.alike if one.one not in BUNDLED]

    @property
    def miniatures(self) -> list[Alike]:
        """Those that have met one small world."""
        return [one for one in self.alike if one.one in BUNDLED]


def alike_of(curve: pd.DataFrame, recipe: str) -> list[Alike]:
    """Rows of a scaling curve in one recipe, by parameters."""
    own = curve[curve["recipe"] == recipe].sort_values("parameters") if len(curve) else curve
    return [Alike(**{name: row[name] for name in Alike._fields}) for row in own.to_dict("records")]


def checks_of(tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    """The three checks of every pair, by a name of the pair."""
    return [
        Check(pair, row.check, row.answer, row.tells)
        for pair, table in tables.items()
        for row in table.itertuples(index=False)
    ]


def carried_of(verdicts: pd.DataFrame, shares: pd.DataFrame, mapped: str, wrong: str) -> list[Carried]:
    """Means over the emotions, in nats.

    Parameters
    ----------
    verdicts, shares
        From :mod:`emotion_utils.scaling.transfer_findings`; the rows of one outcome of the latter.
    mapped, wrong
        Names of the arms.
    """
    keys = ["source", "target", "map"]
    reached = shares[shares["emotion"] == MEAN].set_index([*keys, "arm"])
    found = []
    for row in verdicts[verdicts["emotion"] == MEAN].itertuples():
        at = (row.source, row.target, row.map)
        own, other = reached.loc[(*at, mapped)], reached.loc[(*at, wrong)]
        ends = float(own["share"]), float(own["low"]), float(own["high"])
        found.append(Carried(*at, *ends, float(other["share"]), float(row.p_holm), str(row.verdict)))
    return found


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    short = (_length(results), _shared(results), _transfer(results))
    points = (*short, _each(results), _checks(results))
    return Answer(
        QUESTION,
        " ".join(part for part in short if part),
        _falsifiers(results),
        tuple(point for point in points if point),
    )


def _length(results: Results) -> str:
    one = results.swept
    if one is None:
        return "Nothing is known here of the published score by the length of states."
    told = "moves no sound score" if one.flat else f"moves sound scores too, by up to {one.moved:.2g}"
    return (
        f"From {results.pair} the reports' score is **{one.as_it_is:.2g}** (wrong pairs {one.as_it_is_wrong:.2g}), and "
        f"with the second model's states divided by 1,000 it is **{one.divided:.2g}** (wrong pairs "
        f"{one.divided_wrong:.2g}), a change that {told}: {mostly(one.by_factor)} of what varies is length, and the "
        f"true pairs are {PLACES[one.above]} wrong ones."
    )


def _shared(results: Results) -> str:
    real, small = results.pretrained, results.miniatures
    if not real:
        return ""
    least, most = (pick(real, key=lambda one: one.value) for pick in (min, max))
    above = sum(one.shared == VERDICTS[True] for one in real)
    beside = f"; miniatures, which have met no such story, reach {_range(small)}" if small else ""
    return (
        f"The geometry of emotions agrees with {least.other}'s by **{least.value:.2f}** ({least.one}) to "
        f"{most.value:.2f} ({most.one}), beyond permuted labels (up to {max(one.null_high for one in real):.2f}) in "
        f"**{above} of {len(real)}** pretrained models; words alone reach {least.words_other:.2f}, given them "
        f"{min(one.partial for one in real):.2f} to {max(one.partial for one in real):.2f} is left{beside}."
    )


def _range(alike: Sequence[Alike]) -> str:
    values = [f"{one.value:.2f}" for one in sorted(alike, key=lambda one: one.value)]
    return values[0] if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def _transfer(results: Results) -> str:
    if not results.carried:
        return ""
    if results.small:
        return "Too few contexts were read to say what a vector carries from model to model."
    best = max(results.carried, key=lambda one: one.share)
    told = {word: sum(one.verdict == word for one in results.carried) for word in VERDICTS.values()}
    yes, unknown = told[VERDICTS[True]], told[VERDICTS[None]]
    return (
        "A vector that is mapped into another model does more there than maps of wrong pairs and random vectors in "
        f"**{yes} of {len(results.carried)}** cases ({unknown} cannot be told); it reaches at most "
        f"{best.share:.0%}{between(best.low, best.high, '.0%')} of the model's own effect ({best.source} to "
        f"{best.target}; wrong pairs {best.wrong:.0%})."
    )


def _each(results: Results) -> str:
    rows = [
        f"{one.one} {one.value:.2f}{between(one.low, one.high)}, given the words {one.partial:.2f} (permuted labels to "
        f"{one.partial_null_high:.2f})"
        for one in results.alike
    ]
    return f"Similarity with {results.alike[0].other}: {'; '.join(rows)}." if rows else ""


def _checks(results: Results) -> str:
    if not results.checks:
        return ""
    passed = [one for one in results.checks if one.answer == "yes"]
    told = [one for one in passed if one.tells]
    return (
        f"Of {len(results.checks)} answers to the reports' checks {len(passed)} are *yes*, and {len(told)} of these "
        "are answers that wrong pairs seldom get."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    return (
        _score(results),
        *([_moves(results.swept)] if results.swept else []),
        *([_geometry(results.pretrained), _words(results.pretrained)] if results.pretrained else []),
        *([_telling(results.checks)] if results.checks else []),
        *([_nothing(results)] if results.carried else []),
    )


def _score(results: Results) -> Falsifier:
    condition = (
        "the published score of true pairs lies above that of wrong ones at some length of the target's states, the "
        "best length chosen anew for each wrong pairing"
    )
    one = results.swept
    if one is None:
        return Falsifier(condition, None, "there is no sweep")
    return Falsifier(
        condition, bool(one.above), f"true pairs are {PLACES[one.above]} wrong ones, p = {one.p:.2g}"
    )


def _moves(one: SweepFindings) -> Falsifier:
    return Falsifier(
        f"*Sound scores know no length*: one that moves by more than {FLAT:g} over the lengths",
        not one.flat,
        f"the largest change is {one.moved:.1e}",
    )


def _geometry(alike: Sequence[Alike]) -> Falsifier:
    below = [one.one for one in alike if one.shared == VERDICTS[False]]
    open_ = [one.one for one in alike if one.shared == VERDICTS[None]]
    happened = True if below else None if open_ else False
    told = f"{len(alike) - len(below) - len(open_)} of {len(alike)} lie above"
    return Falsifier(
        "*Geometry is shared*: a pretrained model whose interval reaches down to permuted labels",
        happened,
        told,
    )


def _words(alike: Sequence[Alike]) -> Falsifier:
    said = [one.beyond_words for one in alike]
    happened = True if VERDICTS[False] in said else None if VERDICTS[None] in said else False
    return Falsifier(
        "*It is more than words*: a pretrained model with nothing left, given the words, beyond permuted labels",
        happened,
        f"{said.count(VERDICTS[True])} of {len(alike)} have something left",
    )


def _telling(checks: Sequence[Check]) -> Falsifier:
    telling = [f"{one.check} ({one.pair})" for one in checks if one.tells]
    open_ = any(one.tells is None for one in checks)
    return Falsifier(
        "*The reports' checks say nothing of a pair*: one that fewer than 5 % of wrong pairs pass as well",
        True if telling else None if open_ else False,
        listing(telling) if telling else f"none of {len(checks)}",
    )


def _nothing(results: Results) -> Falsifier:
    yes = sum(one.verdict == VERDICTS[True] for one in results.carried)
    no = sum(one.verdict == VERDICTS[False] for one in results.carried)
    happened = None if results.small else True if no else None if yes < len(results.carried) else False
    return Falsifier(
        "*Vectors carry over*: models between which a mapped vector does no more than wrong or random ones",
        happened,
        f"more in {yes}, no more in {no}, and it cannot be told in {len(results.carried) - yes - no} of "
        f"{len(results.carried)} cases",
    )
