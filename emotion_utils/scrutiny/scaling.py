"""The reports' overlaps with models of 8 and 12 billion parameters (Phase 8): chance before and after alignment, sums.

Before alignment chance is that of random subspaces of the wider model's width. After it the reports' formula falls with
the scale of the wider model's activations, which they do not print: the committed table of the calibration has its
range on models that share nothing, at scales from a hundredth to a hundred times that of GPT-2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.calibration import ledger
from emotion_utils.calibration.scaling import MILLION, WIDTHS, K
from emotion_utils.scrutiny.rules import (
    Scrutiny,
    computed,
    mean_range,
    no_null,
    number,
    printed,
    spread,
    under_null,
)
from emotion_utils.statistics.resampling import interval
from emotion_utils.subspaces.overlap_by_k import DRAWS, random_sweeps

MODELS = {"llama3-8b": WIDTHS[0], "qwen3-8b": WIDTHS[0], "gemma3-12b": WIDTHS[1]}
"""d_model of the reports' larger models, from their published configurations."""
ENOUGH, RISEN, STANDS_OUT = 0.1, 10.0, 0.01
"""The reports' bound of a check passed; times before, from which on a check is passed in part; a layer's gain."""


def scrutiny(claims: pd.DataFrame, seed: int = 0) -> dict[str, Scrutiny]:
    """The claims of Phase 8.

    Parameters
    ----------
    claims
        Indexed by id.
    seed
        Of the random subspaces.
    """
    table = ledger.read("phase8").tables["after"]
    found: dict[str, Scrutiny] = {}
    for model, width in MODELS.items():
        own, after = claims[claims.index.str.startswith(f"P8.{model}.")], table[table["width"] == width]
        found |= _before(own, width, seed) | _after(own, after)
        found |= _sums(own, f"P8.{model}", found) | _checks(own, f"P8.{model}", after, width)
    dmodel, width = claims.loc["P8.gemma3-12b.dmodel"], MODELS["gemma3-12b"]
    return found | {
        "P8.gemma3-12b.dmodel": computed(dmodel, width, width, "hidden size in the published configuration"),
        "P8.gemma3-12b.skip": no_null(
            f"activations above {number(float(np.finfo(np.float16).max))} overflow half precision; bfloat16 holds them"
        ),
        "P8.ranking": _ranking(claims, table),
    }


def _layers(own: pd.DataFrame, when: str) -> list[str]:
    """Claims about single layers, in their order."""
    return [str(claim) for claim in own.index if ".L" in claim and claim.endswith(f".{when}")]


def _before(own: pd.DataFrame, width: int, seed: int) -> dict[str, Scrutiny]:
    low, high = interval(random_sweeps(DRAWS, seed, width, (K,))[:, 0])
    about = f"one pair of random subspaces of {width} dimensions, k={K}"
    return {claim: under_null(own.loc[claim], low, high, about) for claim in _layers(own, "before")}


def _after(own: pd.DataFrame, after: pd.DataFrame) -> dict[str, Scrutiny]:
    return {claim: _at_some_scale(own.loc[claim], after) for claim in _layers(own, "after")}


def _at_some_scale(claim: pd.Series, after: pd.DataFrame) -> Scrutiny:
    """Whether models that share nothing reach a value, and where the scale of the wider one must lie for it."""
    low, high = (end * MILLION for end in printed(claim))
    covers = after[(after["low"] <= high) & (low <= after["high"])]
    about = "models that share nothing, by the scale of the wider one"
    if len(covers):
        scales = spread(float(covers["scale"].min()), float(covers["scale"].max()))
        return Scrutiny("at chance", f"{about}: covered at {scales} times the scale of GPT-2")
    most = float(after["high"].max())
    word = "above chance" if low > most else "at chance"
    return Scrutiny(word, f"{about}: {spread(float(after['low'].min()) / MILLION, most / MILLION)}")


