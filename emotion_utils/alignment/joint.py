"""Several layers of a model at once, and more than two models at once.

All layers of a model side by side, each scaled to one size, are one wide layer: maps between two such models see every
layer. More than two models meet in a shared space: the few dimensions that ridge fits of all models to the same neutral
rows agree on best (MAXVAR generalised canonical correlation of J. R. Kettenring, "Canonical analysis of several sets of
variables", 1971; regularised and read as a shared response as in P.-H. Chen et al., "A reduced-dimension fMRI shared
response model", 2015). It is fitted on neutral rows alone, and emotions that it never saw are scored in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.alignment.align import PENALTY, Alignment, align
from emotion_utils.alignment.all_pairs import SCORES as SCORES_IN_WORDS
from emotion_utils.alignment.pooled import model_orders, relative_orders
from emotion_utils.alignment.ridge import Ridge
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.nulls import against_null
from emotion_utils.subspaces.readings import PairedStates

JOINED, BEST, GAIN = "all layers jointly", "best pair of layers", "jointly minus best pair"
SCORES = ("fit", "cosine", "identified", "probe")
IN_WORDS = SCORES_IN_WORDS | {
    "fit": "agreement on the neutral rows", "cosine": "cosine of an emotion in two models",
    "identified": "nearest to its own emotion", "null": "wrong pairs", "null_high": "wrong pairs, 95 %",
    "p": "p", "n": "neutral rows",
}  # fmt: skip
"""Scores and columns of both tables, as a reader calls them."""
DIMENSIONS = 10
"""Of the shared space, where the rows allow them."""

Halves = tuple[PairedStates, PairedStates]


def joined(states: PairedStates) -> PairedStates:
    """All layers of a model side by side as one.

    Each layer is divided by the root mean square length of its centred neutral rows, and all by the root of their
    number, so that no layer counts for more because its states are longer.

    Raises
    ------
    UserError
        For a layer whose neutral rows are all equal, or not finite.
    """
    for layer, rows in zip(states.layers, states.neutral, strict=True):
        try:
            Ridge.fit(rows, PENALTY)
        except UserError as error:
            raise UserError(f"{states.model}, layer {layer}: {error}") from None
    centred = states.neutral - states.neutral.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.square(centred).sum(axis=2, keepdims=True).mean(axis=1, keepdims=True))
    scale = lengths * np.sqrt(len(states.layers))  # (layer, 1, 1)

    def beside(values: Float[np.ndarray, "layer row d"]) -> Float[np.ndarray, "1 row d_all"]:
        return np.concatenate(list(values / scale), axis=1)[None]

    emotional, partners = (
        {emotion: beside(values) for emotion, values in part.items()}
        for part in (states.emotional, states.partners)
    )
    name = f"{states.model}, {JOINED}"
    return replace(
        states,
        model=name,
        layers=(0,),
        neutral=beside(states.neutral),
        emotional=emotional,
        partners=partners,
    )


def several_layers(
    source: PairedStates, target: PairedStates, k: int = 5, n_permutations: int = 199, seed: int = 0
) -> pd.DataFrame:
    """Compare a map between all layers of two models with the best map between two single layers.

    Parameters
    ----------
    source, target
        As for :func:`emotion_utils.alignment.align.align`.
    k
        Dimensions of the emotion subspaces.
    n_permutations, seed
        Of the pairing, the same for both.

    Returns
    -------
    Columns ``score, arrangement`` (:data:`JOINED`, :data:`BEST`, :data:`GAIN`), ``value, null, null_high, p`` and
    ``n`` (neutral rows); the best pair is chosen anew in every pairing.
    """
    orders = model_orders(source.groups, ["source", "target"], n_permutations, seed)
    pairing = relative_orders(orders["source"], orders["target"])
    single = align(source, target, k, orders=pairing)
    whole = align(joined(source), joined(target), k, orders=pairing)
    rows = []
    for score in single.scores:
        drawn = {JOINED: whole.scores[score][:, 0, 0], BEST: _best(single, score)}
        drawn[GAIN] = drawn[JOINED] - drawn[BEST]
        for name, values in drawn.items():
            rows.append((score, name, *against_null(values[0], values[1:]), len(source.groups)))
    return pd.DataFrame(rows, columns=["score", "arrangement", "value", "null", "null_high", "p", "n"])


def _best(alignment: Alignment, score: str) -> Float[np.ndarray, " draw"]:
    return np.asarray(alignment.scores[score].max(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class SharedSpace:
    """Dimensions that several models agree on best over the same rows.

    Attributes
    ----------
    rows
        Orthonormal coordinates of the rows in the space, shape (row, k).
    agreement
        Of each dimension: the share of it that ridge fits reach, mean over the models; from 0 to 1.
    """

    rows: Float[np.ndarray, "row k"] = field(repr=False)
    agreement: Float[np.ndarray, " k"]


def shared_space(hats: Float[np.ndarray, "model row row"], k: int) -> SharedSpace:
    """The k directions over the rows that the models' fits have in common.

    Parameters
    ----------
    hats
        Of every model the matrix that smooths any values of the rows: K (K + λ)⁻¹ with K the inner products of its
        centred rows. The rows stand in one order.
    k
        Dimensions.

    Raises
    ------
    UserError
        For more dimensions than centred rows have.
    """
    n = hats.shape[1]
    if not 1 <= k < n:
        raise UserError(
            f"A shared space of {k} dimensions was asked of {n} rows: take a k from 1 to {n - 1}."
        )
    values, vectors = np.linalg.eigh(hats.mean(axis=0))
    return SharedSpace(vectors[:, ::-1][:, :k], np.clip(values[::-1][:k], 0, 1))


def several_models(
    halves_of: Mapping[str, Halves],
    k: int = DIMENSIONS,
    n_permutations: int = 199,
    seed: int = 0,
    *,
    penalty: float = PENALTY,
) -> pd.DataFrame:
    """Fit a space that several models share to neutral rows, and score emotions that it never saw.

    Parameters
    ----------
    halves_of
        By model: its states, of one layer or :func:`joined`, with the emotional prompts of one half of the units and
        with those of the other; the same neutral rows.
    k
        Dimensions of the space, as many as rows allow.
    n_permutations, seed
        Of an order of every model's rows, drawn apart; the space is fitted anew to each.
    penalty
        Of the ridge fits, over the mean eigenvalue.

    Returns
    -------
    Columns ``score, value, null, null_high, p, chance`` (where it is known beforehand), ``models`` and ``n`` (neutral
    rows). ``fit`` is the agreement on the rows that the space was fitted to, which wrong pairs have too; of emotion
    vectors in the space, ``cosine`` is that of one emotion in two models, ``identified`` the share of them that are
    nearest to their own emotion after the mean over the emotions is taken away, both over ordered pairs of models and
    between different prompts; ``probe`` the AUROC with which the mean vector of all other models tells a model's
    emotional prompts from their partners.

    Raises
    ------
    UserError
        For fewer than two models, more than one layer, and models that were not read on the same rows.
    """
    _check(halves_of)
    groups = next(iter(halves_of.values()))[0].groups
    orders = model_orders(groups, list(halves_of), n_permutations, seed)
    fitted = [_Model.of(*halves, penalty) for halves in halves_of.values()]
    dimensions = min(k, len(groups) - 1)
    drawn = np.array(
        [_scores(fitted, own, dimensions) for own in zip(*orders.values(), strict=True)]
    )  # (draw, score)
    emotions = len(fitted[0].vectors)
    chance = {"identified": 1 / emotions, "probe": 0.5}
    rows = [
        (score, *against_null(values[0], values[1:]), chance.get(score, np.nan), len(fitted), len(groups))
        for score, values in zip(SCORES, drawn.T, strict=True)
    ]
    columns = ["score", "value", "null", "null_high", "p", "chance", "models", "n"]
    return pd.DataFrame(rows, columns=columns)


def _check(halves_of: Mapping[str, Halves]) -> None:
    if len(halves_of) < 2:
        raise UserError(f"A shared space needs at least 2 models: there are {len(halves_of)}.")
    first = next(iter(halves_of.values()))[0]
    for name, halves in halves_of.items():
        if any(len(half.layers) != 1 for half in halves):
            raise UserError(f"{name} has {len(halves[0].layers)} layers: take one, or join them.")
        alike = all(
            np.array_equal(half.groups, first.groups) and set(half.emotional) == set(first.emotional)
            for half in halves
        )
        if not alike:
            raise UserError(
                f"{name} was not read on the rows and emotions of {first.model}: read it there too."
            )


@dataclass(frozen=True, eq=False)
class _Model:
    """What turns coordinates of the rows into those of anything that the model was read on.

    ``hat`` is of the rows themselves, ``vectors`` of the emotion vectors of one half of the prompts, ``states`` of each
    emotion's prompts of the other half and, after them, as many partners.
    """

    hat: Float[np.ndarray, "row row"]
    vectors: Float[np.ndarray, "emotion row"]
    states: Sequence[Float[np.ndarray, "_ row"]]

    @classmethod
    def of(cls, one: PairedStates, other: PairedStates, penalty: float) -> _Model:
        rows = one.neutral[0]
        ridge, emotions = Ridge.fit(rows, penalty), sorted(one.emotional)
        moved = [(one.emotional[e][0] - one.partners[e][0]).mean(axis=0) for e in emotions]
        both = [np.concatenate([other.emotional[e][0], other.partners[e][0]]) for e in emotions]
        vectors = ridge.dual(np.stack(moved), vectors=True)
        return cls(ridge.dual(rows), vectors, [ridge.dual(points) for points in both])

    def ordered(self, order: Int[np.ndarray, " row"]) -> _Model:
        """The same with the rows in another order."""
        hat = self.hat[np.ix_(order, order)]
        return _Model(hat, self.vectors[:, order], [states[:, order] for states in self.states])

    def second(self) -> Float[np.ndarray, "emotion row"]:
        """Emotion vectors of the other half of the prompts."""
        halves = [np.split(states, 2) for states in self.states]
        return np.stack([(own - partners).mean(axis=0) for own, partners in halves])


def _scores(
    models: Sequence[_Model], orders: Sequence[Int[np.ndarray, " row"]], k: int
) -> tuple[float, float, float, float]:
    own = [model.ordered(order) for model, order in zip(models, orders, strict=True)]
    space = shared_space(np.stack([model.hat for model in own]), k)
    first = np.stack([model.vectors @ space.rows for model in own])  # (model, emotion, k)
    second = np.stack([model.second() @ space.rows for model in own])
    pairs = list(permutations(range(len(own)), 2))
    cosine = np.mean([np.diagonal(_cosines(first[i], second[j])).mean() for i, j in pairs])
    identified = np.mean([_nearest(first[i], second[j]) for i, j in pairs])
    probe = np.mean([_probe(own[i], np.delete(first, i, axis=0), space) for i in range(len(own))])
    return float(space.agreement.mean()), float(cosine), float(identified), float(probe)


def _unit(vectors: Float[np.ndarray, "*more k"]) -> Float[np.ndarray, "*more k"]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _cosines(
    one: Float[np.ndarray, "emotion k"], other: Float[np.ndarray, "emotion k"]
) -> Float[np.ndarray, "emotion emotion"]:
    return _unit(one) @ _unit(other).T


def _nearest(one: Float[np.ndarray, "emotion k"], other: Float[np.ndarray, "emotion k"]) -> float:
    """Share of vectors that are nearest to that of their own emotion, what all emotions have in common taken away."""
    near = _cosines(one - one.mean(axis=0), other - other.mean(axis=0)).argmax(axis=1)
    return float((near == np.arange(len(near))).mean())


def _probe(model: _Model, others: Float[np.ndarray, "other emotion k"], space: SharedSpace) -> float:
    along = _unit(others).mean(axis=0)
    found = []
    for states, vector in zip(model.states, along, strict=True):
        positive = np.arange(len(states)) < len(states) // 2
        found.append(areas((states @ space.rows @ vector)[:, None], positive)[0])
    return float(np.mean(found))


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`several_layers` or :func:`several_models` with words for its scores and columns."""
    return table.assign(score=table["score"].map(IN_WORDS)).rename(columns=IN_WORDS)


def summarise(jointly: pd.DataFrame, together: pd.DataFrame) -> str:
    """What is found jointly, by the nulls of both tables.

    Parameters
    ----------
    jointly, together
        From :func:`several_layers` and :func:`several_models`.
    """
    gains = jointly[jointly["arrangement"] == GAIN]
    more = ", ".join(
        f"{IN_WORDS[row.score]} {row.value:+.2f} (p = {row.p:.2g})" for row in gains.itertuples()
    )
    shared = ", ".join(
        f"{IN_WORDS[row.score]} {row.value:.2f} (wrong pairs {row.null:.2f}, p = {row.p:.2g})"
        for row in together.itertuples()
    )
    return (
        f"All layers at once, minus the best pair of layers: {more}; a small p says that true pairs gain more than "
        f"wrong ones. {together['models'].iloc[0]} models in one space: {shared}."
    )
