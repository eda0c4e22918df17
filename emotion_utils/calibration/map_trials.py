"""How often each kind of map stands out between models that share nothing, and between models that share much."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from emotion_utils.calibration.generators import Recipe, pair
from emotion_utils.calibration.trials import rates
from emotion_utils.map_scores import score_maps

__all__ = ["map_rates", "map_trials"]


def map_trials(recipe: Recipe, seeds: Iterable[int], n_permutations: int = 39, k: int = 5) -> pd.DataFrame:
    """All kinds of maps on pairs of simulated models.

    Parameters
    ----------
    recipe
        Of the pairs, with one layer.
    seeds
        One pair each; the permutations of a pair come from the same seed.
    n_permutations, k
        Of :func:`emotion_utils.map_scores.score_maps`.

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
