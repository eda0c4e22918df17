"""What two sets of emotion vectors share: the geometry of their emotions, beside chance and beside the words alone.

The vectors are centred over emotions, and the cosines of all pairs of emotions of one set are ranked against those of
the other: representational similarity analysis {cite:p}`kriegeskorte2008`, which needs no map and no common width.
Layers are chosen by the largest similarity, so that the null, which permutes the emotions' labels, chooses anew in each
permutation. The words of the stories have a geometry too, and what is left without it is a partial correlation of
ranks. A few massive dimensions can hide the rest from a cosine: `standardise` divides each dimension by its standard
deviation over emotions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.alignment.rsa_cka import partial, rsa_matrix, similarities
from emotion_utils.core.errors import UserError, listing
from emotion_utils.scaling.published import VectorSet
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.nulls import AgainstNull, against_null

PERMUTATIONS = 999
FEWEST_EMOTIONS = 5
"""Below this number the labels have too few orders for a null."""
RECIPES = {False: "raw", True: "each dimension over its SD"}

Vectors = Float[np.ndarray, "emotion d_model"]
Layers = Float[np.ndarray, "layer emotion d_model"]
Others = Float[np.ndarray, "emotion d_other"]
Words = Float[np.ndarray, "emotion word"]
Matrices = Float[np.ndarray, "layer emotion emotion"]


@dataclass(frozen=True)
class Similarity:
    """How alike two sets are at their best pair of layers.

    Attributes
    ----------
    one, other, recipe
        Names, and a value of :data:`RECIPES`.
    layer_one, layer_other
        The pair with the largest similarity, as the sets count layers.
    value, null, null_high, p
        Spearman's correlation over the pairs of emotions, and the null: labels permuted, the largest over all pairs of
        layers in each permutation.
    low, high
        Interval (95 %) over emotions, each left out once, the pair of layers fixed.
    words_one, words_other
        Similarity of each of the two layers with the words; NaN without words.
    partial, partial_null, partial_null_high, partial_p
        Given the words, at the best pair of layers of its own, with its own null.
    partial_low, partial_high, partial_here
        Interval over emotions, and the partial similarity at the pair of layers named above.
    n_emotions, n_permutations
        Of both; the number of pairs of emotions follows.
    """

    one: str
    other: str
    recipe: str
    layer_one: int
    layer_other: int
    value: float
    low: float
    high: float
    null: float
    null_high: float
    p: float
    words_one: float
    words_other: float
    partial: float
    partial_low: float
    partial_high: float
    partial_null: float
    partial_null_high: float
    partial_p: float
    partial_here: float
    n_emotions: int
    n_permutations: int

    def row(self) -> dict[str, Any]:
        """As a row of a table."""
        return asdict(self)


def standardised(values: Layers) -> Layers:
    """Each dimension centred and divided by its standard deviation over emotions; one that does not vary stays 0."""
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


def matrices(values: Layers, standardise: bool = False) -> Matrices:
    """Ranked cosines of all pairs of emotions at each layer; see `rsa_cka.rsa_matrix`."""
    return np.stack([rsa_matrix(layer) for layer in (standardised(values) if standardise else values)])


def shared_emotions(one: VectorSet, other: VectorSet) -> tuple[str, ...]:
    """The emotions that both sets have, in the order of the first.

    Raises
    ------
    UserError
        For fewer than :data:`FEWEST_EMOTIONS`.
    """
    shared = tuple(emotion for emotion in one.emotions if emotion in other.emotions)
    if len(shared) < FEWEST_EMOTIONS:
        raise UserError(
            f"{one.name} and {other.name} share {listing(shared)}, and a comparison needs {FEWEST_EMOTIONS} emotions: "
            "use the same names in both sets."
        )
    return shared


def label_orders(n: int, n_permutations: int, seed: int) -> Int[np.ndarray, "draw n"]:
    """The true order of labels and so many random ones."""
    rng = np.random.default_rng(seed)
    return np.stack([np.arange(n), *(rng.permutation(n) for _ in range(n_permutations))])


def compare(
    one: VectorSet,
    other: VectorSet,
    words: VectorSet | None = None,
    *,
    standardise: bool = False,
    n_permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Similarity:
    """Similarity of two sets over the emotions that both have.

    Parameters
    ----------
    one, other
        Of any widths and numbers of layers.
    words
        `Stories.word_set` of the stories that the sets were made from; without it nothing is partialled out.
    standardise
        Whether each dimension is divided by its standard deviation over emotions first. Words never are.
    n_permutations, seed
        Of the null.

    Raises
    ------
    UserError
        For sets that share too few emotions, and for a set whose emotions are all alike.
    """
    names = shared_emotions(one, other)
    a, b = (matrices(own.at(names), standardise) for own in (one, other))
    orders = label_orders(len(names), n_permutations, seed)
    drawn = similarities(a, b, orders)
    i, j = best(drawn[0])
    values = one.at(names)[i], other.at(names)[j]
    low, high = over_emotions(*values, standardise=standardise)
    return Similarity(
        one=one.name,
        other=other.name,
        recipe=RECIPES[standardise],
        layer_one=one.layers[i],
        layer_other=other.layers[j],
        **_named("", _largest(drawn)),
        low=low,
        high=high,
        **_beside_words(one, other, words, (a, b), drawn, orders, standardise),
        n_emotions=len(names),
        n_permutations=n_permutations,
    )


def _beside_words(
    one: VectorSet,
    other: VectorSet,
    words: VectorSet | None,
    models: tuple[Float[np.ndarray, "a emotion emotion"], Float[np.ndarray, "b emotion emotion"]],
    drawn: Float[np.ndarray, "draw a b"],
    orders: Int[np.ndarray, "draw emotion"],
    standardise: bool,
) -> dict[str, float]:
    """What the words say of it; NaN without words."""
    i, j = best(drawn[0])
    if words is None:
        names = ("words_one", "words_other", "partial_low", "partial_high", "partial_here")
        return dict.fromkeys(names, np.nan) | _named("partial", AgainstNull(*[np.nan] * 4))
    emotions = shared_emotions(one, other)
    text = words.at(emotions)
    with_one = similarities(matrices(text), models[0], orders[:1])[:, 0]  # (1, a)
    with_other = similarities(matrices(text), models[1], orders)[:, 0]  # (draw, b)
    rest = np.asarray(partial(drawn, with_one[:, :, None], with_other[:, None, :]))
    at = best(rest[0])
    low, high = over_emotions(
        one.at(emotions)[at[0]], other.at(emotions)[at[1]], text[0], standardise=standardise
    )
    return {
        "words_one": float(with_one[0, i]),
        "words_other": float(with_other[0, j]),
        **_named("partial", _largest(rest)),
        "partial_low": low,
        "partial_high": high,
        "partial_here": float(rest[0, i, j]),
    }


def best(values: Float[np.ndarray, "a b"]) -> tuple[int, int]:
    """Where the largest similarity stands."""
    i, j = np.unravel_index(values.argmax(), values.shape)
    return int(i), int(j)


def _largest(drawn: Float[np.ndarray, "draw a b"]) -> AgainstNull:
    top = drawn.reshape(len(drawn), -1).max(axis=1)
    return against_null(top[0], top[1:])


def _named(prefix: str, found: AgainstNull) -> dict[str, float]:
    """The fields of a value and its null, as :class:`Similarity` calls them."""
    names = ("null", "null_high", "p")
    rest = {f"{prefix}_{name}".strip("_"): getattr(found, name) for name in names}
    return {prefix or "value": found.value, **rest}


def similarity(
    one: Vectors, other: Others, words: Words | None = None, *, standardise: bool = False
) -> float:
    """Of two layers, given the words where there are any."""
    a, b = (matrices(own[None], standardise)[0] for own in (one, other))
    value = float((a * b).sum() / 2)
    if words is None:
        return value
    text = rsa_matrix(words)
    return float(partial(value, float((a * text).sum() / 2), float((b * text).sum() / 2)))


def over_emotions(
    one: Vectors, other: Others, words: Words | None = None, *, standardise: bool = False
) -> tuple[float, float]:
    """Interval (95 %) of :func:`similarity`, each emotion left out once; see `jackknife.jackknife_interval`."""
    n = len(one)
    left = [
        similarity(
            np.delete(one, i, axis=0),
            np.delete(other, i, axis=0),
            None if words is None else np.delete(words, i, axis=0),
            standardise=standardise,
        )
        for i in range(n)
    ]
    value = similarity(one, other, words, standardise=standardise)
    return jackknife_interval(value, np.array(left), np.ones(n), (-1.0, 1.0))


def exchanges(
    one: VectorSet, other: VectorSet, layers: tuple[int, int], *, standardise: bool = False
) -> pd.DataFrame:
    """What becomes of a similarity when two labels of the second set change places, for all pairs of labels.

    A similarity that hangs on a few emotions falls for few of them; one that follows something else, such as the
    length of the vectors, for none.

    Returns
    -------
    One row per pair of emotions: ``first, second, value`` (after the exchange), ``drop`` (how much is lost).
    """
    names = shared_emotions(one, other)
    sides = [
        own.at(names)[[own.layers.index(layer)]] for own, layer in zip((one, other), layers, strict=True)
    ]
    pairs = list(combinations(range(len(names)), 2))
    orders = np.tile(np.arange(len(names)), (len(pairs) + 1, 1))
    for order, (i, j) in zip(orders[1:], pairs, strict=True):
        order[[i, j]] = j, i
    a, b = (matrices(own, standardise) for own in sides)
    values = similarities(a, b, orders)[:, 0, 0]
    rows = [(names[i], names[j]) for i, j in pairs]
    table = pd.DataFrame(rows, columns=["first", "second"])
    return table.assign(value=values[1:], drop=values[0] - values[1:])


def depth_map(one: VectorSet, other: VectorSet, *, standardise: bool = False) -> pd.DataFrame:
    """Similarity of every layer of one set with every layer of the other, by relative depth.

    Returns
    -------
    One row per pair: ``one, other, recipe, layer_one, layer_other, depth_one, depth_other, value``. A depth is known
    to one block where a file does not say how it counts layers; see `published.VectorSet`.
    """
    names = shared_emotions(one, other)
    a, b = (matrices(own.at(names), standardise) for own in (one, other))
    values = similarities(a, b, np.arange(len(names))[None])[0]
    rows, columns = (index.ravel() for index in np.indices(values.shape))
    return pd.DataFrame(
        {
            "one": one.name,
            "other": other.name,
            "recipe": RECIPES[standardise],
            "layer_one": np.array(one.layers)[rows],
            "layer_other": np.array(other.layers)[columns],
            "depth_one": one.depths[rows],
            "depth_other": other.depths[columns],
            "value": values.ravel(),
        }
    )


def verdict(low: float, high: float, bar: float) -> str:
    """Whether something is above a bar, decided by its interval: yes, no, or cannot be told."""
    if low > bar:
        return "yes"
    return "no" if high <= bar else "cannot be told"


def verdicts(found: Similarity) -> dict[str, str]:
    """``shared``: whether a similarity is above its null; ``beyond_words``: whether what words leave of it is.

    By the intervals over emotions; see :func:`verdict`.
    """
    beyond = verdict(found.partial_low, found.partial_high, found.partial_null_high)
    return {"shared": verdict(found.low, found.high, found.null_high), "beyond_words": beyond}
