"""Held-out scores of emotion vectors beside a bag of words: the table that says how much survives without keywords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from torch import Tensor

from emotion_utils.lexicality import contrast as log_odds
from emotion_utils.probing import (
    EMOTIONAL,
    METHODS,
    Contrast,
    best_layer,
    contrast,
    fit,
    is_fitted,
    null_areas,
    project,
    shuffled,
)
from emotion_utils.reads import Readings
from emotion_utils.resampling import area_under_curve, grouped_auc_draws, interval
from emotion_utils.vectors import EmotionVector
from emotion_utils.wordbags import across, predict

__all__ = ["COLUMNS", "PERMUTATIONS", "Probes", "curves", "held_out", "word_log_odds"]

PERMUTATIONS = {"smoke": 19, "baseline": 199, "extended": 199, "powered": 199}
"""Label permutations of the null, by profile."""
REFITTED = 5
"""A logistic regression has to be fitted anew for each permutation: it gets a fifth of them."""
FEWEST = 3
"""Prompts of a class, in what a vector is made from and in what is scored, below which nothing is scored."""

COLUMNS = [
    *["model", "method", "emotion", "set", "layer", "value", "low", "high", "null", "null_high", "p"],
    *["words", "gain", "gain_low", "gain_high", "n", "n_units", "note"],
]


@dataclass(frozen=True, eq=False)
class Scored:
    """What one vector gives on one set, at the layer chosen for it, beside the bag of words on the same prompts."""

    layer: int
    vector: np.ndarray
    words: np.ndarray
    null: np.ndarray
    part: Contrast

    def areas(self) -> tuple[float, float]:
        """Of the vector and of the bag of words."""
        positive = self.part.positive
        return area_under_curve(self.vector, positive), area_under_curve(self.words, positive)

    def draws(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap draws of both areas, resampled together."""
        positive, units = self.part.positive, self.part.prompts["unit"].to_numpy()
        return (
            grouped_auc_draws(self.vector, positive, units, seed=seed),
            grouped_auc_draws(self.words, positive, units, seed=seed),
        )


