"""The reports' overlaps with models of 8 and 12 billion parameters (Phase 8): chance before and after alignment, sums.

Before alignment chance is that of random subspaces of the wider model's width. After it the reports' formula falls with
the scale of the wider model's activations, which they do not print: at a scale of its own every layer can have any
value. What can be asked is whether one scale gives a model's layers all at once, constant over depth, growing as the
vectors that others published of such models, or as the states of two pretrained models; where none does, the values say
nothing without the scales.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import binom

from emotion_utils.calibration import ledger
from emotion_utils.calibration.scaling import MILLION, WIDTHS, K
from emotion_utils.scrutiny.judging import Rule, follows, invented, reprinted, single, without_null
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, mean_range, number, printed, spread, under_null
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import interval
from emotion_utils.subspaces.overlap_by_k import DRAWS, random_sweeps
from emotion_utils.wider.checks import CHECKS, passed

MODELS = {"llama3-8b": WIDTHS[0], "qwen3-8b": WIDTHS[0], "gemma3-12b": WIDTHS[1]}
"""d_model of the reports' larger models, from their published configurations."""
COSINE = 0.4
"""Of the one direction that planted subspaces have in common."""
SHARE_NOTHING = "models that share nothing"
FLAT = "constant over depth"


def rules(rows: Rows, seed: int = 0) -> list[Rule]:
    """Those for the claims of Phase 8.

    Parameters
    ----------
    rows
        All claims.
    seed
        Of the random subspaces.
    """
    table = ledger.read("phase8").tables["after"]
    found: list[Rule] = []
    for model, width in MODELS.items():
        nulls = Nulls(table[table["width"] == width])
        pairs = random_sweeps(DRAWS, seed, width, (K,))[:, 0]
        found += [_before(claim, width, pairs) for claim in _layers(rows, model, "before")]
        found += [_after(rows, model, nulls), *_sums(rows, model)]
        found += [_check(rows, model, check, nulls, width) for check in CHECKS]
    hidden = float(MODELS["gemma3-12b"])
    largest = number(float(np.finfo(np.float16).max))
    overflow = f"activations above {largest} overflow half precision; bfloat16 holds them"
    return [
        *found,
        follows("a fact about a model", "P8.gemma3-12b.dmodel", lambda _: (hidden, hidden),
                "hidden size in the published configuration"),
        *without_null("a setting", {"P8.gemma3-12b.skip": overflow}),
        _ranking(rows, {model: Nulls(table[table["width"] == own]) for model, own in MODELS.items()}),
    ]  # fmt: skip


def _layers(rows: Rows, model: str, when: str) -> list[str]:
    """Claims about single layers, in their order."""
    return [claim for claim in rows if claim.startswith(f"P8.{model}.L") and claim.endswith(f".{when}")]


