"""What the tables on effects of heads say, as small records of numbers for the page's sentences."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from emotion_utils.core.errors import listing
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds

Recorded = tuple[str, float, float, float, float, float]
RECORDED = ["finding", "value", "low", "high", "null", "n"]
"""Of what a chapter keeps: see `record.findings.keep_findings`."""
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


class ScreenChecked(NamedTuple):
    """What a random sample of heads tells about a screen that chose others for the exact run.

    Attributes
    ----------
    first, sample, rest
        Heads that were chosen, drawn at random, and not run.
    large
        Chosen heads with a large effect on some emotion: as large as the effect of rank ``top`` among the chosen.
    drawn
        Heads of the sample with an effect as large.
    missed, missed_most
        So many such heads are estimated among all that were not chosen, and at most (95 %).
    recall, recall_least
        Share of all such heads that the screen chose.
    largest
        Largest effect of the sample, as a share of the largest of the chosen.
    top
        The rank.
    """

    first: int
    sample: int
    rest: int
    large: int
    drawn: int
    missed: float
    missed_most: float
    recall: float
    recall_least: float
    largest: float
    top: int


def screen_checked(effects: pd.DataFrame, sample: Collection[str], heads: int, top: int = 5) -> ScreenChecked:
    """How many heads with a large effect the screen missed, estimated from the heads that were drawn at random.

    Parameters
    ----------
    effects
        Exact ones, from :func:`screening.effect_table`.
    sample
        Names of the heads that were drawn.
    heads
        Of the model.
    top
        Rank among the chosen heads, for each emotion, from which on an effect is large.
    """
    size = effects.assign(size=effects["effect"].abs()).pivot(index="name", columns="emotion", values="size")
    drawn = size.index.isin(list(sample))
    first = size[~drawn]
    least = first.apply(lambda own: own.nlargest(top).min())
    large = (size >= least).any(axis=1)
    n, hits, found = int(drawn.sum()), int(large[drawn].sum()), int(large[~drawn].sum())
    others = heads - len(first)
    most = binomial_bounds(hits, n)[1] * others if n else float(others)
    missed = hits / n * others if n else 0.0
    return ScreenChecked(
        len(first), n, others - n, found, hits, missed, most, found / (found + missed), found / (found + most),
        float(size[drawn].max().max() / first.max().max()) if n else float("nan"), top,
    )  # fmt: skip


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


def found_in_words(found: EffectsFound, emotions: int) -> str:
    """Which heads have the largest effects, on how many emotions, and which work against one."""
    largest = ", ".join(f"{one.name} for {one.emotion} ({one.share:.0%})" for one in found.largest)
    every = {1: "the one emotion", 2: "both emotions"}.get(emotions, f"all {emotions} emotions")
    names = found.against
    against = (
        listing([*names[:8], *([f"{len(names) - 8} more"] if len(names) > 8 else [])]) if names else "none"
    )
    return (
        f"The largest are {largest}. {found.for_all} heads stand out for {every}; such heads cannot be said "
        f"to be *for* "
        f"one of them. Against an emotion, beyond the null, work: {against}."
    )


def again_in_words(reworded: pd.DataFrame, split: pd.DataFrame) -> str:
    """How far other wordings, and halves of the prompts, order the heads alike.

    Parameters
    ----------
    reworded
        From :func:`screening.versions`; without a row where causes are told in one wording.
    split
        From :func:`screening.halves`.
    """
    (least, most), between = split["spearman"].agg(["min", "max"]), reworded["spearman"]
    wordings = f"between wordings at {between.min():.2f} to {between.max():.2f}" if len(reworded) else ""
    return (
        f"Over heads, effects on other prompts correlate by rank: "
        f"{wordings + ', ' if wordings else ''}between halves of "
        f"the units at {least:.2f} to {most:.2f} (medians)."
        + ("" if wordings else " The pairs that are run tell each cause in one wording.")
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
    both = both.dropna(subset=["exact"])
    large = both[both["exact"].abs().rank(ascending=False) <= top]
    least, most = rows.min(), rows.max()
    size = float((large[method] / large["exact"]).median())
    pearson, spearman = ((float(least[name]), float(most[name])) for name in ("pearson", "spearman"))
    return CheapMethod(pearson[0], pearson[1], spearman[0], spearman[1], size)


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
    if trained.empty:  # a smoke run of the blind model has none beside it
        nothing = float("nan")
        difference, most = float(blind["difference"].abs().max()), int(blind["found"].max())
        return AcrossModels(0, (), 0, difference, most, 0, 0, nothing, nothing)
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


def across_in_words(models: AcrossModels) -> str:
    """What several models say beside the blind one."""
    blind = (
        f"In the blind model the partners differ by at most {models.blind_difference:.2f} nats, and at most "
        f"**{models.blind_found}** of its heads' effects on an emotion stand out"
    )
    if not models.models:
        return f"{blind}. No other model stands beside it in this run."
    return (
        f"In **{len(models.good)} of {models.models}** models ({', '.join(models.good) or 'none'}) "
        f"attribution reaches a "
        f"Pearson correlation of {PEARSON_AT_LEAST}, and a rank correlation of {SPEARMAN_AT_LEAST}, for every emotion; "
        f"with the whole interval in {models.sure}. {blind}; in the others {models.found_least} to {models.found_most} "
        "do. How much hangs on one head differs between families: the largest carries "
        f"{models.share_least:.0%} to {models.share_most:.0%} of the difference."
    )


def main_numbers(
    outcome: pd.DataFrame, effects: pd.DataFrame, agreed: pd.DataFrame, checked: ScreenChecked | None
) -> pd.DataFrame:
    """What chapter 06 found about heads, for the record: the columns of `record.findings.keep_findings`.

    Parameters
    ----------
    outcome
        From :func:`emotion_utils.heads.openings.outcome`.
    effects
        Exact ones, from :func:`screening.effect_table`.
    agreed
        From :func:`screening.agreement`.
    checked
        Where a random sample was drawn.
    """
    nothing = float("nan")
    found, units = effects_found(effects), float(effects["n_groups"].min())
    top = effects.loc[effects["effect"].abs().idxmax()]
    share = (
        "exact effects of heads beyond the null, share",
        found.found / found.effects,
        nothing,
        nothing,
        LEVEL,
        units,
    )
    largest = ("largest effect of a head (nats)", top["effect"], top["low"], top["high"], 0.0, units)
    rows = [*differences(outcome), share, largest]
    cheap = agreed[agreed["method"] == "attribution"]
    for name in ("pearson", "spearman"):
        least = cheap.loc[cheap[name].idxmin()] if cheap[name].notna().any() else cheap.iloc[0]
        said = f"attribution against mean ablation over heads, least of the emotions ({name.capitalize()})"
        ends = (least[f"{name}_low"], least[f"{name}_high"])
        rows.append((said, least[name], *ends, 0.0, float(least["heads"])))
    if checked is not None:
        by_chance = checked.first / (checked.first + checked.sample + checked.rest)
        ends, n = (checked.recall_least, 1.0), float(checked.sample)
        rows.append(("large effects that attribution puts first, share", checked.recall, *ends, by_chance, n))
    return pd.DataFrame(rows, columns=RECORDED)


def differences(outcome: pd.DataFrame) -> list[Recorded]:
    """How far each emotion moves the log-odds, from :func:`emotion_utils.heads.openings.outcome`, for the record."""
    return [
        (f"difference that {row.emotion} makes to the log-odds (nats)", row.difference, row.low, row.high, 0.0, row.n)
        for row in outcome.itertuples()
    ]  # fmt: skip
