"""The numbers of Chapter 4's sentences about kinds of maps, published and others, and its main ones for the record.

See :mod:`emotion_utils.alignment.findings`; the published scores are those of
:mod:`emotion_utils.reports.published_alignment`.
"""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import pandas as pd

from emotion_utils.alignment.map_scores import corrected_p
from emotion_utils.statistics.permutations import LEVEL


class MapScore(NamedTuple):
    """Mean score of one kind of map, its null, and how far apart they are in standard deviations of the null."""

    map: str
    value: float
    null: float
    z: float


class BestMap(NamedTuple):
    """The ridge and the map that stands furthest above its own wrong pairs; pairs that stand out, all maps counted.

    Attributes
    ----------
    corrected, small, n
        When all maps and pairs of the score are corrected for, with a p of at most :data:`LEVEL`, of how many.
    """

    score: str
    ridge: MapScore
    furthest: MapScore
    corrected: int
    small: int
    n: int


def best_maps(maps: pd.DataFrame) -> list[BestMap]:
    """What :func:`emotion_utils.alignment.map_scores.summary` says of each score."""
    records = []
    for score, kinds in maps.set_index("map").groupby("score", sort=False):
        ridge, furthest = (
            MapScore(at, *(float(kinds.at[at, name]) for name in ("value", "null", "z")))
            for at in ("ridge", str(kinds["z"].idxmax()))
        )
        records.append(
            BestMap(
                str(score), ridge, furthest, *(int(kinds[n].sum()) for n in ("corrected", "small", "pairs"))
            )
        )
    return records


class BesideRidge(NamedTuple):
    """Other maps on the pairs and scores where the ridge does not stand out, and where it does.

    All maps and pairs of a score are corrected for.

    Attributes
    ----------
    gained, n_without
        Those that stand out where the ridge does not, of how many.
    lost, n_with
        Those that do not where the ridge does, of how many.
    """

    gained: int
    n_without: int
    lost: int
    n_with: int


def beside_ridge(mapped: pd.DataFrame) -> BesideRidge:
    """Compare what stands out in :func:`emotion_utils.alignment.map_scores.compare_maps` with the ridge's."""
    wide = mapped.assign(p=corrected_p(mapped))
    small = wide.pivot(index=["source", "target", "score"], columns="map", values="p") <= LEVEL
    others, ridge = small.drop(columns="ridge"), small["ridge"]
    without, with_it = others[~ridge], ~others[ridge]
    gained, lost = int(without.to_numpy().sum()), int(with_it.to_numpy().sum())
    return BesideRidge(gained, without.size, lost, with_it.size)


class Rate(NamedTuple):
    """Share of simulated pairs that one map finds, with its exact bounds."""

    map: str
    rate: float
    low: float
    high: float


class MapErrors(NamedTuple):
    """What the calibration knows of the maps.

    Attributes
    ----------
    n_false, false, false_low, false_high
        Pairs that share nothing, the smallest and the largest share of a small p, and the outermost bounds.
    n_power, weakest, strongest
        Pairs that share half of their variance, and the maps whose overlap finds fewest and most of them.
    """

    n_false: int
    false: tuple[float, float]
    false_low: float
    false_high: float
    n_power: int
    weakest: Rate
    strongest: Rate


def map_errors(false: pd.DataFrame, power: pd.DataFrame) -> MapErrors:
    """The ends of two tables of the calibration, by map and score: columns ``map, score, rate, low, high, n``."""
    overlap = power[power["score"] == "overlap"]
    weakest, strongest = (
        Rate(*overlap.loc[at, list(Rate._fields)])
        for at in (overlap["rate"].idxmin(), overlap["rate"].idxmax())
    )
    return MapErrors(
        n_false=int(false["n"].iloc[0]),
        false=(float(false["rate"].min()), float(false["rate"].max())),
        false_low=float(false["low"].min()),
        false_high=float(false["high"].max()),
        n_power=int(power["n"].iloc[0]),
        weakest=weakest,
        strongest=strongest,
    )


def gain_over_ridge(maps: pd.DataFrame, kind: str, score: str = "r2") -> float:
    """Mean score of a map minus that of the ridge, from :func:`emotion_utils.alignment.map_scores.summary`."""
    values = maps[maps["score"] == score].set_index("map")["value"]
    return float(values[kind] - values["ridge"])


