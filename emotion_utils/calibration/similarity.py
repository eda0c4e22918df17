"""RSA, CKA, neutral variance, the choice of k and the jackknife on made-up models whose answer is known.

Models write latent states in coordinates of their own. A latent state has a part that all models get from the words, a
part that they have in common beyond the words, and a part of their own; prompts of a template family resemble each
other in all of them. Every method of this module is run by the function that Chapter 4 runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.alignment.choice_of_k import choose_k
from emotion_utils.alignment.controls import alike
from emotion_utils.alignment.rsa_cka import MEASURES, compare
from emotion_utils.planted.generators import EMOTIONS, random_basis, spectrum
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds
from emotion_utils.subspaces.neutral_variance import specificity
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

KS = (2, 5)
TRAINED, COMMON = 3, 0.5
"""Models beside one control, of the jackknife, and the share of the variance that they have in common."""
PER_SHARE = 10
"""Length of a planted direction, in root mean squares of a coordinate, for each unit of a strength."""
KINDS = ("similar", "partial", "neutral", "k", "control")
"""The experiments; see :func:`kinds`."""
NOTHING = {
    "RSA": "models share nothing",
    "CKA": "models share nothing",
    "RSA, partial": "models share words alone",
    "CKA, partial": "models share words alone",
    "neutral variance": "emotional clauses are as neutral ones",
    "jackknife, neutral variance": "emotional clauses are as neutral ones",
    "choice of k": "models share nothing",
    "jackknife, RSA minus control": "the control is as the models",
    "jackknife, RSA, partial minus control": "the control is as the models",
}
"""By method, in what it has nothing to find."""


@dataclass(frozen=True)
class Design:
    """What prompts and models are like.

    Attributes
    ----------
    families, each
        Template families of each label, one of each in a unit, and prompts in one of them.
    topics, tellings
        Units of the triples, and triples of each.
    width, layers
        Of every model.
    exponent
        Singular values fall as rank to the power of minus this.
    family
        Share of the variance that prompts of one family have in common.
    words
        Share of the variance that models get from the words, where they get any.
    """

    families: int = 12
    each: int = 2
    topics: int = 12
    tellings: int = 6
    width: int = 64
    layers: int = 2
    exponent: float = 1.0
    family: float = 0.5
    words: float = 0.3


class Outcome(NamedTuple):
    """What a method says of one made-up data set.

    Attributes
    ----------
    number
        A p value or, of an interval, its low end.
    found
        Whether p is at most :data:`LEVEL`, or the interval does not hold 0.
    """

    number: float
    found: bool


def _by_p(p: float) -> Outcome:
    return Outcome(float(p), bool(p <= LEVEL))


def _by_interval(low: float, high: float) -> Outcome:
    return Outcome(float(low), bool(low > 0 or high < 0))


def prompt_pairs(design: Design) -> PromptPairs:
    """One neutral prompt serves all emotions; a template family of each label and their neutral one are a unit."""
    count = design.families * design.each
    unit = np.repeat(np.arange(design.families), design.each)
    neutral = pd.DataFrame({"id": [f"neutral-{i}" for i in range(count)], "unit": unit})
    pairs = {
        emotion: pd.DataFrame(
            {"id": [f"{emotion}-{i}" for i in range(count)], "partner": neutral["id"], "unit": unit}
        ).assign(family=unit)
        for emotion in EMOTIONS
    }
    return PromptPairs(neutral, pairs)


def _ids(rows: PromptPairs) -> tuple[pd.Index, np.ndarray]:
    """All prompts, and the template family of each: every label is told in templates of its own."""
    parts = [rows.neutral, *rows.pairs.values()]
    families = [own["unit"] + i * (own["unit"].max() + 1) for i, own in enumerate(parts)]
    return pd.Index(np.concatenate([own["id"] for own in parts])), np.concatenate(families)


def _latent(
    design: Design, families: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, "prompt width"]:
    """States with a decaying spectrum, in which prompts of a family resemble each other."""
    common = rng.normal(size=(int(families.max()) + 1, design.width))[families]
    own = rng.normal(size=(len(families), design.width))
    mixed = np.sqrt(design.family) * common + np.sqrt(1 - design.family) * own
    return np.asarray(mixed * spectrum(design.width, design.exponent))


def models(
    design: Design, names: Mapping[str, float], words: float, rng: np.random.Generator
) -> tuple[dict[str, ModelStates], ModelStates]:
    """Models that share so much, and the words that all of them have read.

    Parameters
    ----------
    design
    names
        Share of the variance that each model has in common with the others beyond the words.
    words
        Share that it gets from the words.
    rng

    Returns
    -------
    The models by name, and the text.
    """
    ids, families = _ids(prompt_pairs(design))
    text, common = (_latent(design, families, rng) for _ in range(2))
    made = {}
    for name, strength in names.items():
        layers = [
            np.sqrt(words) * text
            + np.sqrt(strength) * common
            + np.sqrt(1 - words - strength) * _latent(design, families, rng)
            for _ in range(design.layers)
        ]
        turned = [layer @ random_basis(design.width, rng) for layer in layers]
        made[name] = ModelStates(name, tuple(range(design.layers)), ids, np.stack(turned, axis=1))
    return made, ModelStates("text", (0,), ids, text[:, None])


def similar(design: Design, words: bool, strength: float, n: int, seed: int) -> dict[str, Outcome]:
    """RSA and CKA of two models, as they are or, where they share words, with these taken out."""
    share = design.words if words else 0.0
    made, text = models(design, {"one": strength, "other": strength}, share, np.random.default_rng(seed))
    column, about = ("partial_p", ", partial") if words else ("p", "")
    rows = prompt_pairs(design)
    return {
        f"{measure}{about}": _by_p(compare(made, text, rows, n, seed, measure)[column].iloc[0])
        for measure in MEASURES
    }


def neutral(design: Design, strength: float, seed: int) -> dict[str, Outcome]:
    """Neutral variance of emotional clauses that are moved along a direction of their own, by test and by jackknife."""
    rng, count = np.random.default_rng(seed), design.topics * design.tellings
    unit = np.repeat(np.arange(design.topics), design.tellings)
    topic = _latent(design, unit, rng)
    direction = rng.normal(size=design.width) / np.sqrt(design.width)
    roles = {"partner": 0.0, "other": 0.0, "id": strength}
    basis = [random_basis(design.width, rng) for _ in range(design.layers)]
    states, ids = [], []
    for role, length in roles.items():
        told = topic + _latent(design, np.arange(count), rng) + length * direction
        states.append(np.stack([told @ turned for turned in basis], axis=1))
        ids += [f"{role}-{i}" for i in range(count)]
    read = ModelStates("one", tuple(range(design.layers)), pd.Index(ids), np.concatenate(states))
    triples = pd.DataFrame({role: [f"{role}-{i}" for i in range(count)] for role in roles}).assign(unit=unit)
    test = specificity(read, {EMOTIONS[0]: triples}, max(KS), seed).test.iloc[0]
    return {
        "neutral variance": _by_p(test["p"]),
        "jackknife, neutral variance": _by_interval(test["low"], test["high"]),
    }


def dimensions(design: Design, strength: float, n: int, seed: int) -> dict[str, Outcome]:
    """The best of several k after a map between two models."""
    made, _ = models(design, {"one": strength, "other": strength}, 0.0, np.random.default_rng(seed))
    halves = prompt_pairs(design).halves(seed)
    return {"choice of k": _by_p(choose_k(made["one"], made["other"], halves, KS, n, 0, seed).p)}


def beside_control(design: Design, strength: float, lacks: float, n: int, seed: int) -> dict[str, Outcome]:
    """Models minus a control that lacks so much of what they have in common, by the jackknife over units."""
    names = {f"m{i}": strength for i in range(TRAINED)} | {"control": strength - lacks}
    made, text = models(design, names, design.words, np.random.default_rng(seed))
    controls = {"control": {"control": made.pop("control")}}
    table = alike(made, controls, text, prompt_pairs(design), n, seed).set_index("score")
    return {
        f"jackknife, {score} minus control": _by_interval(table.at[score, "low"], table.at[score, "high"])
        for score in ("RSA", "RSA, partial")
    }


def kinds(design: Design, strength: float, n: int) -> dict[str, Callable[[int], dict[str, Outcome]]]:
    """Every experiment with so much to find; with a strength of 0 there is nothing."""
    return {
        "similar": lambda seed: similar(design, False, strength, n, seed),
        "partial": lambda seed: similar(design, True, strength, n, seed),
        "neutral": partial(neutral, design, PER_SHARE * strength),
        "k": lambda seed: dimensions(design, strength, n, seed),
        "control": lambda seed: beside_control(design, COMMON, strength, n, seed),
    }


def trials(design: Design, kind: str, strength: float, seeds: Iterable[int], n: int) -> pd.DataFrame:
    """Outcomes of one experiment, anew for each seed: columns ``seed, method, number, found``."""
    run = kinds(design, strength, n)[kind]
    rows = [
        (seed, method, outcome.number, int(outcome.found))
        for seed in seeds
        for method, outcome in run(seed).items()
    ]
    return pd.DataFrame(rows, columns=["seed", "method", "number", "found"])


def rates(outcomes: pd.DataFrame, **about: object) -> pd.DataFrame:
    """How often each method finds something: the columns of ``about``, then ``method, hits, n, rate, low, high``."""
    rows = []
    for method, own in outcomes.groupby("method", sort=False):
        hits, n = int(own["found"].sum()), len(own)
        rows.append({**about, "method": method, "hits": hits, "n": n, "rate": hits / n} | _bounds(hits, n))
    return pd.DataFrame(rows)


def _bounds(hits: int, n: int) -> dict[str, float]:
    return dict(zip(("low", "high"), binomial_bounds(hits, n), strict=True))


def repeat(sample: pd.DataFrame, design: Design, n_permutations: int, n: int) -> pd.DataFrame:
    """The first outcomes of the committed table where there is nothing to find, computed again.

    Parameters
    ----------
    sample
        Columns ``kind, seed, method, number``.
    design, n_permutations
        As it was made with.
    n
        Seeds.

    Returns
    -------
    Columns ``seed, score`` (the method), ``committed, again`` and ``difference``.
    """
    seeds = [int(seed) for seed in sample["seed"].unique()[:n]]
    kept = sample[sample["seed"].isin(seeds)]
    parts = [trials(design, kind, 0.0, seeds, n_permutations) for kind in kept["kind"].unique()]
    again = pd.concat(parts, ignore_index=True).set_index(["method", "seed"])["number"]
    out = kept.rename(columns={"method": "score", "number": "committed"})[["seed", "score", "committed"]]
    out["again"] = again.loc[list(zip(kept["method"], kept["seed"], strict=True))].to_numpy()
    return out.assign(difference=out["again"] - out["committed"]).reset_index(drop=True)
