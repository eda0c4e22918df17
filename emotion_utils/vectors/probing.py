"""Emotion vectors as probes: how well a direction made from some prompts tells others apart.

A vector is made from the build split, its layer is chosen on the select split, and it is scored on prompts that
neither has seen, beside what a bag of words trained on the same prompts achieves and beside its null: the same vector,
layer choice included, after labels were exchanged. Where every unit holds as many reads of the label as of what it is
compared with, that is done inside whole units; elsewhere between units, whose reads of one label keep a common one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from emotion_utils.activations.extraction import Activations
from emotion_utils.core.emotions import REFERENCE, emotions_of, others_of
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.prompts.partners import partners
from emotion_utils.statistics.auc import areas
from emotion_utils.statistics.permutations import permute_blocks
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.vectors.vector import EmotionVector, difference_of_means, logistic_directions

METHODS = {
    "sentence end": "end",
    "emotion word": "word",
    "logistic, end": "end",
    "logistic, word": "word",
}
"""How a vector is made, and where the prompts that it is made from are read. ``end``: the last token of prompts.
``word``: the emotion word, against the word in its place in the neutral partner."""
PENALTY = 10.0
"""Of the logistic regression: with a few dozen prompts and hundreds of dimensions the classes are separable, and a weak
penalty would follow single prompts."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """Activations of one label and of the prompts that it is compared with: neutral ones, or those of all other labels.

    Attributes
    ----------
    emotion
    place
        ``end``, ``mean`` or ``word``.
    layers, values
        Layers of the second axis; shape (read, layer, d_model).
    positive
        Which reads are of the label.
    prompts
        One row per read: ``id``, ``emotion``, ``split``, ``unit`` (what is resampled together) and ``block`` (what
        keeps a common label in a permutation).
    """

    emotion: str
    place: str
    layers: tuple[int, ...]
    values: Float[Tensor, "read layer d_model"] = field(repr=False)
    positive: Bool[np.ndarray, " read"] = field(repr=False)
    prompts: pd.DataFrame = field(repr=False)

    def only(self, *splits: str) -> Contrast:
        """The part of it that lies in some splits."""
        kept = np.flatnonzero(self.prompts["split"].isin(splits))
        return replace(
            self,
            values=self.values[torch.from_numpy(kept)],
            positive=self.positive[kept],
            prompts=self.prompts.iloc[kept].reset_index(drop=True),
        )

    def has_both(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.positive.any() and not self.positive.all())

    def is_paired(self) -> bool:
        """Whether every unit holds as many reads of the label as of what it is compared with."""
        signs = np.where(self.positive, 1, -1)
        return bool(len(signs) and not pd.Series(signs).groupby(self.prompts["unit"].to_numpy()).sum().any())


def contrast(
    prompts: pd.DataFrame,
    activations: Activations,
    emotion: str,
    place: str = "end",
    kind: str = "resid_post",
) -> Contrast:
    """Put the reads of a label beside those of its neutral partners, of all neutral prompts, or of all other labels.

    The first where it has partners, the last where no prompt is neutral.

    Parameters
    ----------
    prompts
        The prompts that were read.
    activations
        With the position ``place``; for ``word`` with ``emotion`` and ``match``.
    emotion
        A label, not the reference.
    place
        Where to read.
    kind
        What to read.

    Raises
    ------
    UserError
        For a label that the prompts do not have, with those that they have.
    """
    if emotion not in (known := emotions_of(prompts)):
        raise UserError(f'There is no contrast for "{emotion}": {suggestion(emotion, known)}')
    about = pd.DataFrame(
        {
            "id": prompts["id"],
            "emotion": prompts["emotion"],
            "pair_id": prompts["pair_id"],
            "split": prompts["split"],
            "unit": resampling_units(prompts),
            "block": prompts["group"].astype(str) + "/" + prompts["emotion"],
        }
    )
    parts = _parts(about, partial(_read, activations, kind), emotion, place)
    values = torch.cat([rows for rows, _, _ in parts])
    positive = np.concatenate([np.full(len(table), sign) for _, table, sign in parts])
    table = pd.concat([table for _, table, _ in parts], ignore_index=True)
    return Contrast(emotion, place, tuple(activations.layers(kind)), values, positive, table)


def _parts(
    about: pd.DataFrame,
    read: Callable[[str, pd.DataFrame], tuple[Tensor, pd.DataFrame]],
    emotion: str,
    place: str,
) -> list[tuple[Tensor, pd.DataFrame, bool]]:
    """Values, prompts and sign of the label's reads and of those they are compared with."""
    emotional, others = about[about["emotion"] == emotion], about[others_of(about, emotion)]
    pairs, neutral = set(emotional["pair_id"].dropna()), others[others["emotion"] == REFERENCE]
    if pairs & set(neutral["pair_id"].dropna()):
        others = neutral[neutral["pair_id"].isin(pairs)]
    if place != "word":
        return [(*read(place, emotional), True), (*read(place, others), False)]
    # a match belongs to the emotional prompt; in the null it goes with the partner's family
    beside = partners(pd.concat([emotional, others]), ["block"])
    matched = beside.assign(block=beside["partner_block"], emotion=REFERENCE)
    return [(*read("emotion", emotional), True), (*read("match", matched), False)]


