"""Whether heads that look at emotion words are heads that act: rank correlation over heads, with interval and null."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import rankdata

from emotion_utils.core.errors import UserError, listing
from emotion_utils.heads.delta_attention import WordAttention
from emotion_utils.heads.pairs import Pairs, measured
from emotion_utils.statistics.permutations import LEVEL, permutation_p
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

HARDLY = 0.3
"""A rank correlation whose whole interval is nearer to zero says next to nothing about single heads."""
MEAN = "mean of the emotions"
ONE_SIZE = "cannot be said: all heads have one size"
"""Where there are no ranks to correlate."""
NEAR = 1 - 1e-12
HEADINGS = {"spearman": "correlation", "null_low": "at random, from", "null_high": "to"}
"""Columns of :func:`looking_and_acting` for readers."""


def looking_and_acting(
    attention: WordAttention,
    pairs: Pairs,
    effects: Float[np.ndarray, "pair head"],
    *,
    n_permutations: int = 1000,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Spearman's correlation over heads of the sizes of delta attention and of the effect on the difference.

    The interval resamples the units of both prompt sets. The null gives the effects to heads at random, the same way
    for every emotion.

    Parameters
    ----------
    attention
        On prompts that name the emotion.
    pairs, effects
        Of heads on the difference between partners (nats); NaN for heads that were not run, which are left out.
    n_permutations, n_resamples, seed

    Returns
    -------
    One row per emotion and, first, one for their mean: ``emotion, spearman, low, high`` (95 %), ``null_low,
    null_high`` (middle 95 % of the null), ``p`` (of the null, two-sided; that of an emotion
    adjusted for all of them by the largest of each draw), ``heads, units`` (effective ones,
    the fewer of both sets; NaN where there are too few). Where all heads have one size, ``spearman``, the null and
    ``p`` are NaN, of the emotion and of the mean.

    Raises
    ------
    UserError
        Where no emotion of the pairs is one that the attention was measured on.
    """
    run = measured(effects)
    look = attention.delta.reshape(len(attention), -1)[:, run]
    both = {
        emotion: (
            _sizes(look, attention.table, emotion, n_resamples, seed),
            _sizes(effects[:, run], pairs.table, emotion, n_resamples, seed + 1),
        )
        for emotion in pairs.emotions
        if (attention.table["emotion"] == emotion).any()
    }
    if not both:
        raise UserError(
            f"The pairs are of {listing(pairs.emotions)} and the attention is of "
            f"{listing(map(str, attention.table['emotion'].unique()))}: give both of at least one same emotion."
        )
    rng = np.random.default_rng([seed, 9])
    shuffled = np.argsort(rng.random((n_permutations, int(run.sum()))), axis=1)
    values, draws, nulls, units = [], [], [], []
    for one, other in both.values():
        values.append(float(_spearman(one.mean[None], other.mean[None])[0]))
        draws.append(_spearman(one.draws, other.draws))
        nulls.append(_spearman(np.broadcast_to(one.mean, shuffled.shape), other.mean[shuffled]))
        units.append(min(one.units, other.units))
    largest, n = np.fmax.reduce(np.abs(nulls)), int(run.sum())  # an emotion without ranks is no test
    parts = zip(both, values, draws, nulls, units, strict=True)
    rows = [_row(emotion, value, drawn, null, largest, own, n) for emotion, value, drawn, null, own in parts]
    null = np.mean(nulls, axis=0)
    mean = _row(MEAN, float(np.mean(values)), np.mean(draws, axis=0), null, np.abs(null), min(units), n)
    columns = ["emotion", "spearman", "low", "high", "null_low", "null_high", "p", "heads", "units"]
    return pd.DataFrame([mean, *rows], columns=columns)


class _Sizes(NamedTuple):
    """Size of the mean of each head, the same in resamples, and units."""

    mean: Float[np.ndarray, " head"]
    draws: Float[np.ndarray, "draw head"]
    units: float


def _sizes(values: np.ndarray, table: pd.DataFrame, emotion: str, n: int, seed: int) -> _Sizes:
    kept = (table["emotion"] == emotion).to_numpy()
    own, units = values[kept], table.loc[kept, "unit"].to_numpy()
    weights = unit_weights(units, n, np.random.default_rng(seed))
    drawn = np.abs(weights @ own / weights.sum(axis=1, keepdims=True))
    return _Sizes(np.abs(own.mean(axis=0)), drawn, effective_units(units))


def _row(
    emotion: str,
    value: float,
    draws: np.ndarray,
    null: np.ndarray,
    largest: np.ndarray,
    units: float,
    heads: int,
) -> tuple[str, float, float, float, float, float, float, int, float]:
    low, high = np.tanh(interval(_z(draws), units, float(_z(np.array(value)))))
    ends = np.quantile(null, (LEVEL / 2, 1 - LEVEL / 2))
    p = permutation_p(np.array([abs(value)]), largest[:, None])[0]
    return emotion, value, float(low), float(high), float(ends[0]), float(ends[1]), float(p), heads, units


def _z(value: np.ndarray) -> np.ndarray:
    return np.asarray(np.arctanh(np.clip(value, -NEAR, NEAR)))


def _spearman(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " draw"]:
    """Of each row; NaN where all of one side are the same, which has no ranks."""
    a, b = (rankdata(side, axis=1) for side in (one, other))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), spread, out=np.full(len(spread), np.nan), where=spread > 0)


def go_together(row: pd.Series) -> bool | None:
    """Whether looking tells acting, more than shuffled heads do; None with too few units, or all heads of one size."""
    if row[["units", "spearman", "p"]].isna().any():
        return None
    return bool(row["p"] <= LEVEL and row["spearman"] > 0)


def looking_title(row: pd.Series) -> str:
    """What the figure of looking and acting says."""
    together = go_together(row)
    if together is None:
        return "Heads that look, and heads that act"
    return "Heads that look also act" if together else "Heads that look need not act"


def value_in_words(row: pd.Series) -> str:
    """The correlation of one row as a number, or that there is none."""
    return ONE_SIZE if row[["spearman", "p"]].isna().any() else f"{row['spearman']:+.2f}"


def looking_in_words(row: pd.Series) -> str:
    """What the correlation of one row says, as a sentence without its full stop, to follow "On this model"."""
    if row[["spearman", "p"]].isna().any():
        return f"whether looking and acting go together {ONE_SIZE}"
    value = f"**{row['spearman']:+.2f}**"
    if not np.isnan(row["low"]):
        value += f" (95 % {row['low']:+.2f} to {row['high']:+.2f})"
    null = f"heads at random: {row['null_low']:+.2f} to {row['null_high']:+.2f}"
    return (
        f"looking and acting correlate over heads at {value}; {null}; they go together {_beside_chance(row)}"
    )


def _beside_chance(row: pd.Series) -> str:
    if row["p"] <= LEVEL:
        if row["spearman"] > 0:
            return "more than by chance"
        return "less than by chance: heads that look act less"
    if max(abs(row["low"]), abs(row["high"])) <= HARDLY:
        return f"hardly at all: the whole interval is nearer to zero than {HARDLY:.1f}"
    return "no more than by chance"
