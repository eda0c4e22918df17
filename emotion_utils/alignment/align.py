"""How much two models have in common: maps fitted on neutral prompts, scored on emotions that they never saw.

Everything is computed for all pairs of layers and for thousands of other pairings of the neutral rows at once. The null
keeps what every pair of models has (spectra, template families, a map fitted to as many rows) and breaks only which row
of one model goes with which row of the other. The best pair of layers is compared with the best pair of every other
pairing, so that looking at many pairs costs what it should.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from emotion_utils.alignment.ridge import Ridge, held_out_hat, permute_pairing, r_squared
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.nulls import against_null
from emotion_utils.subspaces.measures import emotion_subspace, orthonormal
from emotion_utils.subspaces.readings import PairedStates

PENALTY = 0.1
"""Ridge penalty over the mean eigenvalue: fixed beforehand, since one that is chosen on the true pairing would have to
be chosen again for every other one."""
CHUNK = 8 * 2**20
"""Bytes of images held at once: about what a cache holds."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Scores of all pairs of layers, and of other pairings of the rows.

    Attributes
    ----------
    source, target
        The two models.
    layers
        Of both.
    scores
        By name (``r2``, ``overlap``, ``probe``): shape (1 + draw, source layer, target layer); the first is the true
        pairing.
    """

    source: str
    target: str
    layers: tuple[tuple[int, ...], tuple[int, ...]]
    scores: Mapping[str, Float[np.ndarray, "draw source target"]] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """One row per score and pair of layers.

        Returns
        -------
        Columns ``source, target, score, source_layer, target_layer, value, null, null_high`` (mean and 95th percentile
        over other pairings) and ``p`` (of this pair of layers alone).
        """
        rows = []
        for name, values in self.scores.items():
            for i, one in enumerate(self.layers[0]):
                for j, other in enumerate(self.layers[1]):
                    held = against_null(values[0, i, j], values[1:, i, j])
                    rows.append((self.source, self.target, name, one, other, *held))
        columns = ["source", "target", "score", "source_layer", "target_layer", "value", "null"]
        return pd.DataFrame(rows, columns=[*columns, "null_high", "p"])

    def best(self, ceiling: Mapping[str, float] | None = None) -> pd.DataFrame:
        """The best pair of layers by each score, against the best pair of every other pairing.

        Parameters
        ----------
        ceiling
            By score: what the same model reaches with itself, where it is known.

        Returns
        -------
        Columns ``source, target, score, source_layer, target_layer, value, null, null_high, p, calibrated``; the last
        is (value - null) / (ceiling - null), with a ceiling of 1 where none is given.
        """
        rows = []
        for name, values in self.scores.items():
            i, j = np.unravel_index(int(values[0].argmax()), values[0].shape)
            held = against_null(values[0, i, j], values[1:].reshape(len(values) - 1, -1).max(axis=1))
            top = (ceiling or {}).get(name, 1.0)
            rows.append(
                {
                    "source": self.source,
                    "target": self.target,
                    "score": name,
                    "source_layer": self.layers[0][int(i)],
                    "target_layer": self.layers[1][int(j)],
                    **held._asdict(),
                    "calibrated": (held.value - held.null) / (top - held.null),
                }
            )
        return pd.DataFrame(rows)


def align(
    source: PairedStates,
    target: PairedStates,
    k: int = 5,
    n_permutations: int = 999,
    seed: int = 0,
    *,
    penalty: float = PENALTY,
    orders: Int[np.ndarray, "draw row"] | None = None,
) -> Alignment:
    """Score maps from one model to another, for all pairs of layers and many pairings.

    Three scores: ``r2``, held-out on neutral rows of other template families; ``overlap`` of the mapped emotion
    subspaces (principal components of emotional minus matched neutral) with the target's own, mean over the emotions;
    ``probe``, the AUROC with which the mapped emotion vectors tell the target's emotional prompts from
    their partners, mean over the emotions.

    Parameters
    ----------
    source, target
        With the same neutral prompts in the same order; widths and depths may differ.
    k
        Dimensions of the subspaces.
    n_permutations, seed
        Of the pairing.
    penalty
        Of the ridge map.
    orders
        Pairings in place of drawn ones, the true one first: the target's row of each place.

    Raises
    ------
    UserError
        Where the two have not the same rows or emotions, or neutral rows are not finite, are all equal, or see fewer
        than k dimensions.
    """
    _check(source, target)
    if orders is None:
        true = np.arange(len(source.groups))[None]
        orders = np.concatenate([true, permute_pairing(source.groups, n_permutations, seed)])
    # products of this size gain little from threads of BLAS, which lose much by waiting where others use the cores
    with threadpool_limits(1, user_api="blas"):
        scores = _scores(source, target, orders, k, penalty)
    return Alignment(source.model, target.model, (source.layers, target.layers), scores)


def _scores(
    source: PairedStates, target: PairedStates, orders: Int[np.ndarray, "draw row"], k: int, penalty: float
) -> dict[str, Float[np.ndarray, "draw source target"]]:
    """All scores of all pairs of layers under all pairings."""
    shape = len(orders), len(source.layers), len(target.layers)
    overlaps, probes = np.empty(shape), np.empty(shape)
    hats = np.stack([held_out_hat(rows, source.groups, penalty) for rows in source.neutral])
    centred = target.neutral - target.neutral.mean(axis=1, keepdims=True)
    goals = [_goal(target, j, centred[j], k) for j in range(len(target.layers))]
    places = np.argsort(orders, axis=1)  # where each target row goes: permuting Y itself would move far more
    for i in range(len(source.layers)):
        permuted = {emotion: dual.at(places) for emotion, dual in _duals(source, i, k, penalty).items()}
        for j, goal in enumerate(goals):
            overlaps[:, i, j], probes[:, i, j] = _transferred(permuted, goal)
    r2 = r_squared(hats, centred @ centred.transpose(0, 2, 1), orders)
    return {"r2": r2, "overlap": overlaps, "probe": probes}


def _check(source: PairedStates, target: PairedStates) -> None:
    """Refuse what has no answer, in a sentence that names the model and the layer."""
    if not np.array_equal(source.groups, target.groups) or set(source.emotional) != set(target.emotional):
        raise UserError(
            f"{source.model} and {target.model} were not read on the same prompts: pass the same rows in one order."
        )
    for one in (source, target):
        if one.neutral.shape[:2] != (len(one.layers), len(one.groups)):
            raise UserError(
                f"{one.model} has neutral states of {one.neutral.shape[:2]} layers and rows for "
                f"{len(one.layers)} layers and {len(one.groups)} families: read it on the same prompts."
            )
        for layer, rows in zip(one.layers, one.neutral, strict=True):
            with _named(one.model, layer):
                Ridge.fit(rows, PENALTY)


@contextmanager
def _named(model: str, layer: int) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"{model}, layer {layer}: {error}") from None


@dataclass(frozen=True, eq=False)
class _Goal:
    """One layer of the target, as its neutral rows see it.

    ``rows`` are in their own principal axes, of which there are r; ``states`` are inner products with emotional prompts
    and, after them, as many partners.
    """

    rows: Float[np.ndarray, "row r"]
    subspaces: Mapping[str, Float[np.ndarray, "k r"]]
    states: Mapping[str, Float[np.ndarray, "row state"]]


def _goal(target: PairedStates, layer: int, centred: Float[np.ndarray, "row d"], k: int) -> _Goal:
    """Images of any map lie in the span of the target's neutral rows: what lies outside cannot matter."""
    left, singular, basis = np.linalg.svd(centred, full_matrices=False)
    kept = singular > singular[0] * 1e-10
    left, singular, basis = left[:, kept], singular[kept], basis[kept]
    subspaces, states = {}, {}
    with _named(target.model, target.layers[layer]):
        _require(len(singular), k, "a subspace")
        for emotion in sorted(target.emotional):
            own, partner = target.emotional[emotion][layer], target.partners[emotion][layer]
            subspaces[emotion] = emotion_subspace(own, partner, k) @ basis.T
            states[emotion] = centred @ np.concatenate([own, partner]).T
    return _Goal(left * singular, subspaces, states)


