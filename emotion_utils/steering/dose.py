"""How an effect grows with strength, in which direction, and what else changes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.scoring.classifier import EmotionClassifier
from emotion_utils.scoring.fluency import distinct_ngrams, repeated_ngrams
from emotion_utils.scoring.grammar import emotion_shift, grammatical
from emotion_utils.scoring.lexical import keyword_count, vader_sentiment
from emotion_utils.scoring.panel import OwnPanel
from emotion_utils.scoring.politeness import politeness
from emotion_utils.scoring.scorer import Scorer, score
from emotion_utils.statistics.resampling import exact_share_interval, grouped_mean_interval
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import SteeringSetting, at_chosen, chosen_settings, outcomes, run

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

FINE = (-2.0, -1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
STYLE = ("keywords", "vader", "politeness", "repetition", "distinct_1")
"""Scores of the words of a text alone."""


def style_scorers(steered: SteeredModel | None = None) -> list[Scorer]:
    """The scorers of :data:`STYLE`; no keywords of own labels, which the word list does not know."""
    if steered is not None and steered.own is not None:
        return [vader_sentiment(), politeness(), repeated_ngrams(), distinct_ngrams(1)]
    return [keyword_count(), vader_sentiment(), politeness(), repeated_ngrams(), distinct_ngrams(1)]


def world_scorers(steered: SteeredModel) -> list[Scorer]:
    """What only the grammar of the small world can say, of the models that were trained on it."""
    return [grammatical(), emotion_shift()] if steered.knows_replies and steered.own is None else []


def own_words(steered: SteeredModel) -> EmotionClassifier | None:
    """The word classifier of own labels."""
    return steered.reader.words if isinstance(steered.reader, OwnPanel) else None


def styled(table: pd.DataFrame) -> pd.DataFrame:
    """Add the scores of :data:`STYLE` to texts."""
    return score(table, style_scorers())


def doses(
    steered: SteeredModel, chosen: Mapping[str, pd.Series], factors: Sequence[float]
) -> list[SteeringSetting]:
    """The chosen settings at multiples of the chosen strength of each emotion."""
    return [
        setting
        for emotion, row in chosen.items()
        for setting in chosen_settings(
            steered, {emotion: row}, [factor * float(row["alpha"]) for factor in factors]
        )
    ]


def dose_texts(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    settings: Sequence[SteeringSetting],
    chosen: Mapping[str, pd.Series],
    store: Store | None = None,
) -> pd.DataFrame:
    """Texts of :func:`doses` with their :func:`trials.outcomes`; only at the chosen strength is read what they cost."""
    table = run(steered, contexts, settings, store=store)
    return outcomes(steered, table, cost=table.index.isin(at_chosen(table, chosen).index))


def curve(
    table: pd.DataFrame, column: str, bounds: tuple[float, float] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Mean of a column by emotion and strength, with its interval over units.

    Returns
    -------
    Columns ``emotion, alpha, value, low, high, n``; the interval is empty with fewer than eight units, but
    exact for a share (``bounds`` of 0 and 1) of all or none.
    """
    rows = []
    for (emotion, alpha), part in table.groupby(["emotion", "alpha"], sort=False):
        kept = part[part[column].notna()]
        values, units = kept[column].to_numpy(), kept["unit"].to_numpy()
        if bounds == (0.0, 1.0):
            low, high = exact_share_interval(values, units, seed=seed)
        else:
            low, high = grouped_mean_interval(values, units, seed=seed, bounds=bounds)
        rows.append((emotion, alpha, kept[column].mean(), low, high, len(kept)))
    return pd.DataFrame(rows, columns=["emotion", "alpha", "value", "low", "high", "n"])


def emotion_shares(table: pd.DataFrame, keys: Sequence[str] = ("emotion", "alpha")) -> pd.DataFrame:
    """Share of texts that say each emotion, by vector and strength.

    Parameters
    ----------
    table
        From :func:`trials.outcomes`.
    keys
        Columns that tell settings apart.

    Returns
    -------
    The keys (``emotion`` is that of the vector), ``says, share``; ``none of them`` are texts that open like no reply.
    """
    named = table.assign(says=table["says"].fillna("none of them"))
    shares = named.groupby(list(keys), sort=False)["says"].value_counts(normalize=True)
    return shares.rename("share").reset_index()


def difference(one: pd.DataFrame, other: pd.DataFrame, columns: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """Paired difference of columns between two runs over the same contexts, by emotion.

    Parameters
    ----------
    one, other
        With ``emotion, prompt, unit`` and the columns; several texts of a context are averaged first.
    columns
        What is compared.
    seed
        Of the bootstrap over units.

    Returns
    -------
    Columns ``emotion, score, one, other, difference, low, high, n, n_units``. Contexts in which a value is missing on
    one side are left out on both.
    """
    rows = []
    keys = ["emotion", "prompt"]
    units = one.groupby(keys)["unit"].first()
    for column in columns:
        pair = pd.concat(
            [t.groupby(keys)[column].mean() for t in (one, other)], axis=1, keys=["one", "other"]
        )
        pair = pair.dropna().join(units)
        for emotion in one["emotion"].unique():
            part = pair[pair.index.get_level_values("emotion") == emotion]
            gap = (part["one"] - part["other"]).to_numpy()
            ends = grouped_mean_interval(gap, part["unit"].to_numpy(), seed=seed)
            means = part["one"].mean(), part["other"].mean(), gap.mean() if len(gap) else np.nan
            rows.append((emotion, column, *means, *ends, len(part), part["unit"].nunique()))
    names = ["emotion", "score", "one", "other", "difference", "low", "high", "n", "n_units"]
    return pd.DataFrame(rows, columns=names)
