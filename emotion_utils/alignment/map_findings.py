"""The numbers of Chapter 4's sentences about kinds of maps; see :mod:`emotion_utils.alignment.findings`."""

from __future__ import annotations

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