def _read(
    activations: Activations, kind: str, position: str, table: pd.DataFrame
) -> tuple[Tensor, pd.DataFrame]:
    """The reads of some prompts, in their order; a prompt without one is left out."""
    ids, values = activations.at(position, kind)
    at = pd.Series(np.arange(len(ids)), index=ids.to_numpy()).reindex(table["id"])
    kept = at.notna().to_numpy()
    rows = at[kept].to_numpy(dtype=int)
    return values[torch.tensor(rows)], table[kept].reset_index(drop=True)


def is_fitted(method: str) -> bool:
    """Whether a method fits a regression, which takes longer than a mean."""
    return method.startswith("logistic")


def fit(given: Contrast, method: str, model: str = "") -> EmotionVector:
    """Make an emotion vector from a contrast.

    Parameters
    ----------
    given, method
        Read where :data:`METHODS` says; a key of it.
    model
        Its name.
    """
    if (place := place_of(method)) != given.place:
        raise UserError(f'The method "{method}" needs reads at "{place}", and these are at "{given.place}".')
    if is_fitted(method):
        values = logistic_directions(given.values, given.positive, PENALTY)
    else:
        classes = (torch.from_numpy(reads) for reads in (given.positive, ~given.positive))
        values = difference_of_means(*(given.values[reads] for reads in classes))
    n = int(given.positive.sum())
    return EmotionVector(given.emotion, method, model, given.layers, values, n=n)


def place_of(method: str) -> str:
    """Where the prompts are read that a vector is made from.

    Raises
    ------
    UserError
        For an unknown method, with the near miss.
    """
    if method not in METHODS:
        raise UserError(f'There is no method "{method}": {suggestion(method, METHODS)}')
    return METHODS[method]


def permutations(given: Contrast, n: int, seed: int) -> Bool[np.ndarray, "permutation read"]:
    """Labels exchanged between blocks of reads, which keep a common label."""
    rng = np.random.default_rng(seed)
    blocks = pd.factorize(given.prompts["block"])[0]
    labels = given.positive.astype(object)
    drawn: np.ndarray = np.stack([permute_blocks(labels, blocks, rng) for _ in range(n)])
    return drawn.astype(bool)


def shuffled(
    given: Contrast, method: str, n_permutations: int, seed: int
) -> Float[Tensor, "permutation layer d_model"]:
    """Vectors made after the labels were permuted between blocks.

    A permutation that leaves one class alone keeps the true labels, which can only raise the null.
    """
    drawn = permutations(given, n_permutations, seed)
    drawn[drawn.all(axis=1) | ~drawn.any(axis=1)] = given.positive
    if is_fitted(method):
        return torch.stack([logistic_directions(given.values, labels, PENALTY) for labels in drawn])
    weights = drawn / drawn.sum(1, keepdims=True) - ~drawn / (~drawn).sum(1, keepdims=True)
    return torch.einsum("pr,rld->pld", torch.from_numpy(weights), given.values.double()).float()


def project(
    given: Contrast, directions: Float[Tensor, "... layer d_model"]
) -> Float[np.ndarray, "read ... layer"]:
    """Inner products of each read with directions, layer by layer."""
    return torch.einsum("rld,...ld->r...l", given.values, directions).numpy()


