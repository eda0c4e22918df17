"""The features of one training of a sibling: dictionaries of all its layers, and what they are asked.

Dictionaries are trained on the posts that the classifier was trained on. What they are asked is asked of posts that
neither has seen: one half of them chooses features, the other one tests. Features are taken out after the last layer
but one, so that one block is left to make up for them; in 26 layers that is layer 24, where the report takes its
Japanese model apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from emotion_utils.classification.classifier import TextClassifier
from emotion_utils.core.store import Store
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.evaluation import quality, together
from emotion_utils.dictionaries.loss import recovered
from emotion_utils.dictionaries.rivals import Coder, rivals
from emotion_utils.dictionaries.settings import PUBLISHED, BatchTopK, Recipe
from emotion_utils.dictionaries.training import TrainedDictionary, train
from emotion_utils.features.classifier_loss import classifier_losses, written_back
from emotion_utils.features.control_features import KINDS, Chosen, choose
from emotion_utils.features.cues import cues, cues_by_label
from emotion_utils.features.knockout_table import in_halves, knockout_table
from emotion_utils.features.label_effects import (
    MEASURES,
    cohens_d,
    counted,
    feature_table,
    label_effects,
    memberships,
    sparsity,
)
from emotion_utils.features.reading import (
    MEAN,
    TextActivations,
    states_of,
    text_activations,
    token_activations,
)
from emotion_utils.features.spelling_features import spelling_activations, spelling_survival
from emotion_utils.japanese.spellings import spelling_table
from emotion_utils.siblings.circuit import Posts
from emotion_utils.siblings.study import Study
from emotion_utils.statistics.resampling import grouped_mean_interval

SOUND, FROZEN, AS_PUBLISHED = "BatchTopK", "random directions", "L1, as published"
"""Dictionaries, as tables call them."""


@dataclass(frozen=True)
class FeatureSizes:
    """How much is trained and tried.

    Attributes
    ----------
    k
        Active features of a state, on average: an eighth of the dimensions of a bundled sibling.
    epochs
        Of a dictionary.
    published
        Whether the report's recipe is trained beside.
    judged
        Posts that dictionaries are judged on.
    matched, random
        Sets of control features, drawn for each label.
    others
        Posts of other labels that features are taken out of.
    permutations, resamples
        Of nulls and intervals.
    """

    k: int = 16
    epochs: int = 5
    published: bool = False
    judged: int = 240
    matched: int = 5
    random: int = 3
    others: int = 40
    permutations: int = 99
    resamples: int = 200


SMOKE = FeatureSizes(epochs=2, judged=40, matched=2, random=1, others=10, permutations=19, resamples=50)
BASELINE = FeatureSizes()
POWERED = replace(
    BASELINE, epochs=10, published=True, judged=2000, matched=19, random=19, others=200, permutations=199
)
SIZES = {
    "smoke": SMOKE,
    "baseline": BASELINE,
    "extended": replace(POWERED, judged=1000, matched=9, random=9, others=100),
    "powered": POWERED,
}
"""By profile."""


@dataclass(frozen=True, eq=False)
class FeatureStudy:
    """Dictionaries of one training of a sibling.

    Attributes
    ----------
    one
        The training: classifier and posts.
    sizes
    trained
        Name of a dictionary to layer to what was trained; :data:`SOUND` and :data:`FROZEN`, and
        :data:`AS_PUBLISHED` where it was asked for.
    rivals
        What has as many active features and needs no training, by layer.
    means
        Of the training states, by layer.
    """

    one: Study
    sizes: FeatureSizes
    trained: Mapping[str, Mapping[int, TrainedDictionary]] = field(repr=False)
    rivals: Mapping[int, Mapping[str, Coder]] = field(repr=False)
    means: Mapping[int, Float[Tensor, " d_model"]] = field(repr=False)

    @property
    def classifier(self) -> TextClassifier:
        """The trained one."""
        return self.one.classifier

    @property
    def layer(self) -> int:
        """After which features are taken out, counted from 0."""
        return max(0, self.one.n_layers - 2)

    @property
    def dictionary(self) -> Dictionary:
        """The sound one of that layer."""
        return self.of(SOUND)[self.layer]

    def of(self, name: str) -> dict[int, Dictionary]:
        """Dictionaries of one recipe, by layer."""
        return {layer: one.dictionary for layer, one in self.trained[name].items()}

    @cached_property
    def halves(self) -> tuple[Posts, Posts]:
        """Posts that choose features, and posts that test."""
        return in_halves(self.one.held)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """How well dictionaries and rivals write states back, and what of the classifier's loss that recovers.

        Returns
        -------
        As :func:`emotion_utils.dictionaries.evaluation.together`, all layers, losses in nats per post; ``worse,
        worse_low, worse_high``: by how much the loss is larger than with the sound dictionary, on the same posts.
        """
        held, n = self.one.held, self.sizes.judged
        drawn = np.random.default_rng(self.one.seed).permutation(len(held.label))[:n]
        some = Posts([held.ids[i] for i in drawn.tolist()], held.label[drawn])
        states = states_of(self.classifier.model, some.ids, list(self.means))
        tables = []
        for layer, own in states.items():
            coders = {name: self.of(name)[layer] for name in self.trained} | dict(self.rivals[layer])
            ways = {name: written_back(coder) for name, coder in coders.items()}
            losses = classifier_losses(self.classifier, some, layer, ways, self.means[layer])
            share = recovered(losses, n_resamples=self.sizes.resamples, seed=self.one.seed)
            worse = self._worse(losses, list(ways))
            tables.append(together(quality(coders, own, layer), share.merge(worse, how="left")))
        return pd.concat(tables, ignore_index=True)

    def _worse(self, losses: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        units = np.arange(len(losses))
        rows = []
        for name in names:
            gap = (losses[name] - losses[SOUND]).to_numpy()
            ends = grouped_mean_interval(gap, units, n_resamples=self.sizes.resamples, seed=self.one.seed)
            rows.append((name, float(gap.mean()), *ends))
        return pd.DataFrame(rows, columns=["method", "worse", "worse_low", "worse_high"])

    @cached_property
    def read(self) -> dict[int, TextActivations]:
        """Activations of the sound dictionaries in all held-out posts, by layer."""
        return text_activations(self.classifier.model, self.of(SOUND), self.one.held.ids, KINDS)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Features with a high d, layer by layer; see :func:`emotion_utils.features.label_effects.label_effects`.

        A column ``random`` has the same of the dictionary with random directions, NaN where it is not counted.
        """
        held, model = self.one.held, self.classifier.model
        weights = memberships(held.label, len(self.classifier.labels))
        unlearned = {
            layer: dict(zip(MEASURES, counted(cohens_d(own[MEAN].astype(np.float64), weights)), strict=False))
            for layer, own in text_activations(model, self.of(FROZEN), held.ids).items()
        }
        tables = [
            label_effects(
                own[MEAN], self.one.held.label, len(self.classifier.labels),
                n_permutations=self.sizes.permutations, n_resamples=self.sizes.resamples, seed=self.one.seed,
            ).assign(layer=layer)
            for layer, own in self.read.items()
        ]  # fmt: skip
        joined = pd.concat(tables, ignore_index=True)
        rows = zip(joined["layer"], joined["measure"], strict=True)
        return joined.assign(random=[unlearned[layer].get(measure, np.nan) for layer, measure in rows])

    @cached_property
    def kinds(self) -> pd.DataFrame:
        """What each feature tells; see :func:`emotion_utils.features.label_effects.feature_table`."""
        labels = self.classifier.labels
        weights = memberships(self.one.held.label, len(labels))
        tables = [
            feature_table(cohens_d(own[MEAN].astype(np.float64), weights), labels).assign(layer=layer)
            for layer, own in self.read.items()
        ]
        return pd.concat(tables, ignore_index=True)

    @cached_property
    def sparsity(self) -> pd.DataFrame:
        """Active features and the share of the strongest, at the layer where features are taken out."""
        return sparsity(self.read[self.layer], n_resamples=self.sizes.resamples, seed=self.one.seed)

    @cached_property
    def chosen(self) -> list[Chosen]:
        """Top features of every label with their controls, from the posts that choose."""
        posts = self.halves[0]
        read = text_activations(self.classifier.model, {self.layer: self.dictionary}, posts.ids, KINDS)[
            self.layer
        ]
        return choose(
            self.dictionary, read, posts.label, len(self.classifier.labels),
            matched=self.sizes.matched, random=self.sizes.random, seed=self.one.seed,
        )  # fmt: skip

    @cached_property
    def knocked_out(self) -> pd.DataFrame:
        """What each label loses without its features; see :mod:`emotion_utils.features.knockout_table`."""
        return knockout_table(
            self.classifier, self.dictionary, self.layer, self.halves[1], self.chosen,
            others=self.sizes.others, seed=self.one.seed,
        )  # fmt: skip

    @cached_property
    def cues(self) -> pd.DataFrame:
        """Diversity of the tokens that fire each label's features; see :mod:`emotion_utils.features.cues`."""
        tops = [one.top for one in self.chosen]
        which = np.unique(np.concatenate(tops))
        model, ids = self.classifier.model, self.halves[1].ids
        read = token_activations(model, self.dictionary, self.layer, ids, which)
        return cues_by_label(cues(read, seed=self.one.seed), tops, self.classifier.labels)

    @cached_property
    def spelled(self) -> dict[str, Float[np.ndarray, "spelling feature"]]:
        """Activations of features in sentences with every spelling."""
        spellings = spelling_table()["spelling"].tolist()
        return spelling_activations(self.classifier.model, self.dictionary, self.layer, spellings)

    @cached_property
    def survival(self) -> pd.DataFrame:
        """Features that survive a change of spelling; see :mod:`emotion_utils.features.spelling_features`."""
        return spelling_survival(self.spelled, n_permutations=self.sizes.permutations, seed=self.one.seed)


