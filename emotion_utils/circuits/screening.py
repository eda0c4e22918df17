"""From effects of heads on prompts to what can be said: intervals, a null with the maximum, agreement, stability.

A head is *found* where its effect on the difference between partners stands out from what exchanging the two prompts of
each pair gives. The exchange is done for whole units, and the largest of all heads and emotions is kept each time, so
that looking at many heads costs what it must {cite:p}`westfall1993`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import rankdata

from emotion_utils.heads.pairs import Pairs, measured, name_of
from emotion_utils.statistics.flips import max_t_by_emotion
from emotion_utils.statistics.resampling import effective_units, grouped_mean_interval, interval, unit_weights

METHODS = ("pearson", "spearman")
NEAR = 1 - 1e-12


def effect_table(
    pairs: Pairs,
    effects: Float[np.ndarray, "pair head"],
    *,
    n_permutations: int = 1000,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Effect of each head on each emotion.

    Parameters
    ----------
    pairs
    effects
        On the difference between partners (nats): from :func:`ablation.pair_effects`. NaN for heads that were not run,
        which have no row.
    n_permutations, n_resamples, seed
        Of the flips and of the bootstrap over units.

    Returns
    -------
    One row per emotion and head: ``emotion, layer, head, name, effect`` (mean, nats), ``low, high`` (95 %), ``share``
    (of the whole difference of the emotion), ``p`` (adjusted for all heads and emotions), ``n`` (pairs) and
    ``n_groups``.
    """
    whole = np.subtract(*pairs.untouched)
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    p = max_t_by_emotion(effects, emotion, units, n_permutations, seed)
    rows = []
    for i, own in enumerate(pairs.emotions):
        kept = emotion == own
        for j in np.flatnonzero(measured(effects)).tolist():
            head = pairs.heads[j]
            values = effects[kept, j]
            ends = grouped_mean_interval(values, units[kept], n_resamples=n_resamples, seed=seed)
            mean = float(values.mean())
            share = mean / float(whole[kept].mean())
            size = (int(kept.sum()), len(set(units[kept])))
            rows.append((own, *head, name_of(head), mean, *ends, share, p[i, j], *size))
    columns = ["emotion", "layer", "head", "name", "effect", "low", "high", "share", "p", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)


def agreement(
    pairs: Pairs,
    methods: Mapping[str, Float[np.ndarray, "pair head"]],
    beside: str,
    weights: Float[np.ndarray, " head"] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How far other methods agree with an exact one about heads, signed, per emotion.

    Where the exact one was run for chosen heads and a random sample of the others, the weights let each head stand for
    as many as it was drawn from: the correlations are those of all heads, estimated.

    Parameters
    ----------
    pairs
    methods
        Effects on the difference between partners, by the name of the method.
    beside
        The method that the others are compared with.
    weights
        Of heads, as a ``Screened`` has them; heads that one of two methods was not run for are left out.
    n_resamples, seed
        Of the bootstrap over units, in which both methods get the same prompts.

    Returns
    -------
    One row per method and emotion: ``method, emotion, pearson, pearson_low, pearson_high, spearman, spearman_low,
    spearman_high, n`` (pairs), ``heads``.
    """
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    rows = []
    for name in (name for name in methods if name != beside):
        for own in pairs.emotions:
            kept = emotion == own
            at = measured(methods[name][kept]) & measured(methods[beside][kept])
            one, other = methods[name][kept][:, at], methods[beside][kept][:, at]
            heads = None if weights is None or at.all() else weights[at]
            drawn = unit_weights(units[kept], n_resamples, np.random.default_rng(seed))
            drawn = drawn / drawn.sum(axis=1, keepdims=True)
            found: list[float] = []
            for ranks in (False, True):
                value = float(_correlation(one.mean(0)[None], other.mean(0)[None], ranks, heads)[0])
                draws = _correlation(drawn @ one, drawn @ other, ranks, heads)
                low, high = interval(_z(draws), effective_units(units[kept]), float(_z(np.array(value))))
                found += [value, float(np.tanh(low)), float(np.tanh(high))]
            rows.append((name, own, *found, int(kept.sum()), one.shape[1]))
    ends = [f"{method}{end}" for method in METHODS for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["method", "emotion", *ends, "n", "heads"])


def _z(correlation: np.ndarray) -> np.ndarray:
    """Fisher's transform, on which a correlation near 1 has a symmetric interval."""
    return np.asarray(np.arctanh(np.clip(correlation, -NEAR, NEAR)))


def _correlation(
    one: np.ndarray, other: np.ndarray, ranks: bool, weights: np.ndarray | None = None
) -> Float[np.ndarray, " draw"]:
    """Pearson's or Spearman's correlation of the rows of two tables; columns may have weights."""
    if weights is not None:
        return _weighted(one, other, ranks, weights / weights.sum())
    if ranks:
        one, other = rankdata(one, axis=1), rankdata(other, axis=1)
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), scale, out=np.full(len(a), np.nan), where=scale > 0)


