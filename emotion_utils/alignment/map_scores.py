"""Every kind of map by the same three scores, under the same other pairings, at one pair of layers fixed beforehand.

Each is fitted again for every pairing, the choice of its penalty included. The pair of layers is not chosen by a score,
so that no maximum has to be taken inside the null: it is the one at half the depth of both models, where the reports
compute their alignment too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.alignment.maps import MAPS, Affine, Fitted, checked, folds
from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.subspaces.measures import emotion_subspace
from emotion_utils.subspaces.readings import ModelStates, PairedStates, PromptPairs, paired_states

NAMES = ("r2", "overlap", "probe")
TOLERANCE = 1e-10
"""Singular values below it are none."""


@dataclass(frozen=True, eq=False)
class MapScores:
    """Scores of maps of several kinds.

    Attributes
    ----------
    scores
        By kind, shape (1 + draw, 3): :data:`NAMES`; the first row is the true pairing.
    """

    scores: Mapping[str, Float[np.ndarray, "draw score"]] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """One row per map and score.

        Returns
        -------
        Columns ``map, score, value, null, null_high`` (mean and 95th percentile over other pairings), ``z`` (value
        minus null, in standard deviations of other pairings) and ``p``.
        """
        rows = []
        for kind, values in self.scores.items():
            for name, (ours, *rest) in zip(NAMES, values.T, strict=True):
                held = against_null(ours, np.array(rest))
                z = (held.value - held.null) / np.std(rest, ddof=1)
                rows.append((MAPS[kind][0], name, *held[:3], z, held.p))
        return pd.DataFrame(rows, columns=["map", "score", "value", "null", "null_high", "z", "p"])


@dataclass(frozen=True, eq=False)
class _Emotion:
    """One emotion of both models, the target's in the coordinates of its neutral rows."""

    own: Float[np.ndarray, "prompt d_source"]
    partners: Float[np.ndarray, "prompt d_source"]
    subspace: Float[np.ndarray, "k d_source"]
    goal: Float[np.ndarray, "k r"]
    states: Float[np.ndarray, "state r"]

    def scores(self, fitted: Fitted) -> tuple[float, float]:
        """Overlap and probe."""
        images, vector = self._images(fitted)
        crossed = _basis(images) @ self.goal.T
        positive = np.arange(len(self.states)) < len(self.states) / 2
        return float((crossed**2).sum() / len(self.goal)), float(areas(self.states @ vector, positive))

    def _images(self, fitted: Fitted) -> tuple[Float[np.ndarray, "k r"], Float[np.ndarray, " r"]]:
        """Of the subspace and of the emotion vector; a nonlinear map has images of states alone."""
        if isinstance(fitted, Affine):
            vector = (self.own - self.partners).mean(axis=0)
            return self.subspace @ fitted.coefficients, vector @ fitted.coefficients
        moved = fitted(self.own) - fitted(self.partners)
        return np.linalg.svd(moved, full_matrices=False)[2][: len(self.subspace)], moved.mean(axis=0)


