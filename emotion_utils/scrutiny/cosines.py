"""The reports' cosines of emotion vectors (Phase 3), beside those of vectors without any emotion.

Every vector is a mean less the same neutral mean, which alone gives cosines around one half; how far they scatter
depends on the number of dimensions in which states vary. It is measured on two pretrained models (the committed table
"real states"), and the cosines of one model are tested together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from statistics import fmean

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from emotion_utils.calibration import ledger
from emotion_utils.planted.generators import spectrum
from emotion_utils.scrutiny.judging import Rule, invented, reprinted
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, either, number, printed, spread
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import interval

WIDTH, DRAWS = 768, 2000
SETS = (
    ("P3.cos.end.ga.b", "P3.cos.end.gp", "P3.cos.end.ap"),
    ("P3.cos.end.pythia",),
    ("P3.cos.end.ga",),
)
"""Printed together for one model: three numbers, a range of three, and one of another report."""
WORDS = ("P3.cos.tok.ga", "P3.cos.tok.pythia.ga", "P3.cos.tok.pythia.gp")
EMOTIONS, EFFECT = 3, 4.0
"""Pairs of emotions; a planted direction that all emotions share, in units of the mean length without any."""


def effective(axes: Float[np.ndarray, " axis"]) -> float:
    """Participation ratio of the variances along axes of these standard deviations."""
    return float((axes**2).sum() ** 2 / (axes**4).sum())


@lru_cache(maxsize=32)
def axes_of(dimensions: float, width: int = WIDTH) -> Float[np.ndarray, " axis"]:
    """Standard deviations that fall as a power of the rank, of so many effective dimensions."""
    exponent = brentq(lambda power: effective(spectrum(width, power)) - dimensions, 0.0, 6.0)
    return spectrum(width, float(exponent))


@lru_cache(maxsize=32)
def cosines_without_emotion(
    dimensions: float, seed: int = 0, draws: int = DRAWS, shared: float = 0.0
) -> Float[np.ndarray, "draw pair"]:
    """Cosines of three means minus a fourth where all are means of the same states, equally many.

    Parameters
    ----------
    dimensions
        Effective number of them, in which the states vary.
    seed, draws
        Of the means.
    shared
        Length of a direction that the three have and the fourth has not, in units of the root mean square length.
    """
    axes = axes_of(dimensions)
    kept = axes[axes > 1e-3 * axes.max()]
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(draws, 4, len(kept))) * kept
    directions = rng.normal(size=(draws, 1, len(kept)))
    directions *= shared * np.linalg.norm(kept) / np.linalg.norm(directions, axis=2, keepdims=True)
    vectors = means[:, :3] - means[:, 3:] + directions
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    products = vectors @ vectors.transpose(0, 2, 1)
    return products[:, [0, 0, 1], [1, 2, 2]]


@lru_cache(maxsize=1)
def measured_dimensions() -> dict[str, float]:
    """The median layer of each pretrained model of the committed table."""
    table = ledger.read("real states").tables["dimensions"]
    return {str(name): float(own["dimensions"].median()) for name, own in table.groupby("model", sort=True)}


def rules(rows: Rows, seed: int = 0) -> list[Rule]:
    """Those for the cosines of Phase 3.

    Parameters
    ----------
    rows
        All claims.
    seed
        Of the cosines without emotion.
    """
    found = [_together(claims, seed) for claims in SETS]
    return [*found, *(_of_words(claim, seed) for claim in WORDS), _separation()]


@lru_cache(maxsize=8)
def _null_means(pairs: int, seed: int) -> dict[str, Float[np.ndarray, " draw"]]:
    """Sorted means of so many cosines without emotion, by how many dimensions which model has."""
    return {
        f"{dims:.3g} dimensions as in the median layer of {name}": np.sort(
            cosines_without_emotion(dims, seed)[:, :pairs].mean(axis=1)
        )
        for name, dims in measured_dimensions().items()
    }


def _together(claims: tuple[str, ...], seed: int) -> Rule:
    """The mean of the cosines that a report prints for one model."""

    def pairs(rows: Rows) -> int:
        return EMOTIONS if len(claims) == EMOTIONS or rows[claims[0]]["kind"] == "range" else 1

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        low, high = (fmean(ends) for ends in zip(*(printed(rows[claim]) for claim in claims), strict=True))
        return dict.fromkeys(claims, _beside(low, high, _null_means(pairs(rows), seed), pairs(rows)))

    def draw(rows: Rows, rng: np.random.Generator, shared: float) -> Mapping[str, Row]:
        dims = list(measured_dimensions().values())[int(rng.integers(2))]
        drawn = cosines_without_emotion(dims, seed + 1, shared=shared)[int(rng.integers(DRAWS))]
        if rows[claims[0]]["kind"] == "range":
            return {claims[0]: reprinted(rows[claims[0]], float(drawn.min()), float(drawn.max()))}
        return {
            claim: reprinted(rows[claim], float(each)) for claim, each in zip(claims, drawn, strict=False)
        }

    return Rule(
        "cosines of one model, without emotion", claims, judge,
        null=lambda rows, rng: draw(rows, rng, 0.0), plant=lambda rows, rng: draw(rows, rng, EFFECT),
        planted=f"a shared direction {number(EFFECT)} times as long",
    )  # fmt: skip


def _beside(low: float, high: float, nulls: Mapping[str, Float[np.ndarray, " draw"]], pairs: int) -> Scrutiny:
    """Where what was printed lies among the draws, at each number of dimensions; tested on both sides."""
    what = f"mean of {pairs} cosines, {spread(low, high)}" if pairs > 1 else "the cosine"
    said = []
    for about, draws in nulls.items():
        above, below = len(draws) - np.searchsorted(draws, low), np.searchsorted(draws, high, side="right")
        p = min(1.0, 2 * (int(min(above, below)) + 1) / (len(draws) + 1))
        word = "at chance" if p > LEVEL else "above chance"
        said.append(Scrutiny(word, f"{spread(*interval(draws))} in {about}, p = {p:.2g}"))
    word, note = either(said)
    return Scrutiny(word, f"{what}, beside means minus one neutral mean, without any emotion: {note}")


def _of_words(claim: str, seed: int) -> Rule:
    """At a word the states differ by the word itself: how much, no report says."""

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        own = _beside(*printed(rows[claim]), _null_means(1, seed), 1)
        if own.word == "at chance":
            return {claim: own}
        told = (
            "; where the words themselves differ, as here, -1 to 1: no cosine of unrelated words is printed"
        )
        return {claim: Scrutiny("undecided", own.note + told)}

    def draw(rows: Rows, rng: np.random.Generator, shared: float) -> Mapping[str, Row]:
        dims = list(measured_dimensions().values())[int(rng.integers(2))]
        drawn = cosines_without_emotion(dims, seed + 1, shared=shared)[int(rng.integers(DRAWS)), 0]
        return {claim: reprinted(rows[claim], float(drawn))}

    return Rule(
        "a cosine at words", (claim,), judge,
        null=lambda rows, rng: draw(rows, rng, 0.0),
        plant=lambda rows, rng: {claim: reprinted(rows[claim], -float(rng.uniform(0.6, 0.9)))},
        planted="a cosine of -0.6 to -0.9: *undecided*",
    )  # fmt: skip


def _separation() -> Rule:
    """The order of printed cosines."""
    claim, token, ends = "P3.separation", "P3.cos.tok.ga", ("P3.cos.end.ga", "P3.cos.end.ga.b")

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        lower = [printed(rows[token])[1] < printed(rows[end])[0] for end in ends]
        told = f"{rows[token]['value']} against {' and '.join(str(rows[end]['value']) for end in ends)}"
        held = "arithmetic holds" if all(lower) else "arithmetic fails"
        return {claim: Scrutiny(held, f"printed cosines of gratitude and anger, {told}")}

    def other(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        return invented(rows, (token, *ends), rng)

    return Rule("order of printed figures", (claim,), judge, invent=other)
