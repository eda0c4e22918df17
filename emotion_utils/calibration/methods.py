"""What the chapter makes of the committed table: one line per method, and the first trials done again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from emotion_utils.alignment.align import PENALTY, align
from emotion_utils.calibration.ledger import Section
from emotion_utils.calibration.trials import null_trials, published_trials, rates
from emotion_utils.models.model import load
from emotion_utils.planted import dictionaries, directions, generators, heads
from emotion_utils.planted import directions as planted_directions
from emotion_utils.planted.generators import Recipe
from emotion_utils.planted.rotated_twins import logit_difference, rotated_twin, side_of
from emotion_utils.prompts import loading
from emotion_utils.statistics.auc import auroc
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds

METHODS = {
    "r2": "ridge map, held-out R²",
    "overlap": "ridge map, emotion subspaces",
    "probe": "ridge map, emotion probe",
}
"""The scores of the sound pipeline, in words."""
NULLS = {"AUROC": "alike", "no emotion": "alike", "one emotion": "one direction"}
"""The tests of Chapter 3, and the planted data in which each has nothing to find."""
BELIEVED = "10 x chance"
"""What counts as a finding of a published formula, which has no test of its own."""
SMALL = 1e-9
"""A penalty for maps with more rows than dimensions."""


def recipe_of(section: Section) -> Recipe:
    """The recipe that a section was measured with."""
    settings = dict(section.settings["recipe"])
    return Recipe(**{**settings, "widths": tuple(settings["widths"])})


def methods(section: Section, directions: Section, heads: Section, strength: float = 0.5) -> pd.DataFrame:
    """False positives and power of every method.

    Parameters
    ----------
    section, directions, heads
        ``alignment``, ``planted`` and ``heads`` of the committed table.
    strength
        Share of the variance in common, for the power of the comparison of two models.

    Returns
    -------
    Columns ``method, finding, false, low, high, n``; and of the power ``effect`` (what was there), ``rows`` (fewer and
    more), ``power`` and ``power, more rows``. A published formula has no power worth the name where it always finds
    something, so that these are empty.
    """
    about = {score: (words, "independent") for score, words in METHODS.items()}
    rows = _tested(section, about, strength, f"{strength:g} of the variance in common")
    published = section.tables["published"]
    chosen = published[(published["believed"] == BELIEVED) & (published["scale"] == 1.0)]
    for own in chosen.itertuples():
        names = {"method": f"{own.formula}, {own.precision}", "finding": f"≥ {own.believed}"}
        rows.append(names | {"false": own.rate, "low": own.low, "high": own.high, "n": own.n})
    about = {score: (planted_directions.SCORES[score], null) for score, null in NULLS.items()}
    length = float(directions.settings["shown"])
    rows += _tested(directions, about, length, f"directions of length {length:g}")
    return pd.DataFrame([*rows, _dictionary(directions), *_heads(heads)])


def _tested(
    section: Section, about: Mapping[str, tuple[str, str]], strength: float, effect: str
) -> list[dict[str, object]]:
    """One line for each score that comes with a test: its name, and the null its false positives are counted in."""
    false, power = section.tables["false"], section.tables["power"]
    rows = []
    for score, (words, null) in about.items():
        own = false[(false["null"] == null) & (false["score"] == score)].iloc[0]
        row = {"method": words, "finding": f"p ≤ {LEVEL:g}", "false": own["rate"], "low": own["low"]}
        found = power[(power["score"] == score) & (power["strength"] == strength)].sort_values("rows")
        sizes = ", ".join(str(rows) for rows in found["rows"])
        row |= {"high": own["high"], "n": own["n"], "effect": effect, "rows": sizes}
        rows.append(row | dict(zip(("power", "power, more rows"), found["rate"], strict=False)))
    return rows


def _dictionary(section: Section) -> dict[str, object]:
    """The line of the stand-in for a sparse autoencoder, at the least noise."""
    table = section.tables["dictionary"]
    at = table[table["noise"] == table["noise"].min()].set_index("method")
    true, null = at.loc[dictionaries.LEARNER], at.loc[f"{dictionaries.LEARNER}, no atoms"]
    row = {"method": dictionaries.LEARNER, "finding": "half of the atoms", "false": null["rate"]}
    row |= {"low": null["low"], "high": null["high"], "n": null["n"], "rows": str(section.settings["states"])}
    return row | {"effect": f"atoms, noise {true['noise']:g}", "power": true["rate"]}


def _heads(section: Section) -> list[dict[str, object]]:
    """One line for each way of screening heads that is tested; its power: how often the planted head is first."""
    false, first = section.tables["false"], section.tables["first"].set_index("score")
    pairs = section.settings["laboratory"]["units"] * len(generators.EMOTIONS)
    effect = {"effect": "one head of twelve, ranked first", "rows": str(pairs)}
    rows = []
    for own in false[false["null"] == "whole"].itertuples():
        row = {"method": f"heads: {own.score}", "finding": f"p ≤ {LEVEL:g}", "false": own.rate}
        row |= {"low": own.low, "high": own.high, "n": own.n}
        if own.score in first.index:
            row |= effect | {"power": first.loc[own.score, "rate"]}
        rows.append(row)
    return rows


def repeat(section: Section, n: int) -> pd.DataFrame:
    """The first trials of the committed table, computed again.

    Returns
    -------
    Columns ``seed, score, committed, again`` (p) and ``difference``.
    """
    sample, settings = section.tables["sample"].head(n), section.settings
    seeds = [int(seed) for seed in sample["seed"]]
    now = null_trials(recipe_of(section), "independent", seeds, settings["permutations"], settings["k"])
    return _beside(sample, now)


def repeat_planted(section: Section, n: int) -> pd.DataFrame:
    """The first trials on a planted direction of length zero, computed again; columns as :func:`repeat`."""
    sample, settings = section.tables["sample"].head(n), section.settings
    seeds = [int(seed) for seed in sample["seed"]]
    made = directions.Planting(**{**settings["planting"], **directions.KINDS["alike"][0]})
    return _beside(sample, directions.trials(made, seeds, settings["permutations"]))


def repeat_dictionary(section: Section, n: int) -> pd.DataFrame:
    """The first planted dictionaries of the least noise, learned again.

    Returns
    -------
    Columns ``method, seed, committed, again`` (mean largest cosine) and ``difference``.
    """
    sample = section.tables["dictionaries"]
    seeds = [int(seed) for seed in sample["seed"].unique()[:n]]
    recipe = dictionaries.Sparse(**section.settings["sparse"])
    now = dictionaries.trials(recipe, [recipe.noise], seeds).set_index(["method", "seed"])["mean"]
    kept = sample[sample["seed"].isin(seeds)][["method", "seed", "mean"]].rename(
        columns={"mean": "committed"}
    )
    out = kept.assign(again=now.loc[list(zip(kept["method"], kept["seed"], strict=True))].to_numpy())
    return out.assign(difference=out["again"] - out["committed"])


def repeat_heads(section: Section, n: int) -> pd.DataFrame:
    """The first models with a planted head, and without, screened again.

    Returns
    -------
    Columns ``seed, score`` (the method), ``what`` (``lead`` of the planted head, or ``p``), ``committed, again`` and
    ``difference``; that of a lead is a share of the committed one.
    """
    ranked, settings = section.tables["ranked"], section.settings
    seeds = [int(seed) for seed in ranked["seed"].unique()[:n]]
    now = heads.rankings(heads.Laboratory(**settings["laboratory"]), seeds)
    kept = ranked[ranked["seed"].isin(seeds)].rename(columns={"method": "score", "lead": "committed"})
    leads = kept[["seed", "score", "committed"]].assign(what="lead", again=now["lead"].to_numpy())
    leads["difference"] = leads["again"] / leads["committed"] - 1
    without = heads.Laboratory(**settings["null"])
    again = heads.null_trials(without, seeds, settings["permutations"])
    sample = section.tables["sample"]
    both = [table[table["units"] == "whole"].drop(columns="units") for table in (sample, again)]
    found = _beside(both[0][both[0]["seed"].isin(seeds)], both[1]).assign(what="p")
    columns = ["seed", "score", "what", "committed", "again", "difference"]
    return pd.concat([leads[columns], found[columns]], ignore_index=True)


def _beside(committed: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    both = [table.melt("seed", var_name="score", value_name="p") for table in (committed, now)]
    out = both[0].rename(columns={"p": "committed"}).assign(again=both[1]["p"].to_numpy())
    return out.assign(difference=out["again"] - out["committed"])


def summary(repeated: pd.DataFrame, section: Section) -> pd.DataFrame:
    """Rates of the trials that were done again beside those of the table.

    Returns
    -------
    Columns ``score, hits, n, rate, low, high`` (of the repeated ones), ``committed`` (rate of all), ``agree``: whether
    the interval of one holds the other.
    """
    live = rates(repeated.pivot(index="seed", columns="score", values="again"))
    false = section.tables["false"]
    whole = false[false["null"] == "independent"].set_index("score")["rate"]
    live["committed"] = whole.loc[live["score"]].to_numpy()
    inside = (live["low"] <= live["committed"]) & (live["committed"] <= live["high"])
    return live.assign(agree=np.where(inside, "yes", "no"))


def formula_aurocs(seeds: Iterable[int], strength: float = 0.5, recipe: Recipe | None = None) -> pd.DataFrame:
    """How well the value of a published formula tells models that share much from models that share nothing.

    Returns
    -------
    Columns ``formula, precision, scale, nothing, shared`` (medians), ``AUROC`` (of the value; a half is chance),
    ``higher, low, high`` (share of pairs in which the models that share score higher, with exact bounds) and ``n``.
    """
    base, seeds = recipe or Recipe(), list(seeds)
    linked = Recipe(**{**base.__dict__, "strength": strength})
    keys = ["formula", "precision", "scale"]
    tables = [published_trials(made, seeds) for made in (base, linked)]
    rows = []
    for about, own in tables[0].groupby(keys, sort=False):
        other = tables[1].set_index(keys).loc[about, "value"].to_numpy()
        values = np.concatenate([own["value"].to_numpy(), other])
        told_apart = auroc(values, np.arange(len(values)) >= len(own))
        hits = int((other > own["value"].to_numpy()).sum())
        bounds = binomial_bounds(hits, len(other))
        medians = float(own["value"].median()), float(np.median(other))
        rows.append((*about, *medians, told_apart, hits / len(other), *bounds, len(other)))
    columns = [*keys, "nothing", "shared", "AUROC", "higher", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def twin_checks(
    names: Iterable[str], texts: Sequence[str], device: str = "cpu", seed: int = 0
) -> pd.DataFrame:
    """Is the rotated twin the same function, and does a map find the whole of it on emotions that it never saw.

    Parameters
    ----------
    names
        Models of the registry.
    texts
        On which the logits are compared.
    device, seed
        Of the models, and of the rotation and the other pairings.

    Returns
    -------
    Columns ``model, prompts, logits differ by``, then the least overlap over the layers with the ``small penalty`` and
    the ``default penalty``, and the largest that ``other pairings reach`` with the small one.
    """
    rows, table = [], loading.load_profile("powered")
    for name in names:
        model = load(name, device, "float32")
        twin, _ = rotated_twin(model.network, seed)
        one, other = (side_of(m, model.tokenizer, table, name) for m in (model.network, twin))
        found = [align(one, other, n_permutations=19, seed=seed, penalty=p) for p in (SMALL, PENALTY)]
        least = [float(np.diagonal(run.scores["overlap"][0]).min()) for run in found]
        reached = float(found[0].scores["overlap"][1:].max())
        rows.append(
            (name, len(texts), logit_difference(model.network, twin, model.tokenizer, texts), *least, reached)
        )
    columns = ["model", "prompts", "logits differ by", "small penalty", "default penalty"]
    return pd.DataFrame(rows, columns=[*columns, "other pairings reach"])