def _sums(own: pd.DataFrame, model: str, layers: dict[str, Scrutiny]) -> dict[str, Scrutiny]:
    """Means and maxima from the printed layers; where they agree, a mean is as surprising as its layers."""
    before, after = (_layers(own, when) for when in ("before", "after"))
    means = {when: mean_range(own, rows) for when, rows in (("before", before), ("after", after))}
    means["delta"] = (means["after"][0] - means["before"][1], means["after"][1] - means["before"][0])
    ends = [(printed(own.loc[a]), printed(own.loc[b])) for b, a in zip(before, after, strict=True)]
    largest = max(a[0] - b[1] for a, b in ends), max(a[1] - b[0] for a, b in ends)
    about = f"mean of the {len(after)} printed layers"
    found = {
        f"{model}.mean.{when}": computed(own.loc[f"{model}.mean.{when}"], *means[when], about)
        for when in means
    }
    found[f"{model}.max.delta"] = computed(
        own.loc[f"{model}.max.delta"], *largest, "largest of the printed layers"
    )
    chance = sum(layers[claim].word == "at chance" for claim in after)
    told = f"; {chance} of {len(after)} layers after alignment are at chance"
    return {
        claim: said if claim.endswith(".before") else Scrutiny(said.word, said.note + told)
        for claim, said in found.items()
    }


def _checks(own: pd.DataFrame, model: str, after: pd.DataFrame, width: int) -> dict[str, Scrutiny]:
    """What the reports' own checks say of models that share nothing, at the scales that their values ask for."""
    gained = np.array([_implied(float(own.loc[claim, "lo"]), after)[1] for claim in _layers(own, "after")])
    mean, before = float(gained.mean()), 1 / width
    rises = gained - before
    says = {
        "before": ("yes" if before < STANDS_OUT else "no", f"mean before {number(before)}"),
        "after": (
            "yes" if mean >= ENOUGH else "partly" if mean > RISEN * before else "no",
            f"mean after {number(mean)}",
        ),
        "delta": (
            "yes" if rises.min() > 0 and rises.max() > STANDS_OUT else "no",
            f"gains {spread(float(rises.min()), float(rises.max()))}",
        ),
    }
    found = {}
    for check, (answer, about) in says.items():
        claim = own.loc[f"{model}.check.{check}"]
        word = "at chance" if answer == claim["value"] else "above chance"
        told = f"models that share nothing, at the scales of the printed values: {about}, the check says {answer}"
        found[f"{model}.check.{check}"] = Scrutiny(word, told)
    return found


def _implied(value: float, after: pd.DataFrame) -> tuple[float, float]:
    """The scale at which the median of models that share nothing is nearest to a value, and that median."""
    medians = after["median"].to_numpy() / MILLION
    nearest = int(np.abs(np.log(medians / value)).argmin())
    return float(after["scale"].iloc[nearest]), float(medians[nearest])


def _ranking(claims: pd.DataFrame, table: pd.DataFrame) -> Scrutiny:
    """The order of three models that share nothing follows the order of their scales alone."""
    ranked = [part.strip() for part in str(claims.loc["P8.ranking", "value"]).split(">")]
    scales = {}
    for model in ranked:
        after = table[table["width"] == MODELS[model]]
        scales[model] = _implied(float(claims.loc[f"P8.{model}.mean.after", "lo"]), after)[0]
    reached = all(_at_some_scale(claims.loc[f"P8.{m}.mean.after"], table).word == "at chance" for m in ranked)
    told = ", ".join(f"{model} {number(scale)}" for model, scale in scales.items())
    published = (
        ledger.read("lengths").tables["lengths"].groupby("model", sort=False)["length"].agg(["min", "max"])
    )
    lengths = "; ".join(f"{name} {spread(row['min'], row['max'])}" for name, row in published.iterrows())
    return Scrutiny(
        "at chance" if reached else "above chance",
        f"models that share nothing rank so at these scales, times that of GPT-2: {told}; emotion vectors that others "
        f"published are longer for the one that ranks lower, by layer: {lengths}",
    )
