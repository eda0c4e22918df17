"""Single features as probes of emotions, beside difference-of-means vectors and a bag of words.

The feature of an emotion is chosen on the prompts of the build split, among all features of all dictionaries: the one
that tells the emotion best from its neutral partners (or, where no prompt is neutral, from all other labels). It is
scored on held-out prompts and on sets that it was not chosen on, such as prompts without emotion words. With hundreds
of features some tell any labels apart on the prompts they are chosen on: in the null labels are exchanged as for
emotion vectors, and the feature is chosen anew in every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from emotion_utils.core.errors import UserError, listing
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.statistics.auc import auroc, grouped_auc_draws, grouped_auc_interval
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import effective_units, interval
from emotion_utils.vectors.held_out import Probes, enough
from emotion_utils.vectors.probing import METHODS, Contrast, exchanged, project, swapped

METHOD = next(iter(METHODS))
"""Prompts are read at their end, as by this method of making vectors."""
COLUMNS = [
    *["set", "emotion", "layer", "feature", "built", "built_null_high", "value", "low", "high"],
    *["null", "null_high", "p", "vector", "words", "gain", "gain_low", "gain_high"],
    *["fires", "fires_else", "n", "n_units"],
]
OTHERS = "all other labels"


@dataclass(frozen=True, eq=False)
class EmotionFeature:
    """The feature of one emotion.

    Attributes
    ----------
    emotion, layer
    feature
        Its number in the dictionary of that layer.
    built
        AUROC on the prompts that it was chosen on.
    built_null_high
        95th percentile of the best one's there, where labels say nothing.
    null
        Of every draw, the feature that was chosen in it, by its place among the features of all layers.
    """

    emotion: str
    layer: int
    feature: int
    built: float
    built_null_high: float
    null: np.ndarray


def all_features(
    given: Contrast, dictionaries: Mapping[int, Dictionary]
) -> Float[np.ndarray, "read feature"]:
    """Activations at the reads of a contrast, of the dictionaries of all layers side by side.

    Raises
    ------
    UserError
        For a layer that was not read, and a dictionary of another width.
    """
    if missing := [layer for layer in dictionaries if layer not in given.layers]:
        raise UserError(
            f"Layer {missing[0]} has a dictionary and was not read: read it too, or leave it out. Read were "
            f"{listing(list(map(str, given.layers)))}."
        )
    with torch.no_grad():
        parts = [
            one.encode(given.values[:, given.layers.index(layer)]) for layer, one in dictionaries.items()
        ]
    return torch.cat(parts, dim=1).double().cpu().numpy()


def areas_by_ranks(
    scores: Float[np.ndarray, "read feature"], positive: Bool[np.ndarray, "draw read"]
) -> Float[np.ndarray, "draw feature"]:
    """Area under the ROC curve of every feature in every draw of labels; NaN of a draw with one class alone."""
    ranks, own = rankdata(scores, axis=0), positive.astype(np.float64)
    n = own.sum(axis=1)[:, None]
    rest = positive.shape[1] - n
    with np.errstate(invalid="ignore", divide="ignore"):
        area: np.ndarray = (own @ ranks - n * (n + 1) / 2) / (n * rest)
    return area


def best_feature(
    scores: Float[np.ndarray, "read feature"], positive: Bool[np.ndarray, "draw read"]
) -> tuple[np.ndarray, np.ndarray]:
    """Of every draw the feature with the largest AUROC, and that AUROC.

    Among equals it is the one whose means differ most, in standard deviations.
    """
    area, own = areas_by_ranks(scores, positive), positive.astype(np.float64)
    n = own.sum(axis=1)[:, None]
    rest, total = positive.shape[1] - n, scores.sum(axis=0)
    spread = scores.std(axis=0)
    units = np.divide(scores, spread, out=np.zeros_like(scores), where=spread > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = own @ units
        gap = sums / n - (np.divide(total, spread, out=np.zeros_like(total), where=spread > 0) - sums) / rest
        # smaller than any step between two different areas
        tied = np.where(np.isnan(area), -np.inf, area + 0.25 * np.tanh(gap / 10) / (n * rest))
    at = tied.argmax(axis=1)
    return at, area[np.arange(len(at)), at]


def choose_features(
    probes: Probes, dictionaries: Mapping[int, Dictionary], *, n_permutations: int = 199, seed: int = 0
) -> list[EmotionFeature]:
    """Choose the feature of every emotion on the build split, and in every draw of the null.

    Parameters
    ----------
    probes
        Of the profile's prompts and states.
    dictionaries
        By layer.
    n_permutations, seed
        Of the labels.

    Raises
    ------
    UserError
        As :func:`all_features`.
    """
    found, places = [], [(layer, at) for layer, one in dictionaries.items() for at in range(one.n_features)]
    for emotion in probes.emotions(probes.profile):
        built = probes.built(METHOD, emotion)
        scores = all_features(built, dictionaries)
        (at,), (area,) = best_feature(scores, built.positive[None])
        null, drawn = best_feature(scores, _labels(built, n_permutations, seed, 0))
        high, (layer, feature) = float(np.nanquantile(drawn, 1 - LEVEL)), places[int(at)]
        found.append(EmotionFeature(emotion, layer, feature, float(area), high, null))
    return found


def _labels(part: Contrast, n: int, seed: int, place: int) -> Bool[np.ndarray, "draw read"]:
    """Labels exchanged inside units where all hold both kinds, else between them; each place draws anew."""
    own = int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
    if part.is_paired():
        return swapped(part, part.prompts["unit"].to_numpy(), n, own)
    drawn: np.ndarray = exchanged(part.prompts, n, own) == part.emotion
    return drawn


def emotion_features(
    probes: Probes,
    dictionaries: Mapping[int, Dictionary],
    chosen: Sequence[EmotionFeature],
    sets: Sequence[str],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score the feature of every emotion on the profile's test split, and on sets that it was not chosen on.

    Parameters
    ----------
    probes, dictionaries
    chosen
        From :func:`choose_features`.
    sets
        Prompt sets beside the profile.
    n_resamples, seed

    Returns
    -------
    One row per set and emotion, columns :data:`COLUMNS`: AUROCs of the feature where it was chosen (``built``, beside
    the best one's there under exchanged labels) and here (``value``, interval over units, ``null``: chosen and scored
    after labels were exchanged), of the difference of means at its layer, and of a bag of words; ``gain`` is the
    feature's minus the vector's; ``fires, fires_else``: share of the prompts with the emotion, and of those it is
    compared with, at which the feature fires. Emotions with too few prompts are left out.
    """
    rows, starts = [], _starts(dictionaries)
    for place, name in enumerate((probes.profile, *sets), 1):
        for own in chosen:
            if own.emotion not in probes.emotions(name):
                continue
            part = probes.parts(name, METHOD, own.emotion)[1]
            if not enough(probes.built(METHOD, own.emotion), part):
                continue
            scores = all_features(part, dictionaries)
            labels = _labels(part, len(own.null), seed, place)
            null = areas_by_ranks(scores, labels)[np.arange(len(own.null)), own.null]
            one = scores[:, starts[own.layer] + own.feature]
            vector = _vector(probes, own, part)
            row = _scored(one, vector, part, n_resamples, seed)
            _, row["null"], row["null_high"], row["p"] = against_null(row["value"], null)
            row |= {"words": auroc(probes.words_on(name, part), part.positive)}
            row |= {"built": own.built, "built_null_high": own.built_null_high}
            about: dict[str, object] = {"set": name, "emotion": own.emotion}
            rows.append(about | {"layer": own.layer, "feature": own.feature} | row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _starts(dictionaries: Mapping[int, Dictionary]) -> dict[int, int]:
    """Place of the first feature of each layer among all."""
    sizes = [one.n_features for one in dictionaries.values()]
    return dict(zip(dictionaries, (np.cumsum(sizes) - sizes).tolist(), strict=True))


def _vector(probes: Probes, own: EmotionFeature, part: Contrast) -> Float[np.ndarray, " read"]:
    """Places along the emotion vector of the feature's layer."""
    found: np.ndarray = project(part, probes.vector(METHOD, own.emotion).values)[
        :, part.layers.index(own.layer)
    ]
    return found


def _scored(
    one: np.ndarray, vector: np.ndarray, part: Contrast, n_resamples: int, seed: int
) -> dict[str, float]:
    """Columns that need no null."""
    positive, units = part.positive, part.prompts["unit"].to_numpy()
    value, other = auroc(one, positive), auroc(vector, positive)
    ours, theirs = (
        grouped_auc_draws(scores, positive, units, n_resamples=n_resamples, seed=seed)
        for scores in (one, vector)
    )
    low, high = grouped_auc_interval(one, positive, units, n_resamples=n_resamples, seed=seed)
    ends = interval(ours - theirs, effective_units(units, positive), value - other, (-1.0, 1.0))
    row = {"value": value, "low": low, "high": high, "vector": other, "gain": value - other}
    row |= {"gain_low": ends[0], "gain_high": ends[1], "n": len(positive), "n_units": len(np.unique(units))}
    return row | {
        "fires": float((one[positive] > 0).mean()),
        "fires_else": float((one[~positive] > 0).mean()),
    }


def specificity(
    probes: Probes, dictionaries: Mapping[int, Dictionary], chosen: Sequence[EmotionFeature], name: str
) -> pd.DataFrame:
    """Whether the feature of one emotion tells the others as well.

    Parameters
    ----------
    probes, dictionaries, chosen
    name
        Of a set, the profile's test split included.

    Returns
    -------
    One row per feature and emotion: ``feature_of, layer, feature, emotion, value`` (AUROC of that feature for this
    emotion, against what it is compared with), ``vector`` (of the vector of ``feature_of`` at that layer), ``fires``;
    and one in which ``emotion`` is :data:`OTHERS`: its own emotion against all other labels together, the other
    emotions' prompts among them.
    """
    known = [one.emotion for one in chosen if one.emotion in probes.emotions(name)]
    parts = {emotion: probes.parts(name, METHOD, emotion)[1] for emotion in known}
    starts, rows = _starts(dictionaries), []
    read = {emotion: all_features(part, dictionaries) for emotion, part in parts.items()}
    for own in chosen:
        scores = {emotion: values[:, starts[own.layer] + own.feature] for emotion, values in read.items()}
        along = {emotion: _vector(probes, own, part) for emotion, part in parts.items()}
        about = (own.emotion, own.layer, own.feature)
        for emotion, part in parts.items():
            areas = (auroc(each[emotion], part.positive) for each in (scores, along))
            rows.append((*about, emotion, *areas, float((scores[emotion][part.positive] > 0).mean())))
        if own.emotion in parts:
            first, positive = _once(parts, own.emotion)
            areas = (auroc(np.concatenate([*each.values()])[first], positive) for each in (scores, along))
            other = np.concatenate([*scores.values()])[first][~positive]
            rows.append((*about, OTHERS, *areas, float((other > 0).mean())))
    columns = ["feature_of", "layer", "feature", "emotion", "value", "vector", "fires"]
    return pd.DataFrame(rows, columns=columns)


def _once(parts: Mapping[str, Contrast], emotion: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads of all contrasts, those that they share once, and which of them have an emotion."""
    prompts = pd.concat([part.prompts for part in parts.values()], ignore_index=True)
    first = (~prompts["id"].duplicated()).to_numpy()
    return first, (prompts["emotion"] == emotion).to_numpy()[first]
