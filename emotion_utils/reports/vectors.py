"""The reports' claims about emotion vectors, measured as published, with the variants that their text leaves open.

The reports give cosines without saying at which layer, whether a neutral mean was subtracted, or whether the three
means were centred. Each choice is computed; the first is taken for the verdict.
"""

from __future__ import annotations

from itertools import combinations
from math import nan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.activations.prompt_sets import read_sets
from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.models.model import load
from emotion_utils.reports.claims import Measurement, read_claims, too_few
from emotion_utils.reports.replication import lies_above, lies_below
from emotion_utils.statistics.resampling import FEWEST_UNITS, effective_units, interval
from emotion_utils.vectors.contrasts import Contrasts, contrasts
from emotion_utils.vectors.geometry import cosines, mean_cosine_draws, pair_names

VARIANTS = {
    "minus neutral": "mean of the emotional prompts minus mean of the neutral ones",
    "raw means": "mean of the emotional prompts alone",
    "centred": "mean of the emotional prompts minus the mean of the three means",
}
NEIGHBOURS = {"small-neo": "small-gpt2", "gpt-neo-125m": "gpt2", "EleutherAI/gpt-neo-125m": "gpt2"}
"""The GPT-2 that a GPT-Neo is compared with."""
REPORTED_LAYERS = 12
PAIRS = pair_names(EMOTIONAL)
"""Of the reports' emotions, as tables call them."""


def cosines_as_published(given: Contrasts) -> pd.DataFrame:
    """Cosines of the three vectors under each reading of the reports' text.

    Returns
    -------
    Columns ``reading, variant, layers`` (``mean`` over layers or ``last``), one per pair, ``chance`` (what the three
    cosines average to where the three means share nothing but what the variant subtracts; empty for raw means, whose
    common part has no chance level).
    """
    rows = []
    for variant in VARIANTS if given.place == "end" else ("minus neutral", "centred"):
        vectors = _variant(given, variant)  # (emotion, layer, d_model)
        cosine = np.stack([_cosine(vectors[i], vectors[j]) for i, j in combinations(range(3), 2)])
        chance = _chance(given, variant)
        for layers, values in (("mean", cosine.mean(axis=1)), ("last", cosine[:, -1])):
            rows.append((given.place, variant, layers, *values, chance))
    return pd.DataFrame(rows, columns=["reading", "variant", "layers", *PAIRS, "chance"])


class Formula(NamedTuple):
    """Mean cosine under one way to understand the reports' text."""

    value: float
    place: str
    variant: str
    layers: str


def extreme_formulas(published: pd.DataFrame) -> tuple[Formula, Formula]:
    """The formulas with the lowest and the highest mean cosine over the pairs of emotions.

    Parameters
    ----------
    published
        From :func:`cosines_as_published`.
    """
    means = published[PAIRS].mean(axis=1)
    lowest, highest = (published.assign(mean=means).loc[at] for at in (means.idxmin(), means.idxmax()))
    return _formula(lowest), _formula(highest)


def _formula(row: pd.Series) -> Formula:
    return Formula(float(row["mean"]), row["reading"], row["variant"], row["layers"])


def _chance(given: Contrasts, variant: str) -> float:
    """Mean of the three cosines where the class means are independent, from the sizes of the classes."""
    if variant == "raw means" or (variant == "minus neutral" and given.place == "word"):
        return float("nan")
    noise = np.array([1 / max((given.labels == emotion).sum(), 1) for emotion in EMOTIONAL])
    if variant == "minus neutral":
        shared = np.full((3, 3), 1 / max((given.labels == "neutral").sum(), 1))
        covariance = np.diag(noise) + shared
    else:
        centring = np.eye(3) - 1 / 3
        covariance = centring @ np.diag(noise) @ centring
    spread = np.sqrt(np.diag(covariance))
    return float((covariance / np.outer(spread, spread))[np.triu_indices(3, 1)].mean())