def best_layer(scores: Float[np.ndarray, "read ... layer"], positive: np.ndarray) -> np.ndarray:
    """Number of the layer with the largest AUROC; among equals the one with the largest standardised difference.

    Parameters
    ----------
    scores, positive
        As in :func:`areas`.

    Returns
    -------
    Shape ``(...)``, integers.
    """
    mask = positive.reshape(positive.shape + (1,) * (scores.ndim - positive.ndim))
    up, down = np.maximum(mask.sum(axis=0), 1), np.maximum((~mask).sum(axis=0), 1)
    high, low = (np.where(reads, scores, 0).sum(axis=0) / n for reads, n in ((mask, up), (~mask, down)))
    spread = np.where(mask, scores - high, scores - low).std(axis=0)
    with np.errstate(over="ignore"):  # without spread the difference is infinite, and tanh makes that 1
        effect = (high - low) / np.maximum(spread, np.finfo(float).tiny)
    # an AUROC moves in steps of 1 / (positives x negatives); tanh keeps the tie-break below one step
    return np.asarray((areas(scores, positive) + 0.25 * np.tanh(effect / 10) / (up * down)).argmax(axis=-1))


def swapped(given: Contrast, universe: np.ndarray, n: int, seed: int) -> Bool[np.ndarray, "draw read"]:
    """Labels of emotional and neutral reads exchanged inside whole units: the null of a paired design.

    Parameters
    ----------
    given
        Units that hold both kinds.
    universe
        All units; contrasts with the same universe and seed are exchanged together.
    n, seed
        Of the draws.
    """
    units = np.unique(universe)
    flips = np.random.default_rng(seed).random((n, len(units))) < 0.5
    flipped: np.ndarray = flips[:, np.searchsorted(units, given.prompts["unit"].to_numpy())]
    return np.logical_xor(given.positive, flipped)


def exchanged(prompts: pd.DataFrame, n: int, seed: int | Sequence[int]) -> Shaped[np.ndarray, "draw read"]:
    """Labels exchanged between units: the null where a unit holds one label alone, or several in unequal numbers.

    Parameters
    ----------
    prompts
        One row per read, with ``emotion`` and ``unit``: reads of one unit and label keep a common label. The same reads
        in another order get the same labels.
    n, seed
        Of the draws.
    """
    keys = prompts["unit"].astype(str) + "\0" + prompts["emotion"].astype(str)
    blocks = np.unique(keys.to_numpy(dtype=str), return_inverse=True)[1]
    labels, rng = prompts["emotion"].to_numpy(dtype=object), np.random.default_rng(seed)
    drawn: np.ndarray = np.stack([permute_blocks(labels, blocks, rng) for _ in range(n)])
    return drawn


def null_areas(
    directions: Float[Tensor, "layer d_model"],
    chosen_on: Contrast,
    scored_on: Contrast,
    universe: np.ndarray,
    n: int,
    seed: int,
) -> Float[np.ndarray, " draw"]:
    """AUROC of one vector where it tells nothing: layer chosen and score taken after labels were exchanged.

    Inside units where both parts are paired (:meth:`Contrast.is_paired`), else between them and in each part alone. NaN
    in a draw that leaves one class alone.
    """
    parts = (chosen_on, scored_on)
    if all(part.is_paired() for part in parts):
        labels = [swapped(part, universe, n, seed).T for part in parts]
    else:
        draws = (exchanged(part.prompts, n, (seed, i)) for i, part in enumerate(parts))
        labels = [(drawn == part.emotion).T for drawn, part in zip(draws, parts, strict=True)]
    columns = [
        np.broadcast_to(project(part, directions)[:, None], (len(part.positive), n, len(directions)))
        for part in parts
    ]
    layers = best_layer(columns[0], labels[0])
    return areas(columns[1], labels[1])[np.arange(n), layers]


def by_emotion(
    prompts: pd.DataFrame,
    activations: Activations,
    place: str = "end",
    kind: str = "resid_post",
    emotions: Sequence[str] | None = None,
) -> dict[str, Contrast]:
    """The contrasts of some labels, by default of all that the prompts have."""
    wanted = emotions_of(prompts) if emotions is None else emotions
    return {emotion: contrast(prompts, activations, emotion, place, kind) for emotion in wanted}
