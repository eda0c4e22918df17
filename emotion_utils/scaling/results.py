"""What Chapter 9 computed, gathered from its tables for its answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from emotion_utils.alignment.joint import BEST, JOINED
from emotion_utils.models.comparison import CONTROL
from emotion_utils.models.registry import BUNDLED
from emotion_utils.scaling.transfer_summaries import kind_of_pair
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.nulls import MEAN
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.wider.lengths import SweepFindings

UNSEEN = ("overlap", "probe")
"""Scores of a map on emotions, of which none was among the rows that it was fitted to."""


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


class Joint(NamedTuple):
    """A score of emotions never seen by a map between all layers at once, and by the best one between single layers."""

    score: str
    value: float
    null: float
    p: float
    p_single: float


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

    @property
    def kind(self) -> str:
        """Whether the two models are real ones or miniatures."""
        return kind_of_pair(self.source, self.target)


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
    overall
        Of every pair that stands in for the reports': whether the mean published score over the layers lies above wrong
        pairs.
    words
        The largest similarity of words with the reference model, of all stories that it was made from; NaN without.
    blind
        The blind miniature beside the pretrained model that it is most alike to; None without.
    axes
        Axes that hold for emotions left out, after Holm, and how many were asked.
    ranking
        What decides about the order of the reports' models, in a few words.
    jointly
        Scores of a map between all layers of two models at once, beside the best pair of layers.
    """

    pair: str
    swept: SweepFindings | None
    alike: Sequence[Alike]
    checks: Sequence[Check]
    carried: Sequence[Carried]
    small: bool
    overall: Sequence[bool | None] = ()
    words: float = float("nan")
    blind: Alike | None = None
    axes: tuple[int, int] = (0, 0)
    ranking: str = ""
    jointly: Sequence[Joint] = ()

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
    return list(map(_alike, own.to_dict("records")))


def _alike(row: Mapping[Hashable, Any]) -> Alike:
    return Alike(**{name: row[name] for name in Alike._fields})


def blind_of(similarities: pd.DataFrame, recipe: str) -> Alike | None:
    """The blind miniature beside the pretrained model that it is most alike to, from a table of all pairs of sets."""
    rows = [
        row
        for row in similarities[similarities["recipe"] == recipe].to_dict("records")
        if CONTROL in (row["one"], row["other"]) and not {row["one"], row["other"]} <= set(BUNDLED)
    ]
    return _alike(max(rows, key=lambda row: float(row["value"]))) if rows else None


def words_of(alike: Sequence[Alike], all_stories: pd.DataFrame, recipe: str) -> float:
    """The largest similarity of words with the reference model: of the stories that were read, or of all of them."""
    if not alike:
        return float("nan")
    own = all_stories[all_stories["recipe"] == recipe] if len(all_stories) else all_stories
    sides = (("one", "words_one"), ("other", "words_other"))
    found = [float(row[words]) for row in own.to_dict("records") for name, words in sides
             if row[name] == alike[0].other]  # fmt: skip
    return max([*found, *(one.words_other for one in alike)])


def axes_of(table: pd.DataFrame) -> tuple[int, int]:
    """Axes on which permuted labels do not reach what left-out emotions do, after Holm, and how many axes there are."""
    if not len(table):
        return 0, 0
    return int((adjusted(table["p"].to_numpy(dtype=float), "holm") <= LEVEL).sum()), len(table)


def joint_of(jointly: pd.DataFrame) -> list[Joint]:
    """Scores of emotions never seen, by score: all layers of two models at once, and the best pair of layers.

    Parameters
    ----------
    jointly
        From :func:`emotion_utils.alignment.joint.several_layers`; ``p`` is corrected here by Holm for the scores.
    """
    unseen = jointly[jointly["score"].isin(UNSEEN)]
    single = unseen[unseen["arrangement"] == BEST].set_index("score")["p"]
    own = unseen[unseen["arrangement"] == JOINED]
    holm = adjusted(own["p"].to_numpy(dtype=float), "holm")
    rows = zip(own.itertuples(), holm, strict=True)
    return [Joint(row.score, row.value, row.null, float(p), float(single[row.score])) for row, p in rows]


def checks_of(tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    """The three checks of every pair, by a name of the pair."""
    return [
        Check(pair, row.check, row.answer, row.tells)
        for pair, table in tables.items()
        for row in table.itertuples(index=False)
        if row.check != "before"  # which is made before any map, where the pairing does not enter
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
