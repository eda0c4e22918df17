"""Held-out scores of emotion vectors beside a bag of words: the table that says how much survives without keywords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.core.emotions import emotions_of, has_reference, labels_of
from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.profiles import PERMUTATIONS
from emotion_utils.prompts.bag_of_words import across, log_odds, predict
from emotion_utils.prompts.partners import partners
from emotion_utils.statistics.auc import auroc, grouped_auc_draws
from emotion_utils.statistics.nulls import MEAN, OTHER_MEAN, against_null
from emotion_utils.statistics.resampling import FEWEST_UNITS, effective_units, interval, resampling_units
from emotion_utils.vectors.contrasts import methods_of, null_of_mean
from emotion_utils.vectors.probing import (
    Contrast,
    best_layer,
    contrast,
    fit,
    null_areas,
    place_of,
    project,
)
from emotion_utils.vectors.vector import EmotionVector

FEWEST = 3
"""Prompts of a class, in what a vector is made from and in what is scored, below which nothing is scored."""

KEPT = 8
"""Contrasts that are kept: each can hold the states of all prompts."""

COLUMNS = [
    *["model", "method", "emotion", "set", "layer", "value", "low", "high", "null", "null_high", "p"],
    *["accuracy", "words", "gain", "gain_low", "gain_high", "n", "n_units", "note"],
]

WITH_WORDS = [
    *["method", "emotion", "layer", "value", "null", "null_high", "p", "accuracy", "words", "gain"],
    *["n", "n_units"],
]
"""Columns to show where there are too few units for an interval."""
WITHOUT_WORDS = [
    *["method", "set", "emotion", "layer", "value", "low", "high", "null_high", "p", "accuracy", "words"],
    *["gain", "gain_low", "gain_high", "n", "n_units"],
]
"""Columns to show of sets that no vector is made from."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What one vector gives on one set, at the layer chosen for it, beside the bag of words on the same prompts.

    Attributes
    ----------
    layer
    vector, words
        Scores, one per read.
    null
        AUROCs after labels were exchanged, NaN in a draw that leaves one class.
    threshold
        Half way between the means of the build split, for the accuracy.
    part
        What was scored.
    universe
        Units of the set, which all its scores are resampled over.
    """

    layer: int
    vector: np.ndarray
    words: np.ndarray
    null: np.ndarray
    threshold: float
    part: Contrast
    universe: np.ndarray

    def aurocs(self) -> tuple[float, float, float]:
        """AUROC of the vector, its balanced accuracy, and the AUROC of the bag of words."""
        positive, above = self.part.positive, self.vector > self.threshold
        accuracy = (above[positive].mean() + (~above[~positive]).mean()) / 2
        vector, words = (auroc(scores, positive) for scores in (self.vector, self.words))
        return vector, float(accuracy), words

    def draws(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap draws of both AUROCs, resampled together and with those of other vectors on the same set."""
        positive, units = self.part.positive, self.part.prompts["unit"].to_numpy()
        draw = partial(grouped_auc_draws, positive=positive, groups=units, seed=seed, universe=self.universe)
        return draw(self.vector), draw(self.words)


