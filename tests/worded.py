"""Models that were read at emotion words and at the end: the words of a planted emotion, neutral rows of one world."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import planted

from emotion_utils.subspaces.readings import ModelStates, _states, rows_of
from emotion_utils.wider.word_pairs import Options, WordPairs, word_pairs

FAMILIES, EACH = 10, 2


@cache
def prompts():
    return planted.shared(FAMILIES, EACH)


@cache
def model(name: str, seed: int, scale: float = 1.0) -> ModelStates:
    """Three layers; families have a deviation of their own, and the planted direction is of layers 1 and 2."""
    read = planted.activations(prompts(), 1.0, seed=seed, spread=0.5)
    values = {point: scale * states for point, states in read.values.items()}
    return _states(name, replace(read, values=values))


def pair(scale: float = 1.0, by: str = "number", seed: int = 2, **options) -> WordPairs:
    own = Options(**{"n_components": 4, **options})
    return word_pairs(model("one", 1), model("other", seed, scale), prompts(), rows_of(prompts()), own, by)


def wrong_pairs(given: WordPairs, seed: int) -> WordPairs:
    """The same with the target's neutral states of other prompts, family by family, at the first rows' places."""
    ids = given.rows.neutral["id"].to_numpy()
    families = np.random.default_rng(seed).permutation(FAMILIES)
    moved = ids.reshape(FAMILIES, EACH)[families].ravel()
    values = given.target.values.copy()
    values[given.target.ids.get_indexer(ids)] = given.target.values[given.target.ids.get_indexer(moved)]
    return replace(given, target=replace(given.target, values=values))


def with_after(scores, true, wrong, before=0.0002):
    """The same with other scores: one row of layers for the true pairing and one for each wrong one."""
    after = np.array([true, *wrong], dtype=float)
    left = np.repeat(after[:1], len(scores.left_after), axis=0)
    left = left * (1 + 0.01 * np.linspace(-1, 1, len(left)))[:, None]
    return replace(scores, after=after, sound={}, before=np.full(after.shape[1], before), left_after=left)
