"""How often a method cries wolf, and how often it finds what is there: many pairs whose answer is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from emotion_utils.alignment.align import align
from emotion_utils.alignment.map_scores import score_maps
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import Recipe, pair, rescaled, shuffled
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds
from emotion_utils.subspaces.measures import published_phase8, published_phase35
from emotion_utils.subspaces.readings import PairedStates

K = 5
LAYER = -1

KINDS: dict[str, Callable[[Recipe, int], tuple[PairedStates, PairedStates]]] = {
    "independent": lambda recipe, seed: pair(recipe, seed),
    "shuffled": lambda recipe, seed: _shuffled(replace(recipe, strength=0.5), seed),
    "torn": lambda recipe, seed: _torn(*pair(recipe, seed)),
}
"""Models that share nothing; models that share half of their variance, with the rows of one paired anew; and models
that share nothing, but whose families the method is not told of."""


def _shuffled(recipe: Recipe, seed: int) -> tuple[PairedStates, PairedStates]:
    one, other = pair(recipe, seed)
    return one, shuffled(other, seed)


def _torn(one: PairedStates, other: PairedStates) -> tuple[PairedStates, PairedStates]:
    alone = np.arange(len(one.groups))
    return replace(one, groups=alone), replace(other, groups=alone)


def null_trials(
    recipe: Recipe, kind: str, seeds: Iterable[int], n_permutations: int = 199, k: int = K
) -> pd.DataFrame:
    """The sound pipeline on pairs with nothing to find.

    Parameters
    ----------
    recipe
        Of the pairs.
    kind
        A key of :data:`KINDS`.
    seeds
        One pair each; the permutations of a pair come from the same seed.
    n_permutations, k
        Of `alignment.align`.

    Returns
    -------
    Columns ``seed, r2, overlap, probe``: the p of the best pair of layers by each score.
    """
    if kind not in KINDS:
        raise UserError(f'There is no null "{kind}": choose one of {", ".join(KINDS)}.')
    rows = []
    for seed in seeds:
        best = align(*KINDS[kind](recipe, seed), k=k, n_permutations=n_permutations, seed=seed).best()
        rows.append({"seed": seed, **best.set_index("score")["p"].to_dict()})
    return pd.DataFrame(rows, columns=["seed", "r2", "overlap", "probe"])


def rates(trials: pd.DataFrame, level: float = LEVEL, **about: object) -> pd.DataFrame:
    """How often p was at most the level, by score, with exact bounds.

    Returns
    -------
    The columns of ``about``, then ``score, hits, n, rate, low, high``.
    """
    rows = []
    for score in ("r2", "overlap", "probe"):
        hits, n = int((trials[score] <= level).sum()), len(trials)
        low, high = binomial_bounds(hits, n)
        rows.append(
            {**about, "score": score, "hits": hits, "n": n, "rate": hits / n, "low": low, "high": high}
        )
    return pd.DataFrame(rows)


def power_trials(
    recipe: Recipe, strengths: Sequence[float], sizes: Sequence[int], n: int, seed: int, n_permutations: int
) -> pd.DataFrame:
    """How often common structure is found, over its share of the variance and the number of rows.

    Returns
    -------
    As :func:`rates`, with the columns ``strength`` and ``rows``.
    """
    found = []
    for strength in strengths:
        for size in sizes:
            made = replace(recipe, strength=strength, rows=size)
            trials = null_trials(made, "independent", range(seed, seed + n), n_permutations)
            found.append(rates(trials, strength=strength, rows=size))
    return pd.concat(found, ignore_index=True)


PRECISIONS: tuple[type[np.floating], ...] = (np.float32, np.float64)


def published_trials(
    recipe: Recipe, seeds: Iterable[int], scales: Sequence[float] = (0.01, 0.1, 1.0, 10.0), k: int = K
) -> pd.DataFrame:
    """Both published formulas on pairs that share nothing, at the last layer and for the first emotion.

    Returns
    -------
    Columns ``seed, formula, precision, scale`` (of the second model), ``value, chance`` (1/d, which the reports call
    "before").
    """
    rows = []
    for seed in seeds:
        one, plain = pair(recipe, seed)
        for scale in scales:
            other = rescaled(plain, scale)
            neutral = one.neutral[LAYER], other.neutral[LAYER]
            emotion = next(iter(one.emotional))
            states = [side.emotional[emotion][LAYER] for side in (one, other)]
            moved = [s - side.partners[emotion][LAYER] for s, side in zip(states, (one, other), strict=True)]
            for dtype in PRECISIONS:
                value = published_phase35(neutral[0], neutral[1], states[0], states[1], k, dtype=dtype)
                rows.append((seed, "published_phase35", dtype.__name__, scale, value, 1 / recipe.widths[1]))
            value = published_phase8(neutral[0], neutral[1], moved[0], moved[1], k)[1]
            rows.append((seed, "published_phase8", "float64", scale, value, 1 / recipe.widths[0]))
    return pd.DataFrame(rows, columns=["seed", "formula", "precision", "scale", "value", "chance"])


def published_rates(trials: pd.DataFrame, believed: Sequence[float] = (0.5, 0.9)) -> pd.DataFrame:
    """How often a published formula gives a value that a reader would believe, where there is nothing.

    Parameters
    ----------
    trials
        From :func:`published_trials`.
    believed
        Values that a reader would believe. "Above chance" is believed too: it means ten times 1/d.

    Returns
    -------
    Columns ``formula, precision, scale, believed, hits, n, rate, low, high, median``.
    """
    rows = []
    for about, own in trials.groupby(["formula", "precision", "scale"], sort=False):
        bars = {"10 x chance": 10 * own["chance"], **{f"{bar:g}": bar for bar in believed}}
        for name, bar in bars.items():
            hits, n = int((own["value"] >= bar).sum()), len(own)
            rows.append(
                (*about, name, hits, n, hits / n, *binomial_bounds(hits, n), float(own["value"].median()))
            )
    columns = ["formula", "precision", "scale", "believed", "hits", "n", "rate", "low", "high", "median"]
    return pd.DataFrame(rows, columns=columns)


def map_trials(recipe: Recipe, seeds: Iterable[int], n_permutations: int = 39, k: int = 5) -> pd.DataFrame:
    """All kinds of maps on pairs of simulated models.

    Parameters
    ----------
    recipe
        Of the pairs, with one layer.
    seeds
        One pair each; the permutations of a pair come from the same seed.
    n_permutations, k
        Of :func:`emotion_utils.alignment.map_scores.score_maps`.

    Returns
    -------
    Columns ``seed, map, r2, overlap, probe``: p by each score.
    """
    found = []
    for seed in seeds:
        table = score_maps(*pair(recipe, seed), k, n_permutations, seed).table()
        wide = table.pivot(index="map", columns="score", values="p").loc[list(dict.fromkeys(table["map"]))]
        found.append(wide.reset_index().assign(seed=seed))
    return pd.concat(found, ignore_index=True)[["seed", "map", "r2", "overlap", "probe"]]


def map_rates(trials: pd.DataFrame, strength: float) -> pd.DataFrame:
    """How often p was at most the level, by map and score.

    Returns
    -------
    Columns ``strength`` (share of the variance that pairs have in common), ``map, score, hits, n, rate, low, high``.
    """
    parts = [rates(own, strength=strength, map=name) for name, own in trials.groupby("map", sort=False)]
    return pd.concat(parts, ignore_index=True)
