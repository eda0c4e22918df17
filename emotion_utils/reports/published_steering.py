"""Steering as the reports describe it: multiples of the raw vector, added at every position, read by word scores.

The reports do not say whether the prompt was steered too, nor which numbers their sentiment, politeness and emotion
models gave. Here the vector is added everywhere; sentiment and politeness are read by lexicons, the emotion by the
project's classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool

from emotion_utils.reports.vectors import on_reported_scale
from emotion_utils.scoring.classifier import emotion_probability
from emotion_utils.scoring.fluency import repeated_ngrams
from emotion_utils.scoring.lexical import vader_sentiment
from emotion_utils.scoring.politeness import politeness
from emotion_utils.scoring.scorer import score
from emotion_utils.statistics.resampling import ENDS, unit_weights
from emotion_utils.steering.subject import MADE, SteeredModel
from emotion_utils.steering.trials import ALPHAS, SteeringSetting, outcomes, run

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

EFFECTS = ("vader", "politeness", "classifier")
"""Sentiment, politeness and emotion."""
COLLAPSED = 5.0
"""A text that costs more than so many times a genuine reply is called collapsed."""


def raw_alpha(
    steered: SteeredModel, emotion: str, layer: int, alpha: float, made: str | None = None
) -> float:
    """A strength in multiples of the raw vector, as the reports count it."""
    return float(
        alpha * steered.unit[layer] / steered.vectors[made or steered.kinds[0]][emotion].norm()[layer]
    )


def raw_grid(
    steered: SteeredModel, alphas: Sequence[float] = ALPHAS, layers: Sequence[int] | None = None
) -> list[SteeringSetting]:
    """All emotions, layers and multiples of the raw vector, everywhere.

    Parameters
    ----------
    steered
    alphas
    layers
        Where only some are to be paid for: they get one raw vector, and the layer at half depth those from 0 up.
    """
    middle = len(steered.layers) // 2
    every = steered.layers if layers is None else sorted({*layers, middle})
    return [
        SteeringSetting(emotion, layer, alpha, vector.at(layer), MADE[0], "raw vector", where="everywhere")
        for emotion, vector in steered.vectors[MADE[0]].items()
        for layer in every
        for alpha in alphas
        if layers is None or alpha == 1.0 or (layer == middle and alpha >= 0)
    ]


def sweep_as_published(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    alphas: Sequence[float] = ALPHAS,
    store: Store | None = None,
    layers: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The texts of the reports' sweep, with the three scores and repetition; ``layers`` as of :func:`raw_grid`.

    What they cost is read at layers that were tried at all strengths.

    Returns
    -------
    The columns of :func:`trials.outcomes` and ``vader, politeness, classifier, repetition``.
    """
    texts = run(steered, contexts, raw_grid(steered, alphas, layers), store=store)
    table = outcomes(steered, texts, cost=_fully_tried(texts))
    return score(table, [vader_sentiment(), politeness(), emotion_probability(), repeated_ngrams()])


def effect_by_layer(table: pd.DataFrame) -> pd.DataFrame:
    """How far each layer moves each score at one strength.

    Parameters
    ----------
    table
        From :func:`sweep_as_published`.

    Returns
    -------
    One row per layer and context: ``layer, prompt, unit, effect``, the absolute change of each score against the
    untouched text in its standard deviations over untouched texts, averaged over scores and emotions.
    """
    plain = table[table["alpha"] == 0].groupby(["emotion", "prompt"])[list(EFFECTS)].first()
    moved = table[table["alpha"] == 1.0].set_index(["emotion", "prompt"])
    scale = plain.std().where(lambda s: s > 0, 1.0)
    change = (moved[list(EFFECTS)] - plain.reindex(moved.index)).abs() / scale
    moved = moved.assign(effect=change.mean(axis=1)).reset_index()
    return (
        moved.groupby(["layer", "prompt"])
        .agg(unit=("unit", "first"), effect=("effect", "mean"))
        .reset_index()
    )


def layer_of_effect(table: pd.DataFrame, n_layers: int, seed: int = 0) -> tuple[float, float, float]:
    """The layer with the largest effect, on the scale of a model of twelve layers, with the range of its bootstrap."""
    wide = effect_by_layer(table).pivot(index="prompt", columns="layer", values="effect")
    units = table.groupby("prompt")["unit"].first().reindex(wide.index).to_numpy()
    weights = np.concatenate([np.ones((1, len(wide))), unit_weights(units, 500, np.random.default_rng(seed))])
    at = (weights @ np.nan_to_num(wide.to_numpy())).argmax(axis=1)
    depth = on_reported_scale(np.array(wide.columns)[at], n_layers)
    low, high = np.quantile(depth[1:], ENDS)
    return float(depth[0]), float(min(low, depth[0])), float(max(high, depth[0]))


def _fully_tried(table: pd.DataFrame) -> Bool[np.ndarray, " text"]:
    """Which texts are of a layer that was tried at as many strengths as any."""
    tried = table.groupby("layer")["alpha"].nunique()
    return np.asarray(table["layer"].isin(tried.index[tried == tried.max()]))


def collapse(table: pd.DataFrame) -> pd.DataFrame:
    """Share of collapsed texts by the size of the strength: those that cost too much or have no reply.

    Of layers that were tried at fewer strengths than others nothing is counted.

    Returns
    -------
    Columns ``alpha`` (absolute), ``collapsed``, ``repetition`` (mean), ``n``.
    """
    table = table[_fully_tried(table)]
    cost = table["relative_perplexity"]
    marked = table.assign(alpha=table["alpha"].abs(), collapsed=(cost > COLLAPSED) | cost.isna())
    grouped = marked.groupby("alpha")
    return grouped.agg(
        collapsed=("collapsed", "mean"), repetition=("repetition", "mean"), n=("collapsed", "size")
    ).reset_index()