def _variant(given: Contrasts, variant: str) -> np.ndarray:
    weights = given.weights(given.labels)
    if variant == "raw means":
        weights = np.where(weights > 0, weights, 0)
    vectors = given.vectors(weights[None])[0]
    return vectors - vectors.mean(axis=0) if variant == "centred" else vectors


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / np.maximum(np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1), 1e-300)


def on_reported_scale(layers: np.ndarray, n_layers: int) -> np.ndarray:
    """Layers of a model at the same relative depth of the reports' models of twelve layers."""
    return (layers + 1) / n_layers * REPORTED_LAYERS - 1


def depth_of_peak(given: Contrasts, n_resamples: int = 500, seed: int = 0) -> tuple[float, float, float]:
    """Layer at which the mean vector length is largest, on the scale of a model of twelve layers, with its interval."""

    def peak(weights: np.ndarray) -> np.ndarray:
        squared = np.diagonal(given.products(weights), axis1=-2, axis2=-1)  # (draw, layer, emotion)
        at = np.sqrt(np.maximum(squared, 0)).mean(axis=2).argmax(axis=1)
        return on_reported_scale(np.array(given.layers)[at], max(given.layers) + 1)

    low, high = interval(peak(given.bootstrap(n_resamples, seed)))
    return float(peak(given.observed())[0]), low, high


def neighbour_states(
    model: str,
    prompts: pd.DataFrame,
    store: Store,
    device: str = "cpu",
    dtype: str = "float32",
    separator: str = "off",
    chat: str = "off",
) -> Contrasts | None:
    """Read the prompts with the GPT-2 that a GPT-Neo is compared with; None for other models."""
    if model not in NEIGHBOURS:
        return None
    name = NEIGHBOURS[model]
    other = load(name, device, dtype, separator, chat)
    activations = read_sets(other, {"prompts": prompts}, "baseline", store).found["prompts"]
    return contrasts(prompts, activations, "end")


def chapter_measurements(
    model: str,
    end: Contrasts,
    word: Contrasts,
    neighbour: Contrasts | None = None,
    *,
    n: int = 500,
    seed: int = 0,
) -> list[Measurement]:
    """Measure the claims of Phase 3.

    Parameters
    ----------
    model
        Registry name.
    end, word
        All prompts of the profile, read at the end and at the emotion word.
    neighbour
        For a GPT-Neo: the same prompts at the end, read by GPT-2.
    n, seed
        Resamples and permutations.
    """
    few = min(len(set(states.units)) for states in (end, word))
    if few < FEWEST_UNITS:
        return too_few("P3.", model, few, len(end.labels))
    rows: list[Measurement] = []
    by_pair: dict[tuple[str, str], Any] = {}
    for given in (end, word):
        table = cosines(given, min(n, 199), n, seed, mean=True)
        by_pair |= {(given.place, row.pair): row for row in table.itertuples()}
    for claim, reading, pair in _CLAIMS:
        row = by_pair[reading, pair]
        note = "mean over layers"
        rows.append(Measurement(claim, model, row.value, row.low, row.high, row.no_emotion, row.n, note=note))
    rows.append(_all_inside(model, [by_pair["end", pair] for pair in PAIRS]))
    peak, low, high = depth_of_peak(word, n, seed)
    rows.append(
        Measurement(
            "P3.norm.depth", model, peak, low, high, n=len(word.labels), note="on a scale of twelve layers"
        )
    )
    rows.append(_difference("P3.separation", model, word, end, n, seed, sign=-1))
    if neighbour is None:
        rows.append(Measurement("P3.neo", model, None, note="needs a GPT-Neo"))
    else:
        rows.append(_difference("P3.neo", model, end, neighbour, n, seed, sign=1))
    return rows


def _all_inside(model: str, rows: list[Any]) -> Measurement:
    """A claim about all three cosines is judged by the one that strays furthest from its range."""
    claim = read_claims().set_index("id").loc["P3.cos.end.pythia"]
    low, high = float(claim["lo"]), float(claim["hi"])
    worst = max(rows, key=lambda row: max(low - row.value, row.value - high))
    note = f"the cosine furthest from the range, {worst.pair}"
    numbers = worst.value, worst.low, worst.high, worst.no_emotion
    return Measurement("P3.cos.end.pythia", model, *numbers, worst.n, note=note)


