"""One training of a sibling, from fine-tuning to the curves of its circuit.

Half of the posts chooses: pairs, effects, the circuit, the order of components and what stands in the place of those
that are taken out. The other half tests, so that no circuit is judged by the posts that it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int

from emotion_utils.classification.classifier import BATCH, Predictions, TextClassifier, predictions
from emotion_utils.classification.fine_tuning import FineTuned, fine_tune
from emotion_utils.classification.settings import FineTuning, usual_fine_tuning
from emotion_utils.core.store import Store
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import HookPoint
from emotion_utils.models.model import Model
from emotion_utils.siblings.circuit import (
    Kept,
    Posts,
    against_random,
    curves,
    faithfulness_table,
    mean_outputs,
)
from emotion_utils.siblings.components import TokenIds, components
from emotion_utils.siblings.patching import Patched, attributed, effects, patch
from emotion_utils.siblings.post_pairs import PostPairs, Similar, pairs_of, similar_pairs
from emotion_utils.siblings.post_sets import PostSets
from emotion_utils.siblings.sizes import Sizes

PUBLISHED, BEST_HALF = "as published", "best half"
"""Circuits: components with an effect of tau or more, and the half that restores most."""


@dataclass(frozen=True, eq=False)
class Study:
    """One training of one sibling.

    Attributes
    ----------
    name
        Registry name.
    seed
        Of the training, and of all draws after it.
    trained
    tests
        What it says of the tests, by name.
    posts, sizes
    similar
        How the pairs that choose were found.
    tested
        Pairs of posts of the other half.
    patched
        Every component patched in the pairs that choose.
    """

    name: str
    seed: int
    trained: FineTuned = field(repr=False)
    tests: Mapping[str, Predictions] = field(repr=False)
    posts: PostSets = field(repr=False)
    sizes: Sizes
    similar: Similar = field(repr=False)
    tested: PostPairs = field(repr=False)
    patched: Patched = field(repr=False)

    @property
    def classifier(self) -> TextClassifier:
        """The trained one."""
        return self.trained.classifier

    @property
    def n_layers(self) -> int:
        """Blocks of the model."""
        return self.classifier.model.n_layers

    @cached_property
    def held(self) -> Posts:
        """The test that circuits are found on: posts that nothing was trained on."""
        found = self.tests[self.posts.first]
        return Posts(found.encoded.rows, _numbers(self.classifier, found.table["label"]))

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Of all components; see :func:`emotion_utils.siblings.patching.effects`."""
        return effects(self.patched, n_resamples=self.sizes.resamples, seed=self.seed)

    @property
    def circuit(self) -> tuple[HookPoint, ...]:
        """The components whose effect is tau or more, as published."""
        inside = self.effects["circuit"].to_numpy()
        return tuple(point for point, own in zip(self.patched.where, inside, strict=True) if own)

    @cached_property
    def attributed(self) -> Float[np.ndarray, " component"]:
        """What one gradient estimates in place of the share of the gap that a component restores."""
        telling = self.patched.telling()
        estimated = attributed(self.classifier, self.patched.pairs.take(telling), self.patched.where)
        share: np.ndarray = estimated.sum(axis=0) / self.patched.gap[telling].sum()
        return share

    @property
    def best_half(self) -> tuple[HookPoint, ...]:
        """Half of the components: those that restore the largest shares of the gap."""
        order = np.argsort(-self.effects["share"].to_numpy(), kind="stable")
        return tuple(self.patched.where[i] for i in np.sort(order[: len(order) // 2]))

    @cached_property
    def ablated(self) -> tuple[pd.DataFrame, dict[str, dict[str, Kept]]]:
        """Sufficiency and necessity of the published circuit and of the best half, on posts that test.

        Returns
        -------
        The table of :func:`circuit.against_random` with a column ``circuit``, and the posts behind it, by circuit and
        way.
        """
        ids, label = self.held.ids, self.held.label
        choosing = halves(label)
        own = Posts(_some(ids, ~choosing), label[~choosing])
        means = mean_outputs(self.classifier, _some(ids, choosing))
        tables, found = {}, {}
        for name, circuit in {PUBLISHED: self.circuit, BEST_HALF: self.best_half}.items():
            tables[name], found[name] = against_random(
                self.classifier, own, circuit, means, self.sizes.sets,
                n_resamples=self.sizes.resamples, seed=self.seed,
            )  # fmt: skip
        return pd.concat(tables, names=["circuit"]).reset_index("circuit").reset_index(drop=True), found

    @cached_property
    def faithful(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The curve and its integrals on pairs that test; see :func:`circuit.faithfulness_table`."""
        every, rng = components(self.classifier), np.random.default_rng(self.seed)
        best = np.argsort(-self.effects["share"].to_numpy(), kind="stable")
        orders = [best, *(rng.permutation(len(every)) for _ in range(self.sizes.orders))]
        own, *others = curves(self.classifier, self.tested, [[every[i] for i in order] for order in orders])
        return faithfulness_table(own, others, n_resamples=self.sizes.resamples, seed=self.seed)


def study(
    model: Model,
    posts: PostSets,
    sizes: Sizes,
    how: FineTuning | None = None,
    *,
    store: Store | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Study:
    """Train a sibling to tell labels apart, and patch every component of it.

    Parameters
    ----------
    model
    posts
    sizes
    how
        By default what suits the model (:func:`emotion_utils.classification.settings.usual_fine_tuning`); its seed is
        replaced by ``seed``.
    store
        Keeps the trained weights.
    seed
        Of the training and of all draws after it.
    progress

    Raises
    ------
    UserError
        Where too few posts are classified correctly for a pair.
    """
    own = replace(how or usual_fine_tuning(model.name), seed=seed)
    trained = fine_tune(model, posts.train.texts, posts.train.labels, own, store=store, progress=progress)
    classifier = trained.classifier
    tests = {name: predictions(classifier, test.texts, test.labels) for name, test in posts.tests.items()}
    first = tests[posts.first]
    ids, label = first.encoded.rows, _numbers(classifier, first.table["label"])
    right = (first.table["label"] == first.table["predicted"]).to_numpy()
    states, choosing = pooled_states(classifier, ids), halves(label)
    similar = [
        similar_pairs(states, label, right & half, sizes.pairs, least=sizes.cosine, seed=seed)
        for half in (choosing, ~choosing)
    ]
    chosen, tested = (pairs_of(ids, label, own.pairs) for own in similar)
    patched = patch(classifier, chosen)
    return Study(model.name, seed, trained, tests, posts, sizes, similar[0], tested, patched)


def halves(label: Int[np.ndarray, " post"]) -> Bool[np.ndarray, " post"]:
    """Every other post of each label: those that choose; the others test."""
    place = pd.Series(label).groupby(label).cumcount().to_numpy()
    chosen: np.ndarray = place % 2 == 0
    return chosen


@torch.no_grad()
def pooled_states(classifier: TextClassifier, ids: TokenIds) -> Float[np.ndarray, "post d_model"]:
    """Last hidden states, after the final norm, averaged over the tokens of each post."""
    classifier.model.check_mode()
    found: np.ndarray | None = None
    for rows in similar_lengths([len(own) for own in ids], BATCH):
        inputs = classifier.model.padded([ids[row] for row in rows])
        last = classifier.model.network.base_model(**inputs, use_cache=False).last_hidden_state.float()
        mask = inputs["attention_mask"][..., None]
        mean = ((last * mask).sum(dim=1) / mask.sum(dim=1)).cpu().numpy()
        found = np.zeros((len(ids), mean.shape[1]), dtype=np.float32) if found is None else found
        found[rows] = mean
    return np.zeros((0, 0), dtype=np.float32) if found is None else found


def _numbers(classifier: TextClassifier, labels: pd.Series) -> Int[np.ndarray, " post"]:
    """Labels as their places among the classifier's logits."""
    at = {name: number for number, name in enumerate(classifier.labels)}
    return np.array([at[name] for name in labels], dtype=np.int64)


def _some(ids: TokenIds, rows: Bool[np.ndarray, " post"]) -> TokenIds:
    return [own for own, kept in zip(ids, rows, strict=True) if kept]
