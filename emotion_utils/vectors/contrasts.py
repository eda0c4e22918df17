"""What emotion vectors are made from, and the weights that make them.

Every vector is a weighted sum of activations, so that a bootstrap, a permutation of labels or a split in halves is
another matrix of weights. Inner products of vectors need only those of the activations: one matrix per layer, whose
size does not depend on the width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations.extraction import Activations
from emotion_utils.core.emotions import REFERENCE, emotions_of
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.prompts.partners import partners
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.permutations import family_blocks, permute_blocks
from emotion_utils.statistics.resampling import resampling_units, unit_weights
from emotion_utils.vectors.probing import METHODS, Contrast, best_layer, contrast, exchanged, project

POSITIONS = {"end": "end", "word": "emotion"}
"""Where the states are read that vectors of a place are made from."""


@dataclass(frozen=True, eq=False)
class Contrasts:
    """What vectors of all emotions are made from.

    Attributes
    ----------
    place
        ``end``: rows are prompts, and a vector is a mean minus the neutral mean or, where no row is neutral, minus the
        mean of all other rows. ``word``: rows are differences between an emotion word and the word in its place, and a
        vector is their mean.
    values
        Shape (row, layer, d_model).
    labels
        Emotion of each row.
    units, blocks
        What is resampled together, and what keeps a common label in a null; one number per row.
    emotions
        Those that have a vector, in the order of all arrays; by default all labels but the reference.
    """

    place: str
    layers: tuple[int, ...]
    values: Float[Tensor, "row layer d_model"] = field(repr=False)
    labels: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)
    blocks: np.ndarray = field(repr=False)
    emotions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = emotions_of(pd.DataFrame({"emotion": self.labels}))
        if unknown := [emotion for emotion in self.emotions if emotion not in known]:
            raise UserError(f'No row has the label "{unknown[0]}": {suggestion(unknown[0], known)}')
        object.__setattr__(self, "emotions", tuple(self.emotions) or known)

    @property
    def has_reference(self) -> bool:
        """Whether vectors stand against one reference; else each stands against all other labels."""
        return self.place == "word" or bool((self.labels == REFERENCE).any())

    def weights(
        self, labels: np.ndarray, counts: np.ndarray | None = None
    ) -> Float[np.ndarray, "emotion row"]:
        """The weights that make the vectors of the emotions, each row counted so many times."""
        counts = np.ones(len(labels)) if counts is None else counts
        means = np.stack([self._mean(labels == emotion, counts) for emotion in self.emotions])
        if self.place == "word":
            return means
        if self.has_reference:
            return means - self._mean(labels == REFERENCE, counts)
        return means - np.stack([self._mean(labels != emotion, counts) for emotion in self.emotions])

    @staticmethod
    def _mean(chosen: np.ndarray, counts: np.ndarray) -> np.ndarray:
        total = float((chosen * counts).sum())
        return chosen * counts / total if total else np.full(len(chosen), np.nan)

    def vectors(
        self, weights: Float[np.ndarray, "draw emotion row"]
    ) -> Float[np.ndarray, "draw emotion layer d_model"]:
        """The vectors that weights give, in float64; for a few draws, since all of them can be large."""
        return torch.einsum("ber,rld->beld", torch.from_numpy(weights), self.values.double()).numpy()

    @cached_property
    def gram(self) -> Float[np.ndarray, "layer row row"]:
        """Inner products of the rows at each layer, in float64."""
        values = self.values.double().transpose(0, 1)
        return (values @ values.transpose(1, 2)).numpy()

    def products(
        self,
        one: Float[np.ndarray, "draw emotion row"],
        other: Float[np.ndarray, "draw emotion row"] | None = None,
    ) -> Float[np.ndarray, "draw layer emotion emotion"]:
        """Inner products of the vectors that two sets of weights give (one set: with each other)."""
        other = one if other is None else other
        draws, emotions, rows = one.shape
        out = np.empty((draws, len(self.gram), emotions, other.shape[1]))
        for layer, gram in enumerate(self.gram):
            out[:, layer] = (one.reshape(-1, rows) @ gram).reshape(one.shape) @ other.transpose(0, 2, 1)
        return out

    def observed(self) -> Float[np.ndarray, "1 emotion row"]:
        """Weights of the vectors themselves."""
        return self.weights(self.labels)[None]

    def bootstrap(self, n: int, seed: int) -> Float[np.ndarray, "draw emotion row"]:
        """Weights after whole units were drawn with replacement; a draw that lacks a class is left out."""
        drawn = unit_weights(self.units, n, np.random.default_rng(seed))
        return _finite(np.stack([self.weights(self.labels, counts) for counts in drawn]))

    def no_emotion(self, n: int, seed: int) -> Float[np.ndarray, "draw emotion row"]:
        """Weights where labels say nothing: permuted at the sentence end, signs of whole units flipped at the word."""
        rng = np.random.default_rng(seed)
        if self.place == "word":
            signs = rng.choice([-1.0, 1.0], size=(n, self.units.max() + 1))[:, None, self.units]
            return self.weights(self.labels)[None] * signs
        return _finite(
            np.stack([self.weights(permute_blocks(self.labels, self.blocks, rng)) for _ in range(n)])
        )

    def one_emotion(self, n: int, seed: int) -> Float[np.ndarray, "draw emotion row"]:
        """Weights after the labels of the emotional rows were permuted among themselves.

        Raises
        ------
        UserError
            Without a reference: all rows are emotional, and this is :meth:`no_emotion`.
        """
        if not self.has_reference:
            raise UserError(
                "Without a reference label, to permute the others is to permute all: use no_emotion."
            )
        rng = np.random.default_rng(seed)
        emotional = self.labels != REFERENCE
        blocks = pd.factorize(self.blocks[emotional])[0]
        out = []
        for _ in range(n):
            labels = self.labels.copy()
            labels[emotional] = permute_blocks(self.labels[emotional], blocks, rng)
            out.append(self.weights(labels))
        return _finite(np.stack(out))

    def split(
        self, n: int, seed: int, labels: np.ndarray | None = None
    ) -> tuple[Float[np.ndarray, "draw emotion row"], Float[np.ndarray, "draw emotion row"]]:
        """Weights of vectors from random halves of the units."""
        rng, units = np.random.default_rng(seed), np.unique(self.units)
        labels = self.labels if labels is None else labels
        halves: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for _ in range(n):
            first = np.isin(self.units, rng.permutation(units)[: (len(units) + rng.integers(2)) // 2])
            for half, counts in zip(halves, (first, ~first), strict=True):
                half.append(self.weights(labels, counts.astype(float)))
        one, two = (np.stack(half) for half in halves)
        kept = np.isfinite(one).all(axis=(1, 2)) & np.isfinite(two).all(axis=(1, 2))
        return one[kept], two[kept]


def _finite(weights: np.ndarray) -> np.ndarray:
    return weights[np.isfinite(weights).all(axis=(1, 2))]


def contrasts(prompts: pd.DataFrame, activations: Activations, place: str = "end") -> Contrasts:
    """Collect what vectors are made from.

    Parameters
    ----------
    prompts
        Those that were read; all of them are used.
    activations
        With the position ``end``, or with ``emotion`` and ``match``.
    place
        ``end`` or ``word``.
    """
    if place not in ("end", "word"):
        raise UserError(f'Vectors are made from reads at "end" or "word", not at "{place}".')
    if place == "word":
        return _differences(prompts, activations)
    ids, values = activations.at("end", "resid_post")
    table = prompts.set_index("id").loc[ids].reset_index()
    blocks = family_blocks(table)
    labels = table["emotion"].to_numpy(dtype=object)
    return Contrasts(
        place, tuple(activations.layers("resid_post")), values, labels, resampling_units(table), blocks
    )


def by_place(prompts: pd.DataFrame, activations: Activations) -> dict[str, Contrasts]:
    """What vectors are made from at the ``end`` and, where words and their matches are marked, at the ``word``."""
    places = ("end", "word") if _marked(prompts) else ("end",)
    return {place: contrasts(prompts, activations, place) for place in places}


def _marked(prompts: pd.DataFrame) -> tuple[str, ...]:
    """The labels of which some word is marked, and the word in its place in a neutral partner."""
    if "match_start" not in prompts:
        return ()
    beside = partners(prompts, ["id"])
    return emotions_of(beside[beside["match_start"].notna()])


def methods_of(prompts: pd.DataFrame) -> tuple[str, ...]:
    """The keys of :data:`probing.METHODS` that prompts allow: those at the word need marked words of every label."""
    whole = _marked(prompts) == emotions_of(prompts)
    return tuple(method for method, place in METHODS.items() if whole or place != "word")


def _differences(prompts: pd.DataFrame, activations: Activations) -> Contrasts:
    """Emotion word minus the word in its place, one row per prompt that has both."""
    rows, labels, units, blocks = [], [], [], []
    if not _marked(prompts):
        raise UserError(
            "No emotion word is marked beside a neutral partner's: read these prompts at the end."
        )
    for emotion in _marked(prompts):
        both = contrast(prompts, activations, emotion, "word")
        at = {
            s: pd.Series(np.flatnonzero(both.positive == s), both.prompts["id"][both.positive == s])
            for s in (True, False)
        }
        shared = [name for name in at[True].index if name in at[False].index]
        first, second = (torch.tensor(at[s][shared].to_numpy()) for s in (True, False))
        rows.append(both.values[first] - both.values[second])
        about = both.prompts.iloc[at[True][shared]]
        labels += [emotion] * len(shared)
        units += about["unit"].tolist()
        blocks += about["block"].tolist()
    coded = pd.factorize(np.array(blocks, dtype=object))[0]
    return Contrasts(
        "word",
        tuple(activations.layers()),
        torch.cat(rows),
        np.array(labels, dtype=object),
        np.array(units),
        coded,
    )


def null_of_mean(
    directions: Float[Tensor, "emotion layer d_model"],
    parts: Sequence[tuple[Contrast, Contrast]],
    n: int,
    seed: int,
) -> Float[np.ndarray, " draw"]:
    """Mean AUROC of vectors that tell nothing, where their contrasts share neutral reads that no unit pairs.

    What these reads add by chance is in every score, so that labels are exchanged among all reads, once per draw.

    Parameters
    ----------
    directions
        One vector per contrast.
    parts
        What its layer is chosen on, and what is scored.
    n, seed
        Of the draws.
    """
    emotions = [chosen.emotion for chosen, _ in parts]
    splits = [_together(split, directions) for split in zip(*parts, strict=True)]
    drawn = [exchanged(table, n, (seed, i)) for i, (table, _) in enumerate(splits)]
    null = np.empty((n, len(emotions)))
    for draw, at in np.ndindex(null.shape):
        known, scores = [], []
        for labels, (_, along) in zip(drawn, splits, strict=True):
            kept = np.isin(labels[draw], [emotions[at], REFERENCE])
            known.append(labels[draw][kept] == emotions[at])
            scores.append(along[kept, at])
        null[draw, at] = areas(scores[1][:, best_layer(scores[0], known[0])], known[1])
    return null.mean(axis=1)


def _together(
    parts: Sequence[Contrast], directions: Float[Tensor, "emotion layer d_model"]
) -> tuple[pd.DataFrame, Float[np.ndarray, "read emotion layer"]]:
    """The reads of some contrasts, those that they share once, and their places along each vector."""
    table = pd.concat([part.prompts for part in parts], ignore_index=True)
    first = (~table.duplicated(["id", "emotion"])).to_numpy()
    along = np.concatenate([project(part, directions) for part in parts])
    return table[first].reset_index(drop=True), along[first]