def _weighted(
    one: np.ndarray, other: np.ndarray, ranks: bool, weights: np.ndarray
) -> Float[np.ndarray, " draw"]:
    """The same with weights that sum to 1; a rank is the weight below a value, and half of that at it."""
    if ranks:
        one, other = (
            np.stack([((row[:, None] > row) + 0.5 * (row[:, None] == row)) @ weights for row in side])
            for side in (one, other)
        )
    a, b = (x - (x @ weights)[:, None] for x in (one, other))
    scale = np.sqrt((a**2 @ weights) * (b**2 @ weights))
    return np.divide((a * b) @ weights, scale, out=np.full(len(a), np.nan), where=scale > 0)


def stability(
    pairs: Pairs,
    effects: Float[np.ndarray, "pair head"],
    top: int = 5,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often each head is among the largest when units are drawn again.

    Returns
    -------
    One row per emotion and head, the largest first: ``emotion, layer, head, name, effect, rank`` (by size) and
    ``kept`` (share of the resamples in which it is among the ``top``).
    """
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    heads = [pairs.heads[i] for i in np.flatnonzero(measured(effects)).tolist()]
    effects, parts = effects[:, measured(effects)], []
    for own in pairs.emotions:
        kept = emotion == own
        weights = unit_weights(units[kept], n_resamples, np.random.default_rng(seed))
        sizes = np.abs(weights @ effects[kept])
        chosen = np.argsort(-sizes, axis=1, kind="stable")[:, :top]
        often = np.bincount(chosen.ravel(), minlength=sizes.shape[1]) / n_resamples
        mean = effects[kept].mean(axis=0)
        table = pd.DataFrame(heads, columns=["layer", "head"])
        table = table.assign(
            emotion=own,
            name=[name_of(head) for head in heads],
            effect=mean,
            rank=rankdata(-np.abs(mean), method="ordinal"),
            kept=often,
        )
        parts.append(table.sort_values("rank", kind="stable"))
    columns = ["emotion", "layer", "head", "name", "effect", "rank", "kept"]
    return pd.concat(parts, ignore_index=True)[columns]


def beside_estimates(exact: pd.DataFrame, estimated: pd.DataFrame) -> pd.DataFrame:
    """Effects of all heads: exact ones, and for heads that were not run exactly what a cheap method estimates.

    Parameters
    ----------
    exact, estimated
        From :func:`effect_table`, of the same pairs.

    Returns
    -------
    The rows of ``estimated`` in their order, with the exact values where there are some, and ``how`` (``exact`` or
    ``estimate``); the p of an estimate is NaN, since it is not a finding.
    """
    keys = ["emotion", "name"]
    known = exact.set_index(keys).index
    ours = pd.MultiIndex.from_frame(estimated[keys]).isin(known)
    rest = estimated[~ours].assign(p=np.nan, how="estimate")
    both = pd.concat([exact.assign(how="exact"), rest]).set_index(keys)
    return both.loc[pd.MultiIndex.from_frame(estimated[keys])].reset_index()[[*estimated.columns, "how"]]


def versions(pairs: Pairs, effects: Float[np.ndarray, "pair head"]) -> pd.DataFrame:
    """Rank correlation of heads' effects between wordings of the same causes: ``emotion, one, other, spearman``."""
    rows, effects = [], effects[:, measured(effects)]
    for own in pairs.emotions:
        kept = (pairs.table["emotion"] == own).to_numpy()
        numbers = sorted(pairs.table.loc[kept, "version"].unique())
        means = [effects[kept & (pairs.table["version"] == v).to_numpy()].mean(axis=0) for v in numbers]
        for i, one in enumerate(numbers):
            for j in range(i + 1, len(numbers)):
                value = float(_correlation(means[i][None], means[j][None], ranks=True)[0])
                rows.append((own, one, numbers[j], value))
    return pd.DataFrame(rows, columns=["emotion", "one", "other", "spearman"])


def halves(
    pairs: Pairs, effects: Float[np.ndarray, "pair head"], n: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Spearman's correlation of heads' effects between random halves of the units: ``emotion, spearman, low, high``.

    ``low`` and ``high`` hold the middle 95 % of so many splits.
    """
    emotion, units = pairs.table["emotion"].to_numpy(dtype=object), pairs.table["unit"].to_numpy()
    rng, rows, effects = np.random.default_rng(seed), [], effects[:, measured(effects)]
    for own in pairs.emotions:
        kept = emotion == own
        codes, names = pd.factorize(units[kept])
        first = np.argsort(rng.random((n, len(names))), axis=1) < len(names) // 2
        sides = [side[:, codes].astype(float) for side in (first, ~first)]
        means = [side / side.sum(axis=1, keepdims=True) @ effects[kept] for side in sides]
        found = _correlation(means[0], means[1], ranks=True)
        rows.append((own, float(np.median(found)), *interval(found)))
    return pd.DataFrame(rows, columns=["emotion", "spearman", "low", "high"])