class Published(NamedTuple):
    """One row of :func:`emotion_utils.reports.published_alignment.published_table`."""

    k: int
    before: float
    chance: float
    after: float
    permuted: float
    p: float


class Scaled(NamedTuple):
    """The smallest and the largest score of one formula when the target is multiplied by some factor."""

    formula: str
    lowest: float
    highest: float


class PublishedFindings(NamedTuple):
    """Both formulas and the variants of the first.

    Attributes
    ----------
    phase35, float64, orthonormal, phase8
        At the models' own scale; the last is None where it was not computed.
    scaled
        One per formula.
    """

    phase35: Published
    float64: Published
    orthonormal: Published
    phase8: Published | None
    scaled: tuple[Scaled, ...]

    @property
    def rounding(self) -> bool:
        """Whether more than half of the published score is gone in float64."""
        return self.phase35.after > 2 * self.float64.after

    @property
    def phase8_below(self) -> bool:
        """Whether Phase 8 gives less for the true pairs than for wrong ones."""
        return self.phase8 is not None and self.phase8.after < self.phase8.permuted


def published_findings(table: pd.DataFrame) -> PublishedFindings:
    """What :func:`emotion_utils.reports.published_alignment.published_table` says."""
    rows = table.set_index("variant")[list(Published._fields)]
    scaled = table[table["variant"].str.startswith("target x")].groupby("formula", sort=False)["after"]
    variants = ("as published (float32)", "float64", "float64, orthonormal")
    phase35, float64, orthonormal = (Published(*rows.loc[variant]) for variant in variants)
    last = "as published (float64)"
    phase8 = Published(*rows.loc[last]) if last in rows.index else None
    ends = tuple(Scaled(*row) for row in scaled.agg(["min", "max"]).itertuples())
    return PublishedFindings(phase35, float64, orthonormal, phase8, ends)


class PublishedGap(NamedTuple):
    """The published score of all pairs of models, that of wrong pairs of sentences, and their mean difference."""

    after: float
    permuted: float
    gap: float


def published_gap(table: pd.DataFrame) -> PublishedGap:
    """What :func:`emotion_utils.reports.published_alignment.all_pairs` says on average."""
    after, permuted = table["after"], table["permuted"]
    return PublishedGap(float(after.mean()), float(permuted.mean()), float((after - permuted).mean()))


NAMED = {"r2": "held-out R² of neutral rows", "overlap": "overlap after a map", "probe": "transferred probe"}
"""What the record of real models calls a score."""


def chapter_findings(published: pd.DataFrame, best: pd.DataFrame, similar: pd.DataFrame) -> pd.DataFrame:
    """What Chapter 4 found, for the record of real models: means over pairs of models.

    Parameters
    ----------
    published
        From :func:`emotion_utils.reports.published_alignment.published_table`, of two models.
    best
        From :meth:`emotion_utils.alignment.all_pairs.PairAlignments.best`, one row per ordered pair and score.
    similar
        RSA of pairs of trained models, from :func:`emotion_utils.alignment.rsa_cka.compare`.

    Returns
    -------
    Columns ``finding, value, low, high, null, n``; `n` counts prompts of the published scores and pairs of the others.
    """
    formulas, n = published_findings(published), float(published["n"].iloc[0])
    named = {
        "published score of Phase 3.5": formulas.phase35,
        "the same in float64": formulas.float64,
        "the same in float64, orthonormal rows": formulas.orthonormal,
        "published score of Phase 8": formulas.phase8,
    }
    rows: list[tuple[str, float, float, float, float, float]] = [
        (f"{name}; null: wrong pairs", one.after, nan, nan, one.permuted, n)
        for name, one in named.items()
        if one is not None
    ]
    for score, name in NAMED.items():
        own = best[best["score"] == score]
        rows.append(
            (f"{name}; null: wrong pairs", own["value"].mean(), nan, nan, own["null"].mean(), len(own))
        )
        small = float((own["p"] <= LEVEL).mean())
        rows.append((f"{name}: share of ordered pairs with p ≤ {LEVEL}", small, nan, nan, LEVEL, len(own)))
    ends = (similar["low"].iloc[0], similar["high"].iloc[0]) if len(similar) == 1 else (nan, nan)
    told = "RSA of emotional prompts; null: 95 % of permuted ones"
    rows.append((told, similar["value"].mean(), *ends, similar["null_high"].mean(), len(similar)))
    rows.append(("RSA with the words alone", similar["words"].mean(), nan, nan, nan, len(similar)))
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])
