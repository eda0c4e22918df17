"""Angles, lengths and reliability of emotion vectors, each beside what no emotion would give.

Every vector here is a weighted sum of activations, so that a bootstrap, a permutation of labels or a split in halves is
another matrix of weights, and all of them are one product. Two nulls say two things:

``no emotion``
    All labels are permuted between template families. Vectors that subtract one neutral mean share its noise: their
    cosine is then not 0 but about 1/2.
``one emotion``
    Labels are permuted among the emotional prompts alone: what the cosines would be if the three emotions were one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.activations import Activations
from emotion_utils.errors import UserError
from emotion_utils.lexicality import permute_blocks
from emotion_utils.probing import EMOTIONAL, contrast
from emotion_utils.resampling import interval, resampling_units, unit_weights

__all__ = ["PAIRS", "States", "cosines", "halves", "lengths", "mean_cosine_draws", "states"]

PAIRS = tuple(combinations(EMOTIONAL, 2))


@dataclass(frozen=True, eq=False)
class States:
    """What vectors of all emotions are made from.

    Attributes
    ----------
    reading
        ``end``: rows are prompts, neutral ones among them, and a vector is a mean minus the neutral mean. ``word``:
        rows are differences between an emotion word and the word in its place, and a vector is their mean.
    values
        Shape (row, layer, d_model).
    labels
        Emotion of each row.
    units, blocks
        What is resampled together, and what keeps a common label in a null; one number per row.
    """

    reading: str
    layers: tuple[int, ...]
    values: Float[Tensor, "row layer d_model"] = field(repr=False)
    labels: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)
    blocks: np.ndarray = field(repr=False)

    def weights(
        self, labels: np.ndarray, counts: np.ndarray | None = None
    ) -> Float[np.ndarray, "emotion row"]:
        """The weights that make the vectors of the three emotions, each row counted so many times."""
        counts = np.ones(len(labels)) if counts is None else counts
        means = [self._mean(labels == emotion, counts) for emotion in EMOTIONAL]
        neutral = self._mean(labels == "neutral", counts) if self.reading == "end" else 0.0
        return np.stack(means) - neutral

    @staticmethod
    def _mean(chosen: np.ndarray, counts: np.ndarray) -> np.ndarray:
        total = float((chosen * counts).sum())
        return chosen * counts / total if total else np.full(len(chosen), np.nan)

    def vectors(
        self, weights: Float[np.ndarray, "draw emotion row"]
    ) -> Float[np.ndarray, "draw emotion layer d_model"]:
        """The vectors that weights give, in float64."""
        return torch.einsum("ber,rld->beld", torch.from_numpy(weights), self.values.double()).numpy()

    def observed(self) -> Float[np.ndarray, "1 emotion row"]:
        """Weights of the vectors themselves."""
        return self.weights(self.labels)[None]

    def bootstrap(self, n: int, seed: int) -> Float[np.ndarray, "draw emotion row"]:
        """Weights after whole units were drawn with replacement; a draw that lacks a class is left out."""
        drawn = unit_weights(self.units, n, np.random.default_rng(seed))
        return _finite(np.stack([self.weights(self.labels, counts) for counts in drawn]))

    def no_emotion(self, n: int, seed: int) -> Float[np.ndarray, "draw emotion row"]:
        """Weights after all labels were permuted; of differences, which have no neutral rows, the signs change too."""
        rng = np.random.default_rng(seed)
        out = []
        for _ in range(n):
            signs = 1.0
            if self.reading == "word":
                signs = rng.choice([-1.0, 1.0], size=self.blocks.max() + 1)[self.blocks]
            out.append(self.weights(permute_blocks(self.labels, self.blocks, rng)) * signs)
        return _finite(np.stack(out))

    def one_emotion(self, n: int, seed: int) -> Float[np.ndarray, "draw emotion row"]:
        """Weights after the labels of the emotional rows were permuted among themselves."""
        rng = np.random.default_rng(seed)
        emotional = self.labels != "neutral"
        blocks = pd.factorize(self.blocks[emotional])[0]
        out = []
        for _ in range(n):
            labels = self.labels.copy()
            labels[emotional] = permute_blocks(self.labels[emotional], blocks, rng)
            out.append(self.weights(labels))
        return _finite(np.stack(out))

    def split(
        self, n: int, seed: int
    ) -> tuple[Float[np.ndarray, "draw emotion row"], Float[np.ndarray, "draw emotion row"]]:
        """Weights of vectors from random halves: of each emotion's blocks one half goes to each side."""
        rng = np.random.default_rng(seed)
        sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for _ in range(n):
            first = self._half(rng)
            for side, counts in zip(sides, (first, ~first), strict=True):
                side.append(self.weights(self.labels, counts.astype(float)))
        one, two = (np.stack(side) for side in sides)
        kept = np.isfinite(one).all(axis=(1, 2)) & np.isfinite(two).all(axis=(1, 2))
        return one[kept], two[kept]

    def _half(self, rng: np.random.Generator) -> np.ndarray:
        first = np.zeros(len(self.labels), dtype=bool)
        for label in dict.fromkeys(self.labels):
            blocks = rng.permutation(np.unique(self.blocks[self.labels == label]))
            first |= np.isin(self.blocks, blocks[: (len(blocks) + rng.integers(2)) // 2])
        return first


def _finite(weights: np.ndarray) -> np.ndarray:
    return weights[np.isfinite(weights).all(axis=(1, 2))]


def states(
    prompts: pd.DataFrame, found: Activations, reading: str = "end", kind: str = "resid_post"
) -> States:
    """Collect what vectors are made from.

    Parameters
    ----------
    prompts
        Those that were read; all of them are used.
    found
        With the position ``end``, or with ``emotion`` and ``match``.
    reading
        ``end`` or ``word``.
    kind
        Hook kind.
    """
    if reading not in ("end", "word"):
        raise UserError(f'Vectors are made from reads at "end" or "word", not at "{reading}".')
    if reading == "word":
        return _differences(prompts, found)
    ids, values = found.at("end", kind)
    table = prompts.set_index("id").loc[ids].reset_index()
    blocks = pd.factorize(table["group"].astype(str) + "/" + table["emotion"])[0]
    labels = table["emotion"].to_numpy(dtype=object)
    return States(reading, tuple(found.layers(kind)), values, labels, resampling_units(table), blocks)


def _differences(prompts: pd.DataFrame, found: Activations) -> States:
    """Emotion word minus the word in its place, one row per prompt that has both."""
    rows, labels, units, blocks = [], [], [], []
    for emotion in EMOTIONAL:
        both = contrast(prompts, found, emotion, "word")
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
    return States(
        "word", tuple(found.layers()), torch.cat(rows), np.array(labels, dtype=object), np.array(units), coded
    )


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=-1) / norms


def _pairwise(
    vectors: Float[np.ndarray, "draw emotion layer d_model"],
) -> Float[np.ndarray, "draw pair layer"]:
    at = {emotion: i for i, emotion in enumerate(EMOTIONAL)}
    return np.stack([_cosine(vectors[:, at[a]], vectors[:, at[b]]) for a, b in PAIRS], axis=1)


def cosines(given: States, n_permutations: int = 199, n_resamples: int = 500, seed: int = 0) -> pd.DataFrame:
    """Cosine of each pair of emotion vectors at each layer, with its interval and both nulls.

    Returns
    -------
    Columns ``reading, pair, layer, value, low, high`` (bootstrap over units), ``no_emotion, no_emotion_low,
    no_emotion_high, one_emotion, one_emotion_low, one_emotion_high`` (means and 95 % ranges of the nulls), ``p_no,
    p_one`` (two-sided against the first, "as small as this" against the second), ``n, n_units``.
    """
    value = _pairwise(given.vectors(given.observed()))[0]  # (pair, layer)
    draws = _pairwise(given.vectors(given.bootstrap(n_resamples, seed)))
    none = _pairwise(given.vectors(given.no_emotion(n_permutations, seed)))
    one = _pairwise(given.vectors(given.one_emotion(n_permutations, seed)))
    rows = []
    for i, pair in enumerate(PAIRS):
        for k, layer in enumerate(given.layers):
            ours, null, single = value[i, k], none[:, i, k], one[:, i, k]
            away = np.abs(null - null.mean()) >= abs(ours - null.mean())
            spread = (
                *interval(draws[:, i, k]),
                null.mean(),
                *interval(null),
                single.mean(),
                *interval(single),
            )
            p = (1 + away.sum()) / (1 + len(null)), (1 + (single <= ours).sum()) / (1 + len(single))
            about = given.reading, " – ".join(pair), layer, ours
            rows.append((*about, *spread, *p, len(given.labels), len(set(given.units))))
    columns = ["reading", "pair", "layer", "value", "low", "high"]
    columns += [
        "no_emotion",
        "no_emotion_low",
        "no_emotion_high",
        "one_emotion",
        "one_emotion_low",
        "one_emotion_high",
    ]
    return pd.DataFrame(rows, columns=[*columns, "p_no", "p_one", "n", "n_units"])


def mean_cosine_draws(given: States, n_resamples: int, seed: int) -> tuple[float, np.ndarray]:
    """Mean cosine over pairs and layers, and its bootstrap draws; equal units and seeds are resampled alike."""
    value = float(_pairwise(given.vectors(given.observed())).mean())
    drawn = unit_weights(given.units, n_resamples, np.random.default_rng(seed))
    weights = np.stack([given.weights(given.labels, counts) for counts in drawn])
    return value, _pairwise(given.vectors(np.nan_to_num(weights))).mean(axis=(1, 2))


def lengths(
    given: States,
    scale: Float[np.ndarray, " layer"],
    n_permutations: int = 199,
    n_resamples: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Length of each emotion vector at each layer, raw and in units of the residual norm, beside its null.

    Parameters
    ----------
    given
    scale
        Mean norm of the residual stream at the rows that vectors are made from, by layer.

    Returns
    -------
    Columns ``reading, emotion, layer, l1, l2, scale, relative, low, high`` (of the relative L2 length), ``null,
    null_high`` (mean and 95th percentile without emotion).
    """
    ours = given.vectors(given.observed())[0]  # (emotion, layer, d_model)
    drawn = np.linalg.norm(given.vectors(given.bootstrap(n_resamples, seed)), axis=-1) / scale
    null = np.linalg.norm(given.vectors(given.no_emotion(n_permutations, seed)), axis=-1) / scale
    rows = []
    for i, emotion in enumerate(EMOTIONAL):
        for k, layer in enumerate(given.layers):
            l1, l2 = float(np.abs(ours[i, k]).sum()), float(np.linalg.norm(ours[i, k]))
            spread = (*interval(drawn[:, i, k]), null[:, i, k].mean(), np.quantile(null[:, i, k], 0.95))
            rows.append((given.reading, emotion, layer, l1, l2, scale[k], l2 / scale[k], *spread))
    columns = [
        "reading",
        "emotion",
        "layer",
        "l1",
        "l2",
        "scale",
        "relative",
        "low",
        "high",
        "null",
        "null_high",
    ]
    return pd.DataFrame(rows, columns=columns)


def halves(given: States, n: int = 100, seed: int = 0) -> pd.DataFrame:
    """Split-half reliability: cosine between vectors from disjoint halves of the template families.

    Returns
    -------
    Columns ``reading, emotion, layer, value, low, high`` (mean and 95 % range over splits) and ``other``: the mean
    cosine with the other emotions' vectors of the other half, which a specific vector has to exceed.
    """
    one, two = given.split(n, seed)
    if not len(one):
        columns = ["reading", "emotion", "layer", "value", "low", "high", "other"]
        return pd.DataFrame(columns=columns)
    a, b = given.vectors(one), given.vectors(two)  # (draw, emotion, layer, d_model)
    rows = []
    for i, emotion in enumerate(EMOTIONAL):
        same = _cosine(a[:, i], b[:, i])  # (draw, layer)
        cross = np.mean([_cosine(a[:, i], b[:, j]) for j in range(len(EMOTIONAL)) if j != i], axis=0)
        for k, layer in enumerate(given.layers):
            spread = interval(same[:, k])
            rows.append((given.reading, emotion, layer, same[:, k].mean(), *spread, cross[:, k].mean()))
    return pd.DataFrame(rows, columns=["reading", "emotion", "layer", "value", "low", "high", "other"])


def residual_scale(given: Sequence[Tensor] | Tensor) -> Float[np.ndarray, " layer"]:
    """Mean norm of states by layer, from a tensor of shape (read, layer, d_model)."""
    return torch.as_tensor(given).norm(dim=-1).double().mean(dim=0).numpy()