def feature_study(
    one: Study, sizes: FeatureSizes, *, store: Store | None = None, progress: bool = True
) -> FeatureStudy:
    """Train dictionaries of all layers of a sibling's classifier.

    Parameters
    ----------
    one
        The trained classifier; its seed is that of the dictionaries too.
    sizes
    store
        Keeps the dictionaries.
    progress

    Raises
    ------
    UserError
        As :func:`emotion_utils.dictionaries.training.train`.
    """
    layers = list(range(one.n_layers))
    states = states_of(one.classifier.model, one.trained.encoded.rows, layers)
    batch = min(PUBLISHED.batch, *(len(own) for own in states.values()))  # few posts may not fill one
    sound = BatchTopK(k=sizes.k, epochs=sizes.epochs, batch=batch)
    recipes: dict[str, Recipe] = {SOUND: sound, FROZEN: replace(sound, frozen=True)}
    if sizes.published:
        recipes[AS_PUBLISHED] = replace(PUBLISHED, batch=batch)
    key = hashlib.sha256(b"".join(own.cpu().numpy().tobytes() for own in states.values())).hexdigest()
    trained = {}
    for name, how in recipes.items():
        found = train(
            states, how, seeds=(one.seed,), store=store, states_key=key, progress=progress,
            device=str(one.classifier.model.device),
        )  # fmt: skip
        trained[name] = {layer: only for layer, (only,) in found.items()}
    return FeatureStudy(
        one,
        sizes,
        trained,
        {layer: rivals(own, sizes.k) for layer, own in states.items()},
        {layer: own.mean(dim=0) for layer, own in states.items()},
    )