class Probes:
    """The emotion vectors of one model and profile, with their nulls and the bag of words beside them.

    Each is made once: the same vector is scored on several sets.

    Parameters
    ----------
    readings
        Of the profile and of the sets to score on.
    profile
        The keyword prompts that vectors are made from, on their build split.
    seed
        Of the null.
    """

    def __init__(self, readings: Readings, profile: str, seed: int = 0) -> None:
        self.readings, self.profile, self.seed = readings, profile, seed
        self.built = cache(self._built)
        self.vector = cache(self._vector)
        self.null = cache(self._null)
        self.words = cache(self._words)

    def _built(self, method: str, emotion: str) -> Contrast:
        return self._contrast(self.profile, emotion, METHODS[method]).only("build")

    def _vector(self, method: str, emotion: str) -> EmotionVector:
        return fit(self.built(method, emotion), method, self.readings.model)

    def _null(self, method: str, emotion: str) -> Tensor:
        n = PERMUTATIONS[self.readings.size]
        n = max(19, n // REFITTED) if is_fitted(method) else n
        return shuffled(self.built(method, emotion), method, n, self.seed)

    def _words(self, name: str) -> pd.DataFrame:
        train, test = self.readings.prompts[self.profile], self.readings.prompts[name]
        if name == self.profile:
            test = test[test["split"] != "build"]
        return word_log_odds(train[train["split"] == "build"], test)

    def _contrast(self, name: str, emotion: str, reading: str) -> Contrast:
        return contrast(self.readings.prompts[name], self.readings.found[name], emotion, reading)

    def parts(self, name: str, method: str, emotion: str) -> tuple[Contrast, Contrast]:
        """What the layer is chosen on, and what is scored.

        Of a set that no vector is made from, only the select split is used up. Without emotion words, the end is
        the one place that all prompts have.
        """
        own = name == self.profile
        whole = self._contrast(name, emotion, METHODS[method] if own else "end")
        return whole.only("select"), whole.only("test") if own else whole.only("build", "test")

    def layer(self, name: str, method: str, emotion: str) -> int:
        """The layer that the select split of a set chooses for a vector."""
        chosen, _ = self.parts(name, method, emotion)
        scores = project(chosen, self.vector(method, emotion).values)
        return chosen.layers[int(best_layer(scores, chosen.positive))]

    def score(self, name: str, method: str, emotion: str) -> Scored | None:
        """Score a vector on a set; None where there are too few prompts."""
        built, (chosen, scored) = self.built(method, emotion), self.parts(name, method, emotion)
        if not _enough(built, scored) or not chosen.has_both():
            return None
        directions, null = self.vector(method, emotion).values, self.null(method, emotion)
        layer = int(best_layer(project(chosen, directions), chosen.positive))
        return Scored(
            layer=scored.layers[layer],
            vector=project(scored, directions)[:, layer],
            words=self.words_on(name, scored),
            null=null_areas(null, chosen, scored, self.seed),
            part=scored,
        )

    def words_on(self, name: str, scored: Contrast) -> np.ndarray:
        """The bag of words on the texts that were read; a match stands in the neutral partner."""
        odds, ids = self.words(name)[scored.emotion], scored.prompts["id"]
        if scored.reading == "word":
            prompts = self.readings.prompts[name]
            neutral = prompts[prompts["emotion"] == "neutral"].drop_duplicates("pair_id").set_index("pair_id")
            ids = ids.where(scored.positive, scored.prompts["pair_id"].map(neutral["id"]))
        return odds.reindex(ids).to_numpy()


def held_out(
    probes: Probes, sets: Sequence[str], *, methods: Sequence[str] = tuple(METHODS), seed: int = 0
) -> pd.DataFrame:
    """Score every vector on the profile's own test split and on every set that it was not made from.

    Parameters
    ----------
    probes
    sets
        Prompt sets beside the profile.
    methods
        Keys of `probing.METHODS`.
    seed
        Of the bootstrap.

    Returns
    -------
    One row per method, set and emotion, and one with the emotion ``mean`` over the three. Columns: ``value, low,
    high`` (area under the ROC curve of emotional against neutral prompts, 95 % interval over units), ``null,
    null_high, p`` (mean and 95th percentile under permuted labels), ``words`` (area of a bag of words trained on the
    same prompts), ``gain, gain_low, gain_high`` (the difference), ``n, n_units``; a ``note`` where there are too few
    prompts.
    """
    rows = []
    for method in methods:
        for name in (probes.profile, *sets):
            about = {"model": probes.readings.model, "method": method, "set": name}
            made = {emotion: probes.score(name, method, emotion) for emotion in EMOTIONAL}
            for emotion, one in made.items():
                scored = probes.parts(name, method, emotion)[1]
                rows.append({**about, "emotion": emotion, **_sizes([scored]), **_row([one], seed)})
                if one is not None:
                    rows[-1]["layer"] = one.layer
            every = [probes.parts(name, method, emotion)[1] for emotion in EMOTIONAL]
            rows.append({**about, "emotion": "mean", **_sizes(every), **_row([*made.values()], seed)})
    return pd.DataFrame(rows, columns=COLUMNS)


def curves(probes: Probes, sets: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """Area at every layer, for a picture: no layer is chosen here.

    Returns
    -------
    Columns ``method, emotion, set, layer, value, low, high, words``.
    """
    columns = ["method", "emotion", "set", "layer", "value", "low", "high", "words"]
    rows = []
    for method in METHODS:
        for name in (probes.profile, *sets):
            for emotion in EMOTIONAL:
                scored = probes.parts(name, method, emotion)[1]
                if not _enough(probes.built(method, emotion), scored):
                    continue
                scores = project(scored, probes.vector(method, emotion).values)
                words = area_under_curve(probes.words_on(name, scored), scored.positive)
                units = scored.prompts["unit"].to_numpy()
                for i, layer in enumerate(scored.layers):
                    low, high = interval(grouped_auc_draws(scores[:, i], scored.positive, units, seed=seed))
                    value = area_under_curve(scores[:, i], scored.positive)
                    rows.append((method, emotion, name, layer, value, low, high, words))
    return pd.DataFrame(rows, columns=columns)


def word_log_odds(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Log-odds of each emotion against neutral by a bag of words trained on other prompts, indexed by prompt id."""
    train, test = train.reset_index(drop=True), test.reset_index(drop=True)
    labels = train["emotion"].to_numpy(dtype=object)
    scores = predict(across(train, test)(labels), labels, len(test))
    return pd.DataFrame({e: log_odds(scores, e) for e in EMOTIONAL}, index=test["id"].to_numpy())


def _enough(built: Contrast, scored: Contrast) -> bool:
    counts = [int(side.sum()) for c in (built, scored) for side in (c.positive, ~c.positive)]
    return min(counts) >= FEWEST and built.prompts["unit"].nunique() > 1


def _sizes(parts: Sequence[Contrast]) -> dict[str, int]:
    return {
        "n": sum(len(part.positive) for part in parts),
        "n_units": max(part.prompts["unit"].nunique() for part in parts),
    }


def _row(made: Sequence[Scored | None], seed: int) -> dict[str, float | str]:
    """Averages over some vectors; their draws are averaged one by one, since equal units are resampled alike."""
    whole = [one for one in made if one is not None]
    if len(whole) < len(made):
        return {"note": f"fewer than {FEWEST} prompts of a class, or no two families"}
    value, words = np.mean([one.areas() for one in whole], axis=0)
    draws = [one.draws(seed) for one in whole]
    ours, theirs = (np.mean(column, axis=0) for column in zip(*draws, strict=True))
    fewest = min(len(one.null) for one in whole)
    null = np.mean([one.null[:fewest] for one in whole], axis=0)
    (low, high), (gain_low, gain_high) = interval(ours), interval(ours - theirs)
    return {
        "value": float(value),
        "low": low,
        "high": high,
        "null": float(null.mean()),
        "null_high": float(np.quantile(null, 0.95)),
        "p": (1 + int((null >= value).sum())) / (1 + len(null)),
        "words": float(words),
        "gain": float(value - words),
        "gain_low": gain_low,
        "gain_high": gain_high,
        "note": "",
    }
