"""How a similarity goes with the size of a model: curves by parameters, and what the choice of stories does to them.

Where a model's states of each story are at hand, its means can be drawn again from other stories, which gives an
interval over stories, and be split into halves. One model's halves are no more alike than so few stories let them be:
a ceiling for another model that reads the other half. Two models that read the same stories share the accidents of
these, and can be more alike than that. (Halves have half the stories; no correction for that is made.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, permutations
from math import factorial

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import rankdata

from emotion_utils.core.errors import UserError
from emotion_utils.scaling.geometry import (
    PERMUTATIONS,
    RECIPES,
    Others,
    Vectors,
    compare,
    exchanges,
    shared_emotions,
    similarity,
    verdicts,
)
from emotion_utils.scaling.published import VectorSet
from emotion_utils.scaling.stories import StoryStates
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import FEWEST_UNITS, interval

RESAMPLES = 500
HALVES = 50
EXACT = 7
"""Up to so many models all their orders are gone through."""


def scaling_curve(
    sets: Iterable[VectorSet],
    reference: VectorSet,
    words: VectorSet | None = None,
    *,
    states: Mapping[str, StoryStates] | None = None,
    n_permutations: int = PERMUTATIONS,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Similarity of every model with a reference model, by parameters, raw and with each dimension over its SD.

    Parameters
    ----------
    sets
        The reference among them is left out.
    reference
        What all are compared with.
    words
        `Stories.word_set`; without it nothing is partialled out.
    states
        By name of the set, of those whose stories were read here: they get an interval over stories.
    n_permutations, n_resamples, seed
        Of the null, and of the interval over stories.

    Returns
    -------
    One row per model and recipe, by parameters: what :class:`geometry.Similarity` has, ``parameters``,
    ``low_stories, high_stories, unit`` (NaN and nothing where neither set has its stories one by one), and
    :func:`verdicts`.
    """
    known, rows = states or {}, []
    others = [own for own in sets if own.name != reference.name]
    for own in sorted(others, key=lambda own: own.parameters or np.inf):
        for standardise in RECIPES:
            found = compare(
                own, reference, words, standardise=standardise, n_permutations=n_permutations, seed=seed
            )
            told = story_interval(
                own,
                reference,
                known,
                (found.layer_one, found.layer_other),
                standardise=standardise,
                n_resamples=n_resamples,
                seed=seed,
            )
            rows.append({**found.row(), "parameters": own.parameters, **told, **verdicts(found)})
    return pd.DataFrame(rows)