class Nulls:
    """The published score of models that share nothing, by the scale of the wider one.

    Parameters
    ----------
    table
        Of one width, from the committed table of the calibration.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.scales, self.low, self.median, self.high = (
            table[name].to_numpy(dtype=float) / unit
            for name, unit in (("scale", 1), ("low", MILLION), ("median", MILLION), ("high", MILLION))
        )

    def covers(self, row: Row) -> np.ndarray:
        """Whether the null reaches what rounds to a value, at each scale."""
        low, high = printed(row)
        return np.asarray((self.low <= high) & (low <= self.high))

    def implied(self, value: float) -> tuple[float, float]:
        """The scale at which the median is nearest to a value, and that median."""
        nearest = int(np.abs(np.log(self.median / max(value, 1e-12))).argmin())
        return float(self.scales[nearest]), float(self.median[nearest])

    def draw(self, at: int, rng: np.random.Generator) -> float:
        """One score at a scale: log-normal with the middle 95 % of the table."""
        deviation = np.log(self.high[at] / self.low[at]) / (2 * 1.96)
        return float(min(1.0, self.median[at] * np.exp(rng.normal(0, deviation))))


def _before(claim: str, width: int, pairs: Float[np.ndarray, " draw"]) -> Rule:
    low, high = interval(pairs)
    about = f"one pair of random subspaces of {width} dimensions, k={K}"

    def plant(rng: np.random.Generator) -> float:
        return float(rng.choice(pairs)) + COSINE**2 / K**2

    return single(
        "cos² of random subspaces, a wider model", claim, lambda row: under_null(row, low, high, about),
        null=lambda rng: float(rng.choice(pairs)), plant=plant,
        planted=f"one direction in common at a cosine of {COSINE}",
    )  # fmt: skip


def depth_profiles(layers: int) -> dict[str, Float[np.ndarray, " layer"]]:
    """How a scale may go with depth: not at all, as the vectors that others published grow, or as real states do.

    Returns
    -------
    By a few words about it, the scale of each layer over that of the first.
    """
    lengths = ledger.read("lengths").tables["lengths"]
    found = {FLAT: np.ones(layers)}
    for name, own in lengths.groupby("model", sort=False):
        ends = own.sort_values("layer")
        rates = [
            np.log(b.length / a.length) / (b.layer - a.layer)
            for a, b in pairwise(ends[["layer", "length"]].itertuples(index=False))
        ]
        found[f"growing as published vectors of {name} do"] = np.exp(
            float(np.mean(rates)) * np.arange(layers)
        )
    states = ledger.read("real states").tables["dimensions"]
    for name, own in states.groupby("model", sort=False):
        by_layer = own.sort_values("layer")["length"].to_numpy(dtype=float)[:layers]
        found[f"growing as the states of {name} do"] = by_layer / by_layer[0]
    return found


def _best_scale(own: list[Row], nulls: Nulls, profile: Float[np.ndarray, " layer"]) -> tuple[int, float]:
    """Most layers that one scale covers, and the scale of the first layer there."""
    covers = np.array([nulls.covers(row) for row in own])  # (layer, scale)
    step = np.log(nulls.scales[1] / nulls.scales[0])
    at = np.round(np.log(profile) / step).astype(int)[:, None] + np.arange(
        len(nulls.scales)
    )  # (layer, scale)
    inside = at < len(nulls.scales)
    counts = (np.take_along_axis(covers, np.where(inside, at, 0), axis=1) & inside).sum(axis=0)
    best = int(np.argmax(counts))
    return int(counts[best]), float(nulls.scales[best])


def _after(rows: Rows, model: str, nulls: Nulls) -> Rule:
    """All layers of a model at one scale; each at its own is no test."""
    claims = _layers(rows, model, "after")
    profiles = depth_profiles(len(claims))

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        own = [rows[claim] for claim in claims]
        tried = {name: _best_scale(own, nulls, profile) for name, profile in profiles.items()}
        name, (covered, scale) = max(tried.items(), key=lambda item: item[1][0])
        missed = len(claims) - covered
        # of as many intervals of 95 % as there are layers
        fits = float(binom.sf(missed - 1, len(claims), LEVEL)) > LEVEL
        told = f"{SHARE_NOTHING}, at one scale of the wider one, {name}: {covered} of {len(claims)} layers covered"
        told += f" at {number(scale)} times the scale of GPT-2" if covered else ""
        return {claim: _layer(rows[claim], nulls, fits, told) for claim in claims}

    def null(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        at = int(rng.integers(len(nulls.scales)))
        return {claim: reprinted(rows[claim], nulls.draw(at, rng)) for claim in claims}

    def plant(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        return {claim: reprinted(rows[claim], float(rng.uniform(0.98, 0.999))) for claim in claims}

    return Rule("cos² after a map, one scale for all layers", tuple(claims), judge, null=null, plant=plant,
                planted="0.98 and more at every layer")  # fmt: skip


def _layer(row: Row, nulls: Nulls, fits: bool, told: str) -> Scrutiny:
    if printed(row)[0] > nulls.high.max():
        return Scrutiny(
            "above chance", f"{SHARE_NOTHING} reach {number(float(nulls.high.max()))} at any scale"
        )
    if fits:
        return Scrutiny("at chance", told)
    at = nulls.scales[nulls.covers(row)]
    alone = (
        f"{spread(float(at.min()), float(at.max()))} times the scale of GPT-2"
        if len(at)
        else "no scale tried"
    )
    return Scrutiny(
        "not identifiable", f"{told}; this layer alone at {alone}, and the report prints no scale"
    )


def _sums(rows: Rows, model: str) -> list[Rule]:
    """Means and maxima from the printed layers."""
    before, after = (_layers(rows, model, when) for when in ("before", "after"))

    def delta(rows: Rows) -> tuple[float, float]:
        first, last = mean_range(rows, before), mean_range(rows, after)
        return last[0] - first[1], last[1] - first[0]

    def largest(rows: Rows) -> tuple[float, float]:
        ends = [(printed(rows[a]), printed(rows[b])) for b, a in zip(before, after, strict=True)]
        return max(a[0] - b[1] for a, b in ends), max(a[1] - b[0] for a, b in ends)

    about, name = f"mean of the {len(after)} printed layers", "sums and means of printed figures"
    of_layers: dict[str, Callable[[Rows], tuple[float, float]]] = {
        "before": partial(mean_range, wanted=before),
        "after": partial(mean_range, wanted=after),
        "delta": delta,
    }
    return [
        *(follows(name, f"P8.{model}.mean.{when}", compute, about) for when, compute in of_layers.items()),
        follows(name, f"P8.{model}.max.delta", largest, "largest of the printed layers"),
    ]


def _check(rows: Rows, model: str, check: str, nulls: Nulls, width: int) -> Rule:
    """A check of models that share nothing, each layer at the scale that its printed value asks for."""
    claim, layers = f"P8.{model}.check.{check}", _layers(rows, model, "after")
    firsts = _layers(rows, model, "before")

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        gained = np.array([nulls.implied(float(rows[each]["lo"]))[1] for each in layers])
        answer = passed(check, 1 / width, gained)
        word = "at chance" if answer == rows[claim]["value"] else "above chance"
        about = f"mean before {number(1 / width)}, after {number(float(gained.mean()))}"
        told = (
            f"{SHARE_NOTHING}, each layer at the scale of its printed value: {about}, the check says {answer}"
        )
        return {claim: Scrutiny(word, told)}

    def other(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        changes = invented(rows, (*firsts, *layers), rng)
        before = float(np.mean([float(changes[each]["lo"]) for each in firsts]))
        after = np.array([float(changes[each]["lo"]) for each in layers])
        return {**changes, claim: {**rows[claim], "value": passed(check, before, after)}}

    return Rule("the reports' own checks, scales open", (claim,), judge, invent=other)


def _ranking(rows: Rows, nulls: Mapping[str, Nulls]) -> Rule:
    """The order of three models that share nothing follows the order of their scales alone."""
    claim = "P8.ranking"
    means = {model: f"P8.{model}.mean.after" for model in nulls}

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        ranked = [part.strip() for part in str(rows[claim]["value"]).split(">")]
        reached = all(nulls[model].covers(rows[means[model]]).any() for model in ranked)
        scales = {model: nulls[model].implied(float(rows[means[model]]["lo"]))[0] for model in ranked}
        told = ", ".join(f"{model} {number(scale)}" for model, scale in scales.items())
        return {
            claim: Scrutiny(
                "at chance" if reached else "above chance",
                f"{SHARE_NOTHING} rank so at these scales, times that of GPT-2: {told}; emotion vectors that others "
                f"published are longer for the one that ranks lower, by layer: {_published_lengths()}",
            )
        }

    def other(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        changes = invented(rows, means.values(), rng)
        order = sorted(means, key=lambda model: -float(changes[means[model]]["lo"]))
        return {**changes, claim: {**rows[claim], "value": " > ".join(order)}}

    return Rule("order of models, scales open", (claim,), judge, invent=other)


@lru_cache(maxsize=1)
def _published_lengths() -> str:
    table = ledger.read("lengths").tables["lengths"]
    own = table.groupby("model", sort=False)["length"].agg(["min", "max"])
    return "; ".join(f"{name} {spread(row['min'], row['max'])}" for name, row in own.iterrows())
