"""What Chapter 0 finds of two models, as the numbers that its sentences are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from emotion_utils.calibration.methods import METHODS
from emotion_utils.statistics.permutations import LEVEL

FEW, MANY = 70, 225
"""Rows, or pairs, of a small and of a large set of prompts."""


class Stated(NamedTuple):
    """How statements that were made beforehand fared."""

    statements: int
    counts: dict[str, int]
    """By verdict."""
    missed: tuple[Any, ...]
    """Their rows: ``formula, setting, stated, value, low, high``."""


def stated(facts: pd.DataFrame) -> Stated:
    """Count the verdicts on published formulas."""
    beyond = facts[facts["verdict"] == "missed"]
    return Stated(len(facts), facts["verdict"].value_counts().to_dict(), tuple(beyond.itertuples()))


class Causes(NamedTuple):
    """Overlap of models that share nothing, by what is switched off; at equal scale unless another is named."""

    path: tuple[float, ...]
    """At ten times the scale: as published; then float64; an orthonormal basis; a flat spectrum as well."""
    published: float
    float64: float
    orthonormal: float
    """And in float64."""
    shuffled: float
    """The same for shuffled pairs."""
    flat: float
    """All three switched off."""
    flat_only: float
    noisy_orthonormal: float
    """An orthonormal basis in float32."""


def causes(switched: pd.DataFrame, facts: pd.DataFrame) -> Causes:
    """Follow the switches of the published formula one after the other."""
    values = switched.set_index(["scale", "spectrum", "precision", "basis"])["value"]
    steps = [("decaying", "float32", "clipped"), ("decaying", "float64", "clipped")]
    steps += [("decaying", "float64", "orthonormal"), ("flat", "float64", "orthonormal")]
    equal, tenfold = ([float(values[scale][step]) for step in steps] for scale in (1, 10))
    shuffled = facts.set_index("setting")["value"]["float64, orthonormal, shuffled pairs"]
    flat_only, noisy = (
        values[1]["flat", "float32", "clipped"],
        values[1]["decaying", "float32", "orthonormal"],
    )
    published, float64, orthonormal, flat = equal
    path, shuffled = tuple(tenfold), float(shuffled)
    return Causes(path, published, float64, orthonormal, shuffled, flat, float(flat_only), float(noisy))


class Scales(NamedTuple):
    """What the unit of the activations does to the formula of Phase 8."""

    curve: dict[str, float]
    """Value by setting."""
    inside: tuple[str, ...]
    """The reported models whose value lies between the least and the largest."""


def scales(facts: pd.DataFrame, reported: Mapping[str, float]) -> Scales:
    """Compare the reports' values with those of one pair in several units."""
    own = facts[(facts["formula"] == "published_phase8") & facts["setting"].str.startswith("scale")]
    low, high = own["low"].min(), own["high"].max()
    inside = tuple(name for name, value in reported.items() if low <= value <= high)
    return Scales(dict(zip(own["setting"], own["value"], strict=True)), inside)


class Sound(NamedTuple):
    """The overlap of models that share nothing, by the sound pipeline."""

    overlap: float
    null: float
    p: float
    moved: float
    """Largest relative change of a score of models that share something, when the unit of one changes."""


def sound(nothing: pd.DataFrame, half: pd.DataFrame, rescaled: Mapping[float, pd.DataFrame]) -> Sound:
    """Sum up what `Alignment.best` says of pairs that share nothing and half, and of the latter in other units."""
    own = nothing.set_index("score").loc["overlap"]
    moved = max(float((again["value"] / half["value"] - 1).abs().max()) for again in rescaled.values())
    return Sound(float(own["value"]), float(own["null"]), float(own["p"]), moved)


class FalsePositives(NamedTuple):
    """Rates at which there is a finding where there is nothing to find; `torn`: clusters of rows are not told."""

    rates: int
    compatible: int
    above: int
    least: float
    most: float
    torn_least: float
    torn_most: float
    worst: pd.Series
    """The row with the largest torn rate."""


def false_positives(false: pd.DataFrame) -> FalsePositives:
    """Sum up the false positives of the sound pipeline."""
    whole, torn = false[false["null"] != "torn"], false[false["null"] == "torn"]
    above, below = whole["low"] > LEVEL, whole["high"] < LEVEL
    ends = whole["rate"].min(), whole["rate"].max(), torn["rate"].min(), torn["rate"].max()
    counts = len(whole), int((~above & ~below).sum()), int(above.sum())
    return FalsePositives(*counts, *ends, torn.loc[torn["rate"].idxmax()])


class Unrelated(NamedTuple):
    """What published formulas say of unrelated models, and whether they tell them from related ones."""

    reached: tuple[Any, ...]
    """Rows ``formula, precision, rate`` of those that reach ten times chance at equal scale."""
    least: float
    most: float
    median: float
    """Of the AUROC over the settings."""
    undecided: int
    """Settings in which the bounds hold one half."""
    settings: int


def unrelated(believed: pd.DataFrame, apart: pd.DataFrame) -> Unrelated:
    """Sum up the published formulas, from the committed table and from :func:`methods.formula_aurocs`."""
    ten = believed[(believed["believed"] == "10 x chance") & (believed["scale"] == 1)]
    aurocs, coin = apart["AUROC"], (apart["low"] <= 0.5) & (apart["high"] >= 0.5)
    spread = aurocs.min(), aurocs.max(), aurocs.median()
    return Unrelated(tuple(ten.itertuples()), *spread, int(coin.sum()), len(apart))


class Power(NamedTuple):
    """Share of pairs of models in which a common part is found."""

    found: dict[str, tuple[float, float, float, float]]
    """By score: the small share with few and with many rows, the large one with few and with many."""
    weakest: str
    at_best: float
    """The least share with few rows, by the best score."""


def power(table: pd.DataFrame, least: float, small: float, large: float) -> Power:
    """Look up the power of the scores for three shares of the variance in common."""
    few, many = (
        table[table["rows"] == rows].set_index(["strength", "score"])["rate"] for rows in (FEW, MANY)
    )
    found = {
        score: (few[small, score], many[small, score], few[large, score], many[large, score])
        for score in METHODS
    }
    weakest = min(found, key=lambda score: found[score][3])
    return Power(found, weakest, float(few.loc[least].max()))


class Twin(NamedTuple):
    """Whether a model and its rotated twin are the same function, and whether the twin is found under noise."""

    holds: bool
    overlap: float
    logits: float
    default_overlap: float
    """With the default penalty."""
    rows: int
    draws: int
    found: float
    found_low: float
    noisiest: float
    noisiest_least: float
    noisiest_most: float


def twin(exact: pd.DataFrame, noise: pd.DataFrame, level: float) -> Twin:
    """Sum up :func:`methods.twin_checks`, and the committed power with noise of `level` standard deviations."""
    at = noise[(noise["noise"] == level) & (noise["rows"] >= MANY)]
    lost = noise[noise["noise"] == noise["noise"].max()]
    whole = (exact["small penalty"] > 0.999).all() and (exact["logits differ by"] < 1e-4).all()
    return Twin(
        bool(whole),
        exact["small penalty"].min(),
        exact["logits differ by"].max(),
        exact["default penalty"].min(),
        at["rows"].iloc[0],
        at["n"].iloc[0],
        at["rate"].min(),
        at["low"].min(),
        lost["noise"].iloc[0],
        lost["rate"].min(),
        lost["rate"].max(),
    )