def similarities_of(
    sets: Sequence[VectorSet],
    words: VectorSet | None = None,
    states: Mapping[str, StoryStates] | None = None,
    *,
    n_permutations: int = PERMUTATIONS,
    n_resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Every pair of sets in both recipes.

    Returns
    -------
    One row per pair and recipe: what :class:`geometry.Similarity`, :func:`story_interval` and :func:`verdicts` have,
    and of the exchanges of two labels ``exchanges`` (how many), ``lowered`` (how many of them lower the similarity),
    ``median_drop, least_drop``.
    """
    rows = []
    for one, other in combinations(sets, 2):
        for std in RECIPES:
            found = compare(one, other, words, standardise=std, n_permutations=n_permutations)
            layers = found.layer_one, found.layer_other
            told = story_interval(one, other, states or {}, layers, standardise=std, n_resamples=n_resamples)
            drop = exchanges(one, other, layers, standardise=std)["drop"]
            lost = {
                "exchanges": len(drop),
                "lowered": int((drop > 0).sum()),
                "median_drop": float(drop.median()),
                "least_drop": float(drop.min()),
            }
            rows.append({**found.row(), **told, **verdicts(found), **lost})
    return pd.DataFrame(rows)


def trend(curve: pd.DataFrame, n_permutations: int = 9_999, seed: int = 0) -> dict[str, float]:
    """Whether the similarity rises with the number of parameters, over models, in one recipe of a curve.

    Returns
    -------
    ``rho`` (Spearman), ``p`` (one-sided, of as large a rise, models permuted; of few models all orders), ``least_p``
    (that any rise of so many models could reach) and ``n``. Models are few: where ``least_p`` is above 0.05, the order
    alone can decide nothing.
    """
    table = curve.dropna(subset=["parameters", "value"])
    if table["recipe"].nunique() > 1:
        raise UserError("A trend is one of a recipe: choose the rows of one.")
    x, y = (rankdata(table[name]) for name in ("parameters", "value"))
    n = len(table)
    if n < 3 or len({*y}) < 2:
        return {"rho": np.nan, "p": np.nan, "least_p": np.nan, "n": n}
    rng = np.random.default_rng(seed)
    few = n <= EXACT
    orders = permutations(range(n)) if few else (rng.permutation(n) for _ in range(n_permutations))
    drawn = np.array([np.corrcoef(x[list(order)], y)[0, 1] for order in orders])
    rho = float(np.corrcoef(x, y)[0, 1])
    p = float((drawn >= rho - 1e-12).mean()) if few else float(permutation_p(rho, drawn))
    return {"rho": rho, "p": p, "least_p": 1 / factorial(n) if few else 1 / (1 + n_permutations), "n": n}


def split_halves(
    states: StoryStates, *, standardise: bool = False, n_halves: int = HALVES, seed: int = 0
) -> pd.DataFrame:
    """How alike two halves of the stories are within one model, layer by layer: a ceiling for stories drawn anew.

    Returns
    -------
    ``model, recipe, layer, value`` (mean over random halves), ``low, high`` (the middle 95 % of the halves), ``n``
    (stories of each emotion in a half) and ``n_halves``. Neither half is corrected to the length of the whole.
    """
    n = states.values.shape[2]
    if n < 2:
        raise UserError(f"{states.model} read one story of each emotion: halves need two at least.")
    rng = np.random.default_rng(seed)
    splits = [rng.permutation(n) for _ in range(n_halves)]
    rows = []
    for layer, values in zip(states.layers, states.values.astype(np.float64), strict=True):
        found = [
            similarity(
                *(values[:, half].mean(axis=1) for half in (order[: n // 2], order[n // 2 :])),
                standardise=standardise,
            )
            for order in splits
        ]
        rows.append((layer, float(np.mean(found)), *interval(np.array(found))))
    table = pd.DataFrame(rows, columns=["layer", "value", "low", "high"])
    table.insert(0, "recipe", RECIPES[standardise])
    table.insert(0, "model", states.means().name)
    return table.assign(n=n // 2, n_halves=n_halves)


def across_halves(
    one: StoryStates,
    other: StoryStates,
    layers: tuple[int, int],
    *,
    standardise: bool = False,
    n_halves: int = HALVES,
    seed: int = 0,
) -> dict[str, float | str]:
    """What of the similarity of two models is of the stories that both read.

    Returns
    -------
    Means over random halves of the stories: ``same`` (both models on one half), ``value`` (one model on one half, the
    other on the other half), ``within_one, within_other`` (one model on both halves: the ceiling of ``value``), with
    ``one, other, layer_one, layer_other, recipe, n`` (stories of each emotion in a half).
    """
    n = one.values.shape[2]
    if other.values.shape[2] != n or n < 2:
        raise UserError(
            f"{one.model} and {other.model} are halved alike: let both read the same stories, two at least."
        )
    states = [
        own.values[own.layers.index(layer)].astype(np.float64)
        for own, layer in zip((one, other), layers, strict=True)
    ]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_halves):
        order = rng.permutation(n)
        (a, b), (c, d) = (
            [own[:, half].mean(axis=1) for half in (order[: n // 2], order[n // 2 :])] for own in states
        )
        pairs = ((a, c), (a, d), (a, b), (c, d))
        found.append([similarity(x, y, standardise=standardise) for x, y in pairs])
    means = dict(
        zip(("same", "value", "within_one", "within_other"), np.mean(found, axis=0).tolist(), strict=True)
    )
    names = {"one": one.means().name, "other": other.means().name, "recipe": RECIPES[standardise]}
    return {**names, "layer_one": layers[0], "layer_other": layers[1], **means, "n": n // 2}


def story_interval(
    one: VectorSet,
    other: VectorSet,
    states: Mapping[str, StoryStates],
    layers: tuple[int, int],
    *,
    standardise: bool = False,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, float | str]:
    """Interval of two sets over stories, as columns ``low_stories, high_stories, unit``: see :func:`over_stories`.

    A set whose stories are not in ``states``, by its name, stays as it is; with neither there, the ends are NaN.
    """
    names = ("low_stories", "high_stories", "unit")
    sides = [
        states[own.name] if own.name in states else own.values[own.layers.index(layer)]
        for own, layer in zip((one, other), layers, strict=True)
    ]
    if not any(isinstance(side, StoryStates) for side in sides):
        return dict(zip(names, (np.nan, np.nan, ""), strict=True))
    shared = shared_emotions(one, other)
    if shared != one.emotions or shared != other.emotions:
        raise UserError(
            f"{one.name} and {other.name} have other emotions: read the stories of those that both have."
        )
    told = over_stories(
        sides[0], sides[1], layers, standardise=standardise, n_resamples=n_resamples, seed=seed
    )
    return dict(zip(names, told, strict=True))


def over_stories(
    one: StoryStates | Vectors,
    other: StoryStates | Others,
    layers: tuple[int, int],
    *,
    standardise: bool = False,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float, str]:
    """Interval (95 %) of the similarity of two layers over stories, where at least one set has them one by one.

    Parameters
    ----------
    one, other
        The states of each story, or the vectors of a layer of a set that has only means, which stay as they are. Two
        models that read the same stories are resampled in step.
    layers
        Of each, as it counts them; of vectors it is not looked at.
    standardise, n_resamples, seed
        As elsewhere.

    Returns
    -------
    Low and high end, and what was resampled: topics, all emotions together, where eight or more are shared, and
    otherwise stories within emotions, which takes the topics as given.
    """
    both = [own for own in (one, other) if isinstance(own, StoryStates)]
    if not both:
        raise UserError(
            "Neither set has its stories one by one: only the interval over emotions can be given."
        )
    weights, units, unit = _story_weights(both[0], n_resamples, seed)
    sides = [_resampled(own, layer, weights) for own, layer in zip((one, other), layers, strict=True)]
    found = np.array([similarity(a, b, standardise=standardise) for a, b in zip(*sides, strict=True)])
    return *interval(found[1:], units, float(found[0]), (-1.0, 1.0)), unit


def _story_weights(
    states: StoryStates, n_resamples: int, seed: int
) -> tuple[Float[np.ndarray, "draw emotion story"], float, str]:
    """How often each story counts: once in the first row, then as resampled; the number of units and their name."""
    _, emotions, n, _ = states.values.shape
    rng = np.random.default_rng(seed)
    codes, topics = pd.factorize(np.array(states.topics or [""] * n, dtype=object))
    if len(topics) >= FEWEST_UNITS:
        counts = rng.multinomial(len(topics), np.full(len(topics), 1 / len(topics)), size=n_resamples)
        drawn = np.repeat(counts[:, None, codes], emotions, axis=1)
        units, unit = len(topics), "topics"
    else:
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=(n_resamples, emotions))
        units, unit = n, "stories within emotions"
    return np.concatenate([np.ones((1, emotions, n)), drawn]), float(units), unit


def _resampled(
    own: StoryStates | Vectors, layer: int, weights: Float[np.ndarray, "draw emotion story"]
) -> Sequence[Vectors]:
    """Means over stories under each set of weights."""
    if not isinstance(own, StoryStates):
        return [own] * len(weights)
    states = own.values[own.layers.index(layer)].astype(np.float64)  # (emotion, story, d_model)
    if states.shape[1] != weights.shape[2]:
        raise UserError(
            f"{own.model} read {states.shape[1]} stories of each emotion and the other model {weights.shape[2]}: let "
            "both read the same."
        )
    shares = weights / weights.sum(axis=2, keepdims=True)
    return [np.einsum("es,esd->ed", share, states) for share in shares]