class Probes:
    """The emotion vectors of one model and profile, with the bag of words beside them.

    Each is made once: the same vector is scored on several sets.

    Parameters
    ----------
    activations
        Of the profile and of the sets to score on.
    profile
        The prompts that vectors are made from, on their build split.
    seed
        Of the null.
    """

    def __init__(self, activations: PromptSetActivations, profile: str, seed: int = 0) -> None:
        self.activations, self.profile, self.seed = activations, profile, seed
        self.built = lru_cache(KEPT)(self._built)
        self.vector = cache(self._vector)
        self.words = cache(self._words)
        self.parts = lru_cache(KEPT)(self._parts)

    @property
    def layers(self) -> list[int]:
        """Layers that were read."""
        return self.activations.found[self.profile].layers()

    @property
    def methods(self) -> tuple[str, ...]:
        """Keys of ``probing.METHODS`` that the profile's prompts allow."""
        return methods_of(self.activations.prompts[self.profile])

    def against(self, name: str) -> str:
        """What the labels of a set are told from, in words."""
        return "neutral prompts" if has_reference(self.activations.prompts[name]) else "all other labels"

    def emotions(self, name: str) -> list[str]:
        """The labels that both the profile and a set have, but for the reference."""
        present = set(self.activations.prompts[name]["emotion"])
        return [e for e in emotions_of(self.activations.prompts[self.profile]) if e in present]

    def _built(self, method: str, emotion: str) -> Contrast:
        return self._contrast(self.profile, emotion, place_of(method)).only("build")

    def _vector(self, method: str, emotion: str) -> EmotionVector:
        return fit(self.built(method, emotion), method, self.activations.model)

    def _words(self, name: str) -> pd.DataFrame:
        train, test = self.activations.prompts[self.profile], self.activations.prompts[name]
        if name == self.profile:
            test = test[test["split"] != "build"]
        return word_log_odds(train[train["split"] == "build"], test)

    def _contrast(self, name: str, emotion: str, place: str) -> Contrast:
        return contrast(self.activations.prompts[name], self.activations.found[name], emotion, place)

    def _parts(self, name: str, method: str, emotion: str) -> tuple[Contrast, Contrast]:
        """What the layer is chosen on, and what is scored.

        Of a set that no vector is made from, only the select split is used up. Without emotion words, the end is
        the one place that all prompts have.
        """
        same_set = name == self.profile
        whole = self._contrast(name, emotion, place_of(method) if same_set else "end")
        return whole.only("select"), whole.only("test") if same_set else whole.only("build", "test")

    def layer(self, name: str, method: str, emotion: str) -> int:
        """The layer that the select split of a set chooses for a vector."""
        chosen, _ = self.parts(name, method, emotion)
        scores = project(chosen, self.vector(method, emotion).values)
        return chosen.layers[int(best_layer(scores, chosen.positive))]

    def score(self, name: str, method: str, emotion: str) -> Scored | None:
        """Score a vector on a set; None where there are too few prompts."""
        built, (chosen, scored) = self.built(method, emotion), self.parts(name, method, emotion)
        if not enough(built, scored) or not chosen.has_both():
            return None
        directions = self.vector(method, emotion).values
        layer = int(best_layer(project(chosen, directions), chosen.positive))
        made, universe = (
            project(built, directions)[:, layer],
            resampling_units(self.activations.prompts[name]),
        )
        n = PERMUTATIONS[self.activations.size].vectors
        return Scored(
            layer=scored.layers[layer],
            vector=project(scored, directions)[:, layer],
            words=self.words_on(name, scored),
            null=null_areas(directions, chosen, scored, universe, n, self.seed),
            threshold=float(made[built.positive].mean() + made[~built.positive].mean()) / 2,
            part=scored,
            universe=np.unique(scored.prompts["unit"] if name == self.profile else universe),
        )

    def joint_null(self, name: str, method: str, made: Mapping[str, Scored]) -> Float[np.ndarray, " draw"]:
        """AUROCs averaged over some vectors on one set where labels say nothing, exchanged for all of them together.

        Pairs, and reads that stand against all others, are exchanged alike for every vector; unpaired neutral reads,
        which all scores share, together with the reads of all labels.
        """
        parts = [self.parts(name, method, emotion) for emotion in made]
        paired = all(part.is_paired() for pair in parts for part in pair)
        if len(made) == 1 or paired or not has_reference(self.activations.prompts[name]):
            return np.mean([one.null for one in made.values()], axis=0)
        directions = torch.stack([self.vector(method, emotion).values for emotion in made])
        return null_of_mean(directions, parts, PERMUTATIONS[self.activations.size].vectors, self.seed)

    def words_on(self, name: str, scored: Contrast) -> np.ndarray:
        """The bag of words on the texts that were read; a match stands in the neutral partner."""
        odds, ids = self.words(name)[scored.emotion], scored.prompts["id"]
        if scored.place == "word":
            partner = partners(self.activations.prompts[name], ["id"]).set_index("id")["partner_id"]
            ids = ids.where(scored.positive, ids.map(partner))
        return odds.reindex(ids).to_numpy()