_CLAIMS = (
    ("P3.cos.end.ga", "end", "gratitude – anger"),
    ("P3.cos.end.ga.b", "end", "gratitude – anger"),
    ("P3.cos.end.gp", "end", "gratitude – apology"),
    ("P3.cos.end.ap", "end", "anger – apology"),
    ("P3.cos.tok.ga", "word", "gratitude – anger"),
    ("P3.cos.tok.pythia.ga", "word", "gratitude – anger"),
    ("P3.cos.tok.pythia.gp", "word", "gratitude – apology"),
)


def _difference(
    claim: str, model: str, one: Contrasts, other: Contrasts, n: int, seed: int, *, sign: int
) -> Measurement:
    """Difference of mean cosines, units resampled together; the side of 0 decides on which the interval lies."""
    if set(one.units) != set(other.units):
        raise UserError(f"{claim} compares two readings of the same prompts, and their units differ.")
    (first, a), (second, b) = mean_cosine_draws(one, n, seed), mean_cosine_draws(other, n, seed)
    low, high = interval(a - b, effective_units(one.units), first - second)
    holds = (lies_above if sign > 0 else lies_below)(low, high)
    return Measurement(claim, model, first - second, low, high, 0.0, len(one.labels), holds=holds)


class SentenceEndCosines(NamedTuple):
    """The report's cosines for GPT-2 at the sentence end, as printed, and the mean of the same formula's null."""

    reports: tuple[str, ...]
    null: float


def sentence_end_cosines(judged: pd.DataFrame) -> SentenceEndCosines:
    """Those claims that have a null; none where too few units were read."""
    near = judged[judged["id"].isin(_SENTENCE_END) & judged["null"].notna()]
    return SentenceEndCosines(tuple(near["report"]), float(near["null"].mean()))


_SENTENCE_END = ("P3.cos.end.ga.b", "P3.cos.end.gp", "P3.cos.end.ap")


def chapter_findings(
    scores: pd.DataFrame, specific: pd.DataFrame, angles: pd.DataFrame, profile: str
) -> pd.DataFrame:
    """The main numbers of chapter 03, for the record of real models.

    Parameters
    ----------
    scores
        From :func:`held_out.held_out` on the profile, *implicit* and *unfamiliar*.
    specific
        From :func:`projections.specificity`.
    angles
        Mean cosines at the end and at the emotion word, from :func:`geometry.cosines`.
    profile

    Returns
    -------
    Columns ``finding, value, low, high, null, n``.
    """
    means = scores[(scores["emotion"] == "mean") & (scores["method"] == "sentence end")].set_index("set")
    rows: list[tuple[str, float, float, float, float, float]] = []
    for name, told in (
        (profile, "keyword prompts"),
        ("implicit", "*implicit*"),
        ("unfamiliar", "*unfamiliar*"),
    ):
        row, about = means.loc[name], f"AUROC on {told}"
        rows.append((about, *row[["value", "low", "high", "null", "n_units"]]))
        if name != profile:
            rows.append((f"{about}, bag of words", row["words"], nan, nan, nan, row["n_units"]))
            gain = (row["gain"], row["gain_low"], row["gain_high"], 0.0, row["n_units"])
            rows.append((f"{about}, vector minus bag of words", *gain))
    own = specific[(specific["set"] == "implicit") & (specific["made"] != "centred")]
    for against in ("neutral", "other emotions"):
        part = own[own["against"] == against]
        about = f"AUROC of a vector on *implicit* against {against}, mean"
        rows.append((about, part["value"].mean(), nan, nan, 0.5, part["n_units"].max()))
    for place, told in (("end", "sentence-end"), ("word", "emotion-word")):
        part = angles[angles["reading"] == place]
        about = f"Cosine of {told} vectors, mean; null without emotion"
        rows.append((about, part["value"].mean(), nan, nan, part["no_emotion"].mean(), part["n_units"].max()))
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])