def _require(rank: int, k: int, what: str) -> None:
    if rank < k:
        raise UserError(
            f"The neutral rows see {rank} of the {k} dimensions of {what}: take a smaller k, or more neutral prompts."
        )


@dataclass(frozen=True, eq=False)
class _Dual:
    """What turns target rows into images of an emotion subspace, up to its basis, and of a vector, up to its length."""

    span: Float[np.ndarray, "*draw k row"]
    vector: Float[np.ndarray, "*draw row"]

    def at(self, places: Int[np.ndarray, "draw row"]) -> _Dual:
        """The same with the columns where each pairing puts them: (draw, k, row) and (draw, row)."""
        return _Dual(np.ascontiguousarray(self.span.T[places].transpose(0, 2, 1)), self.vector[places])


def _duals(source: PairedStates, layer: int, k: int, penalty: float) -> dict[str, _Dual]:
    """By emotion, of one layer of the source."""
    fitted = Ridge.fit(source.neutral[layer], penalty)
    out = {}
    with _named(source.model, source.layers[layer]):
        for emotion in sorted(source.emotional):
            own, partner = source.emotional[emotion][layer], source.partners[emotion][layer]
            subspace, moved = emotion_subspace(own, partner, k), own - partner
            vector = moved.mean(axis=0, keepdims=True) / np.linalg.norm(moved, axis=1).max()
            _require(_seen(fitted, subspace), k, f"the subspace of {emotion}")
            span, image = (fitted.dual(points, vectors=True) for points in (subspace, vector))
            # a vector that the rows do not see has no image: it tells nothing apart, where its rounding might
            out[emotion] = _Dual(orthonormal(span), image[0] * _seen(fitted, vector))
    return out