def held_out(
    probes: Probes, sets: Sequence[str], *, methods: Sequence[str] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Score every vector on the profile's own test split and on every set that it was not made from.

    Parameters
    ----------
    probes
    sets
        Prompt sets beside the profile.
    methods
        Keys of `probing.METHODS`; by default those that the prompts allow.
    seed
        Of the bootstrap.

    Returns
    -------
    One row per method, set and emotion, and one with the emotion ``mean`` over them. Columns: ``value, low, high``
    (AUROC of emotional against neutral prompts or, without a reference, of a label against all others; 95 % interval
    over units, empty below eight of them), ``null, null_high, p`` (mean, 95th percentile and p after labels were
    exchanged), ``accuracy`` (balanced, at a threshold from the build split), ``words`` (AUROC of a bag of words trained
    on the same prompts), ``gain, gain_low, gain_high`` (the difference), ``n`` (prompts), ``n_units``; a ``note`` where
    there are too few of either.

    Raises
    ------
    UserError
        For a method that is not known, or that the prompts do not allow.
    """
    rows = []
    for method in _allowed(probes, methods):
        for name in (probes.profile, *sets):
            about = {"model": probes.activations.model, "method": method, "set": name}
            emotions = probes.emotions(name)
            parts = {emotion: probes.parts(name, method, emotion)[1] for emotion in emotions}
            made = {emotion: probes.score(name, method, emotion) for emotion in emotions}
            for emotion, one in made.items():
                layer = {} if one is None else {"layer": one.layer}
                rows.append({**about, "emotion": emotion, **layer, **_row([one], [parts[emotion]], seed)})
            whole = {emotion: one for emotion, one in made.items() if one is not None}
            null = probes.joint_null(name, method, whole) if len(whole) == len(made) else None
            row = _row([*made.values()], [*parts.values()], seed, null)
            rows.append({**about, "emotion": OTHER_MEAN if MEAN in made else MEAN, **row})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"layer": "Int64"})


def word_log_odds(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Log-odds of each emotion by a bag of words trained on other prompts, indexed by prompt id.

    Against neutral, or where no prompt to train on is neutral against all other labels.
    """
    train, test = train.reset_index(drop=True), test.reset_index(drop=True)
    labels, names = train["emotion"].to_numpy(dtype=object), labels_of(train)
    scores = predict(across(train, test)(labels), labels, len(test), names)
    return pd.DataFrame(
        {e: log_odds(scores, names, e) for e in emotions_of(train)}, index=test["id"].to_numpy()
    )


def _allowed(probes: Probes, methods: Sequence[str] | None) -> Sequence[str]:
    for method in methods or ():
        if place_of(method) == "word" and method not in probes.methods:
            raise UserError(
                f'The method "{method}" needs a marked word in the prompts of every label of {probes.profile}, and its '
                f"place in a neutral partner. {listing(probes.methods)} need none."
            )
    return probes.methods if methods is None else methods


def enough(built: Contrast, scored: Contrast) -> bool:
    """Whether a vector can be made from one part and scored on another."""
    counts = [int(reads.sum()) for c in (built, scored) for reads in (c.positive, ~c.positive)]
    return min(counts) >= FEWEST and built.prompts["unit"].nunique() > 1


def mean_draws(made: Sequence[Scored], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap draws of the mean AUROCs over some vectors on one set, of the vectors and of the bag of words."""
    ours, theirs = zip(*(one.draws(seed) for one in made), strict=True)
    return np.mean(ours, axis=0), np.mean(theirs, axis=0)


def effective(made: Sequence[Scored]) -> float:
    """Effective number of units behind the scores of some vectors on one set."""
    prompts = pd.concat([one.part.prompts for one in made], ignore_index=True)
    return effective_units(prompts["unit"].to_numpy(), np.concatenate([one.part.positive for one in made]))


def _row(
    made: Sequence[Scored | None], parts: Sequence[Contrast], seed: int, joint: np.ndarray | None = None
) -> dict[str, float | str]:
    """Averages over some vectors on one set; draws are averaged one by one, since they are joint, as their null is."""
    prompts = pd.concat([part.prompts for part in parts], ignore_index=True)
    sizes = {"n": prompts["id"].nunique(), "n_units": prompts["unit"].nunique()}
    whole = [one for one in made if one is not None]
    if len(whole) < len(made):
        return {**sizes, "note": f"fewer than {FEWEST} prompts of a class, or no two families"}
    value, accuracy, words = np.mean([one.aurocs() for one in whole], axis=0)
    null = whole[0].null if joint is None else joint
    row = against_null(value, null)._asdict()
    row |= {"accuracy": float(accuracy), "words": float(words), "gain": float(value - words)}
    if sizes["n_units"] < FEWEST_UNITS:
        return {**sizes, **row, "note": f"{sizes['n_units']} units are too few for an interval"}
    ours, theirs = mean_draws(whole, seed)
    units = effective(whole)
    row["low"], row["high"] = interval(ours, units, row["value"], (0.0, 1.0))
    row["gain_low"], row["gain_high"] = interval(ours - theirs, units, row["gain"], (-1.0, 1.0))
    return {**sizes, **row, "note": ""}
