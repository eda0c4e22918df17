"""A planted emotion: neutral states, the same states moved along a known direction, and what chapter 03 makes of them.

Prompts come in fours, as in the prompt files: a neutral one and one of each emotion tell the same thing. Their states
share what is told and differ by what is their own; both are spiked and clustered by template family, as real states
are. At a strength of zero the labels say nothing, and a test must not find anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import EMOTIONS, families, random_basis, spectrum
from emotion_utils.statistics.auc import auroc
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds
from emotion_utils.subspaces.readings import PairedStates
from emotion_utils.vectors import geometry
from emotion_utils.vectors.contrasts import Contrasts
from emotion_utils.vectors.probing import Contrast, best_layer, fit, null_areas, project
from emotion_utils.vectors.vector import centred_class_means

SCORES = {
    "AUROC": "emotion vector, held-out AUROC",
    "no emotion": "cosine of two vectors, labels permuted",
    "one emotion": "cosine of two vectors, emotions permuted",
}
"""The tests of chapter 03: the mean over the emotions of the area that a vector reaches on prompts it was not made
from; and the cosine of the first two vectors, mean over layers, against both of its nulls."""
LABELS = (*EMOTIONS, "neutral")
SPLITS = ("build", "build", "select", "test", "test")
METHODS = ("difference of means", "centred class means", "logistic")


@dataclass(frozen=True)
class Planting:
    """What is planted into what.

    Attributes
    ----------
    width, layers
        Of the states; each layer has coordinates and directions of its own.
    pairs
        Prompts of each emotion, and neutral ones.
    exponent, family, mean
        As in `generators.Recipe`.
    strength
        Length of the shift of an emotion, in units of the root mean square deviation of one coordinate.
    noise
        Standard deviation, in the same unit and by coordinate, of the difference of a pair beyond the shift.
    alike
        Whether both prompts of a pair contribute equally to the noise; otherwise all of it is the emotional one's.
    one
        Whether all emotions share one direction.
    """

    width: int = 128
    layers: int = 2
    pairs: int = 70
    exponent: float = 1.0
    family: float = 0.5
    mean: float = 30.0
    strength: float = 3.0
    noise: float = 1.0
    alike: bool = True
    one: bool = False

    def __post_init__(self) -> None:
        if self.pairs < 20 or self.width < 4 or self.layers < 1 or not 0 <= self.family <= 1:
            raise UserError(
                f"Planting needs 20 pairs, 4 dimensions, a layer and a share of 0 to 1: {self} has not."
            )


KINDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "alike": ({"strength": 0.0}, tuple(SCORES)),
    "unlike": ({"strength": 0.0, "alike": False}, tuple(SCORES)),
    "one direction": ({"one": True}, ("one emotion",)),
}
"""Data with nothing to find, and the tests that must not find it: labels say nothing, and emotional prompts vary as
neutral ones do, or more than they; or all emotions share one direction, and only what tells them apart is missing."""


@dataclass(frozen=True, eq=False)
class Planted:
    """States, in the form that chapter 03 takes them, and the truth.

    Attributes
    ----------
    contrasts
        By emotion.
    states
        Of all prompts.
    directions
        Unit vectors, shape (emotion, layer, d_model).
    """

    contrasts: dict[str, Contrast] = field(repr=False)
    states: Contrasts = field(repr=False)
    directions: Float[np.ndarray, "emotion layer d_model"] = field(repr=False)


@cache
def _prompts(pairs: int) -> pd.DataFrame:
    """One row per prompt, label by label: what is resampled together, what keeps a label, and the split."""
    unit = np.tile(families(pairs), len(LABELS))
    label = np.repeat(LABELS, pairs)
    block = pd.factorize(pd.Series(unit.astype(str)) + label)[0]
    split = np.array(SPLITS)[unit % len(SPLITS)]
    ids = [f"{a}-{i}" for a, i in product(LABELS, range(pairs))]
    return pd.DataFrame({"id": ids, "emotion": label, "unit": unit, "block": block, "split": split})


def _clustered(
    rng: np.random.Generator, groups: np.ndarray, share: float, shape: tuple[int, ...]
) -> np.ndarray:
    own, common = rng.normal(size=(len(groups), *shape)), rng.normal(size=(groups.max() + 1, *shape))
    return np.sqrt(1 - share) * own + np.sqrt(share) * common[groups]


def plant(planting: Planting, seed: int | np.random.SeedSequence) -> Planted:
    """Draw states and directions."""
    rng, table, p = np.random.default_rng(seed), _prompts(planting.pairs), planting
    shape = (p.layers, p.width)
    told = np.tile(_clustered(rng, families(p.pairs), p.family, shape), (len(LABELS), 1, 1))
    own = _clustered(rng, table["block"].to_numpy(), p.family, shape)
    neutral = (table["emotion"] == "neutral").to_numpy()
    size = np.where(neutral, *((p.noise / np.sqrt(2),) * 2 if p.alike else (0.0, p.noise)))
    values = told + size[:, None, None] * own
    bases = np.stack(
        [spectrum(p.width, p.exponent)[:, None] * random_basis(p.width, rng) for _ in range(p.layers)]
    )
    values = np.einsum("rld,lde->rle", values, bases, optimize=True)
    values += p.mean * np.stack([random_basis(p.width, rng)[0] for _ in range(p.layers)])
    drawn = rng.normal(size=(len(EMOTIONS), *shape))
    directions = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    if p.one:
        directions[:] = directions[0]
    values[~neutral] += p.strength * np.repeat(directions, p.pairs, axis=0)
    return _packed(table, torch.from_numpy(values).float(), directions)


def _packed(table: pd.DataFrame, values: torch.Tensor, directions: np.ndarray) -> Planted:
    labels = table["emotion"].to_numpy(dtype=object)
    layers = tuple(range(values.shape[1]))
    units, blocks = table["unit"].to_numpy(), table["block"].to_numpy()
    contrasts = {}
    for emotion in EMOTIONS:
        kept = np.flatnonzero((labels == emotion) | (labels == "neutral"))
        own, positive = values[torch.from_numpy(kept)], labels[kept] == emotion
        rows = table.iloc[kept].reset_index(drop=True)
        contrasts[emotion] = Contrast(emotion, "end", layers, own, positive.astype(bool), rows)
    return Planted(contrasts, Contrasts("end", layers, values, labels, units, blocks), directions)


def expected_cosine(planting: Planting) -> float:
    """Cosine of a difference of means with its truth, to first order.

    The error of a mean of n pairs has the squared length noise² x width x c / n, where c counts what families have in
    common: 1 for independent pairs, the size of a family where its pairs are all the same.
    """
    sizes = np.bincount(families(planting.pairs))
    common = 1 - planting.family + planting.family * (sizes**2).sum() / planting.pairs
    error = planting.noise**2 * planting.width * common / planting.pairs
    return float(1 / np.sqrt(1 + error / planting.strength**2))


def recovered(planted: Planted) -> pd.DataFrame:
    """Cosines of what is found in all pairs with what was planted.

    Returns
    -------
    Columns ``method, emotion, layer, cosine`` (with the truth; for class means, with the planted directions after the
    mean over all four classes was subtracted), ``planted`` (with the planted direction itself).
    """
    truth, given = planted.directions, planted.states
    means = centred_class_means(given.values, given.labels.tolist())
    centred = truth - truth.sum(axis=0) / len(LABELS)
    rows = []
    for i, emotion in enumerate(EMOTIONS):
        contrast = planted.contrasts[emotion]
        found = [fit(contrast, "sentence end").values, means[emotion], fit(contrast, "logistic, end").values]
        for method, values, goal in zip(METHODS, found, (truth, centred, truth), strict=True):
            pair = (_cosines(values.double().numpy(), other[i]) for other in (goal, truth))
            rows += [(method, emotion, layer, *both) for layer, both in enumerate(zip(*pair, strict=True))]
    return pd.DataFrame(rows, columns=["method", "emotion", "layer", "cosine", "planted"])


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def recovery(
    planting: Planting, pairs: Sequence[int], noises: Sequence[float], seeds: Sequence[int]
) -> pd.DataFrame:
    """How well each method finds a planted direction, over the number of pairs and the noise.

    Returns
    -------
    Columns ``method, pairs, noise, cosine`` (mean), ``low`` (5th percentile over draws, emotions and layers),
    ``share`` (above 0.99), ``planted``, ``expected`` (of the difference of means) and ``draws``.
    """
    rows = []
    for n, noise in product(pairs, noises):
        made = replace(planting, pairs=n, noise=noise)
        found = pd.concat([recovered(plant(made, seed)) for seed in seeds])
        for method, own in found.groupby("method", sort=False):
            cosine = own["cosine"]
            numbers = cosine.mean(), cosine.quantile(0.05), (cosine > 0.99).mean(), own["planted"].mean()
            rows.append((method, n, noise, *numbers, expected_cosine(made), len(seeds)))
    columns = ["method", "pairs", "noise", "cosine", "low", "share", "planted", "expected", "draws"]
    return pd.DataFrame(rows, columns=columns)


def p_values(planted: Planted, n_permutations: int = 99, seed: int = 0) -> dict[str, float]:
    """P of each test in :data:`SCORES`, as chapter 03 computes it."""
    angles = geometry.cosines(planted.states, n_permutations, n_resamples=1, seed=seed, mean=True).iloc[0]
    area = _area_p(planted, n_permutations, seed)
    return {"AUROC": area, "no emotion": float(angles["p_no"]), "one emotion": float(angles["p_one"])}


def _area_p(planted: Planted, n: int, seed: int) -> float:
    """Vector from the build split, layer from the select split, area from the test split; mean over the emotions."""
    universe, values, null = np.unique(planted.states.units), [], []
    for emotion in EMOTIONAL:
        given = planted.contrasts[emotion]
        vector = fit(given.only("build"), "sentence end").values
        chosen, scored = given.only("select"), given.only("test")
        layer = int(best_layer(project(chosen, vector), chosen.positive))
        values.append(auroc(project(scored, vector)[:, layer], scored.positive))
        null.append(null_areas(vector, chosen, scored, universe, n, seed))
    reached = np.mean(null, axis=0) >= np.mean(values) - 1e-12
    return float((1 + reached.sum()) / (1 + n))


def trials(planting: Planting, seeds: Iterable[int], n_permutations: int = 99) -> pd.DataFrame:
    """P of every test on many draws, columns ``seed`` and those of :data:`SCORES`."""
    rows = [{"seed": seed, **p_values(plant(planting, seed), n_permutations, seed)} for seed in seeds]
    return pd.DataFrame(rows, columns=["seed", *SCORES])


def _rates(found: pd.DataFrame, scores: Sequence[str], **about: object) -> pd.DataFrame:
    rows = []
    for score in scores:
        hits, n = int((found[score] <= LEVEL).sum()), len(found)
        low, high = binomial_bounds(hits, n)
        rows.append(
            {**about, "score": score, "hits": hits, "n": n, "rate": hits / n, "low": low, "high": high}
        )
    return pd.DataFrame(rows)


def false_positives(found: pd.DataFrame, kind: str) -> pd.DataFrame:
    """How often :func:`trials` on a kind of :data:`KINDS` had p at most 5 %, with exact bounds.

    Returns
    -------
    Columns ``null, score, hits, n, rate, low, high``.
    """
    return _rates(found, KINDS[kind][1], null=kind)


def power(
    planting: Planting,
    strengths: Sequence[float],
    pairs: Sequence[int],
    seeds: Sequence[int],
    n_permutations: int = 99,
) -> pd.DataFrame:
    """How often each test finds what was planted.

    Returns
    -------
    Columns ``strength, rows`` (pairs), ``score, hits, n, rate, low, high``.
    """
    found = []
    for strength, n in product(strengths, pairs):
        made = replace(planting, strength=strength, pairs=n)
        found.append(_rates(trials(made, seeds, n_permutations), tuple(SCORES), strength=strength, rows=n))
    return pd.concat(found, ignore_index=True)


def measured(side: PairedStates) -> pd.DataFrame:
    """Strength and noise of the emotions of a model, in the units of :class:`Planting`, so that both can be compared.

    Returns
    -------
    Columns ``model, layer, emotion, strength`` (length of the mean difference, its error included), ``noise, pairs``.
    """
    rows = []
    for i, layer in enumerate(side.layers):
        unit = np.sqrt(side.neutral[i].var(axis=0).mean())
        for emotion, own in side.emotional.items():
            moved = (own[i] - side.partners[emotion][i]) / unit
            noise = np.sqrt(moved.var(axis=0).mean())
            rows.append((side.model, layer, emotion, np.linalg.norm(moved.mean(axis=0)), noise, len(moved)))
    return pd.DataFrame(rows, columns=["model", "layer", "emotion", "strength", "noise", "pairs"])
