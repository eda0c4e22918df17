"""What the tables on effects of heads say, as small records of numbers for the page's sentences."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.statistics.permutations import LEVEL

PEARSON_AT_LEAST, SPEARMAN_AT_LEAST = 0.9, 0.7
"""Correlations over heads from which on a cheap method may stand in for the exact one."""


class LargestHead(NamedTuple):
    """The head with the largest effect on an emotion, and its share of the whole difference."""

    emotion: str
    name: str
    share: float


class EffectsFound(NamedTuple):
    """Which effects of heads stand out from the null.

    Attributes
    ----------
    found, effects
        How many do, and how many there are: heads times emotions.
    for_all
        Heads whose effects stand out for every emotion.
    largest
        By emotion.
    against
        Names of the heads that work against an emotion beyond the null.
    """

    found: int
    effects: int
    for_all: int
    largest: tuple[LargestHead, ...]
    against: tuple[str, ...]


class CheapMethod(NamedTuple):
    """How far a cheap method agrees with the exact one.

    Attributes
    ----------
    pearson_least, pearson_most, spearman_least, spearman_most
        Correlations over heads, least and most of any emotion.
    size
        Estimate over exact effect, median of the largest exact ones.
    """

    pearson_least: float
    pearson_most: float
    spearman_least: float
    spearman_most: float
    size: float


class AcrossModels(NamedTuple):
    """The screening of several models beside the blind one.

    Attributes
    ----------
    models
        How many there are beside the blind one.
    good
        Names of those in which attribution reaches both correlations for every emotion.
    sure
        In how many of these the whole intervals do.
    blind_difference
        Largest difference (nats) between partners in the blind model.
    blind_found, found_least, found_most
        Heads' effects on an emotion that stand out: the most in the blind model, least and most in the others.
    share_least, share_most
        Share of the difference that the largest head carries, in the others.
    """

    models: int
    good: tuple[str, ...]
    sure: int
    blind_difference: float
    blind_found: int
    found_least: int
    found_most: int
    share_least: float
    share_most: float


def effects_found(effects: pd.DataFrame) -> EffectsFound:
    """Which effects stand out from the null, from :func:`screening.effect_table`."""
    sure = effects[effects["p"] <= LEVEL]
    for_all = sure.groupby("name")["emotion"].nunique() == effects["emotion"].nunique()
    largest = effects.loc[effects.groupby("emotion", sort=False)["effect"].idxmax()]
    return EffectsFound(
        len(sure),
        len(effects),
        int(for_all.sum()),
        tuple(LargestHead(*row) for row in largest[["emotion", "name", "share"]].itertuples(index=False)),
        tuple(sorted(set(sure.loc[sure["effect"] < 0, "name"]))),
    )


def cheap_method(agreed: pd.DataFrame, both: pd.DataFrame, method: str, top: int = 10) -> CheapMethod:
    """How far a cheap method agrees with the exact one about all heads, and about the size of the largest effects.

    Parameters
    ----------
    agreed
        From :func:`screening.agreement`.
    both
        One row per emotion and head, with the effect that is ``exact`` and the one by the method, in its name.
    method
    top
        So many largest exact effects are asked for their size.
    """
    rows = agreed.loc[agreed["method"] == method, ["pearson", "spearman"]]
    large = both[both["exact"].abs().rank(ascending=False) <= top]
    least, most = rows.min(), rows.max()
    return CheapMethod(
        float(least["pearson"]),
        float(most["pearson"]),
        float(least["spearman"]),
        float(most["spearman"]),
        float((large[method] / large["exact"]).median()),
    )


def size_correlations(delta: pd.DataFrame, effects: pd.DataFrame) -> dict[str, float]:
    """By emotion: Spearman's correlation over heads of the sizes of delta attention and of the exact effect.

    Parameters
    ----------
    delta
        From :func:`emotion_utils.heads.delta_attention.delta_attention`.
    effects
        From :func:`screening.effect_table`.
    """
    keys = ["emotion", "name"]
    merged = delta[[*keys, "delta"]].merge(effects[[*keys, "effect"]], on=keys)
    return {
        str(emotion): float(rows["delta"].abs().corr(rows["effect"].abs(), "spearman"))
        for emotion, rows in merged.groupby("emotion", sort=False)
    }


def across_models(beside: pd.DataFrame, control: str) -> AcrossModels:
    """In which models the cheap method may stand in for the exact one, and what the blind model has to carry.

    Parameters
    ----------
    beside
        From :func:`comparison.overview`.
    control
        The blind model.
    """
    blind, trained = (beside[(beside["model"] == control) == is_blind] for is_blind in (True, False))
    lowest = trained.groupby("model", sort=False).min(numeric_only=True)
    good, sure = (
        (lowest[f"pearson{end}"] >= PEARSON_AT_LEAST) & (lowest[f"spearman{end}"] >= SPEARMAN_AT_LEAST)
        for end in ("", "_low")
    )
    return AcrossModels(
        len(lowest),
        tuple(map(str, lowest.index[good])),
        int(sure.sum()),
        float(blind["difference"].abs().max()),
        int(blind["found"].max()),
        int(trained["found"].min()),
        int(trained["found"].max()),
        float(trained["largest_share"].min()),
        float(trained["largest_share"].max()),
    )