def _seen(fitted: Ridge, directions: Float[np.ndarray, "m d"]) -> int:
    """How many dimensions of some directions, of about unit length, the rows of the source span beyond rounding."""
    rounding = np.linalg.norm(fitted.rows) * max(fitted.rows.shape) * np.finfo(np.float64).eps
    return int(np.linalg.matrix_rank(directions @ fitted.rows.T, tol=rounding))


def _transferred(
    permuted: Mapping[str, _Dual], goal: _Goal
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """Overlap and probe of every pairing, mean over the emotions."""
    overlaps, probes = (np.zeros(len(next(iter(permuted.values())).span)) for _ in range(2))
    for emotion, dual in permuted.items():
        states, subspace = goal.states[emotion], goal.subspaces[emotion]
        positive = np.arange(states.shape[1]) < states.shape[1] // 2
        step = max(1, CHUNK // (dual.span.shape[1] * goal.rows.shape[1] * 8))
        for start in range(0, len(overlaps), step):
            part = slice(start, start + step)
            overlaps[part] += _overlaps(dual.span[part], goal.rows, subspace)
            probes[part] += areas((dual.vector[part] @ states).T, positive)
    return overlaps / len(permuted), probes / len(permuted)


def _overlaps(
    spans: Float[np.ndarray, "draw k row"], rows: Float[np.ndarray, "row r"], goal: Float[np.ndarray, "m r"]
) -> Float[np.ndarray, " draw"]:
    """Overlap of the image M of each span with one subspace V: tr((M Mᵀ)⁻¹ M Vᵀ V Mᵀ) / min(k, m)."""
    flat = spans.reshape(-1, spans.shape[2]) @ rows  # one large product
    crossed = (flat @ goal.T).reshape(*spans.shape[:2], -1)  # (draw, k, m)
    images = flat.reshape(*spans.shape[:2], -1)
    gram = images @ images.transpose(0, 2, 1)
    lengths = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))[:, :, None]
    crossed = crossed / lengths  # rows of one length, for the solver's sake
    solved = np.linalg.solve(gram / (lengths * lengths.transpose(0, 2, 1)), crossed)
    return (solved * crossed).sum(axis=(1, 2)) / min(crossed.shape[1:])