def _basis(rows: Float[np.ndarray, "k r"]) -> Float[np.ndarray, "m r"]:
    """Orthonormal rows of the same span. A dimension that a map loses is left out, and so counts as not found."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 0, lengths, 1)  # rows of one length: a map may shrink some a millionfold
    _, singular, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[singular > TOLERANCE]


def score_maps(
    source: PairedStates,
    target: PairedStates,
    k: int = 5,
    n_permutations: int = 99,
    seed: int = 0,
    kinds: Iterable[str] = tuple(MAPS),
) -> MapScores:
    """Score every kind of map on one pair of layers, and on other pairings of the neutral rows.

    The scores are those of :func:`emotion_utils.alignment.align.align`. What a nonlinear map makes of a subspace is the
    span of the principal components of mapped emotional minus mapped partner states.

    Parameters
    ----------
    source, target
        Of one layer each, with the same neutral prompts in the same order; widths may differ.
    k
        Dimensions of the subspaces.
    n_permutations, seed
        Of the pairing.
    kinds
        Keys of :data:`emotion_utils.alignment.maps.MAPS`.

    Raises
    ------
    UserError
        Where the two have not the same rows or emotions or more than one layer, and as the maps.
    """
    _comparable(source, target)
    (rows, goal), groups = (checked(one.neutral[0]) for one in (source, target)), source.groups
    centred = goal - goal.mean(axis=0)
    left, singular, basis = np.linalg.svd(centred, full_matrices=False)
    # images of any map lie in the span of the target's neutral rows: what lies outside cannot matter
    kept = singular > singular[0] * 1e-10
    paired, emotions = (left * singular)[:, kept], _emotions(source, target, basis[kept], k)
    orders = np.concatenate([np.arange(len(rows))[None], permute_pairing(groups, n_permutations, seed)])
    return MapScores({kind: _scores(kind, rows, groups, paired, emotions, orders) for kind in kinds})


def _comparable(source: PairedStates, target: PairedStates) -> None:
    if not np.array_equal(source.groups, target.groups) or set(source.emotional) != set(target.emotional):
        raise UserError(
            f"{source.model} and {target.model} were not read on the same prompts: pass the same rows in one order."
        )
    for one in (source, target):
        if len(one.neutral) != 1:
            raise UserError(
                f"{one.model} comes with {len(one.neutral)} layers: choose one, with paired_states."
            )


def _emotions(
    source: PairedStates, target: PairedStates, basis: Float[np.ndarray, "r d"], k: int
) -> list[_Emotion]:
    emotions = []
    for emotion in sorted(source.emotional):
        own, partners = source.emotional[emotion][0], source.partners[emotion][0]
        theirs, other = target.emotional[emotion][0], target.partners[emotion][0]
        goal, states = emotion_subspace(theirs, other, k), np.concatenate([theirs, other])
        emotions.append(
            _Emotion(own, partners, emotion_subspace(own, partners, k), goal @ basis.T, states @ basis.T)
        )
    return emotions


def _scores(
    kind: str,
    rows: Float[np.ndarray, "row d"],
    groups: np.ndarray,
    paired: Float[np.ndarray, "row r"],
    emotions: Sequence[_Emotion],
    orders: Int[np.ndarray, "draw row"],
) -> Float[np.ndarray, "draw score"]:
    """R², overlap and probe of every pairing."""
    make = MAPS[kind][1]
    whole = make(rows, groups)
    parts = [(train, test, make(rows[train], groups[train])) for train, test in folds(groups)]
    total, out = (paired**2).sum(), np.empty((len(orders), len(NAMES)))
    for draw, order in enumerate(orders):
        goal = paired[order]
        missed = sum(((goal[test] - part(goal[train])(rows[test])) ** 2).sum() for train, test, part in parts)
        fitted = whole(goal)
        out[draw] = 1 - missed / total, *np.mean([emotion.scores(fitted) for emotion in emotions], axis=0)
    return out


def half_way(states: ModelStates) -> int:
    """Number of the layer nearest to relative depth 1/2."""
    depth = (np.array(states.layers) + 1) / (max(states.layers) + 1)
    return int(np.abs(depth - 0.5).argmin())


def compare_maps(
    states_of: Mapping[str, ModelStates],
    pairs: Sequence[tuple[str, str]],
    halves: tuple[PromptPairs, PromptPairs],
    k: int = 5,
    n_permutations: int = 99,
    seed: int = 0,
) -> pd.DataFrame:
    """All kinds of maps for pairs of models at half depth, beside the target mapped to itself in the same way.

    Parameters
    ----------
    states_of
        By model.
    pairs
        Source and target.
    halves
        Rows of the source's emotional prompts and of the target's.
    k, n_permutations, seed
        Of :func:`score_maps`.

    Returns
    -------
    Columns ``source, target, source_layer, target_layer``, those of :meth:`MapScores.table`, ``ceiling`` (what the
    target reaches from the other half of its own prompts) and ``calibrated``, NaN where the ceiling is not above the
    null.
    """
    tables = []
    for source, target in pairs:
        one, same, other = (
            paired_states(states_of[name], rows, half_way(states_of[name]))
            for name, rows in ((source, halves[0]), (target, halves[0]), (target, halves[1]))
        )
        table = score_maps(one, other, k, n_permutations, seed).table()
        whole = score_maps(same, other, k, 0, seed).scores.values()
        ceiling = np.concatenate([values[0] for values in whole])
        room = (ceiling - table["null"]).where(lambda gap: gap > 0)
        table["ceiling"], table["calibrated"] = ceiling, (table["value"] - table["null"]) / room
        about = {"source": source, "target": target, "source_layer": one.layers[0]}
        tables.append(table.assign(**about, target_layer=other.layers[0]))
    front = ["source", "target", "source_layer", "target_layer"]
    return pd.concat(tables, ignore_index=True).pipe(lambda t: t[[*front, *t.columns.drop(front)]])


def corrected_p(table: pd.DataFrame) -> pd.Series:
    """P values of :func:`compare_maps`, adjusted for all maps and pairs of a score."""
    by_score = table.groupby("score", sort=False)["p"]
    return by_score.transform(lambda p: adjusted(p.to_numpy(), "fdr_bh"))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per score and map: means over the pairs, and how many of them stand out.

    Parameters
    ----------
    table
        From :func:`compare_maps`.

    Returns
    -------
    Columns ``score, map, value, null, null_high, z, ceiling, calibrated`` (means; without a calibrated one where it
    lacks for a pair), ``corrected`` (pairs that stand out when all maps and pairs of the score are corrected for),
    ``small`` (pairs with p of at most 0.05), ``p`` (the largest) and ``pairs``.
    """
    kept = ["value", "null", "null_high", "z", "ceiling", "calibrated"]
    groups = table.groupby(["score", "map"], sort=False)
    corrected = corrected_p(table).le(LEVEL).groupby([table["score"], table["map"]], sort=False).sum()
    counts = (
        corrected.rename("corrected")
        .to_frame()
        .join(groups["p"].agg(small=lambda p: int((p <= LEVEL).sum()), p="max", pairs="size"))
    )
    means = groups[kept].agg(lambda values: values.mean(skipna=False))
    whole = means.join(counts).reset_index()
    return whole.sort_values("score", key=lambda s: s.map(NAMES.index), kind="stable", ignore_index=True)
