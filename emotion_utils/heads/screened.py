"""All heads of a model, screened by every method on the same pairs; and of several models, kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.heads import circuits
from emotion_utils.heads.ablation import ablated, means_of, pair_effects
from emotion_utils.heads.attribution import attributed, direct
from emotion_utils.heads.by_pair import ablations, transplants
from emotion_utils.heads.pairs import Head, Pairs, emotional_pairs
from emotion_utils.heads.screening import agreement, effect_table
from emotion_utils.heads.sizes import Size, few
from emotion_utils.overview import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.store import Store

__all__ = ["EXACT", "METHODS", "Screened", "by_circuit", "by_pair", "overview", "screen", "summary"]

EXACT = "mean ablation"
BY_PAIR = "head_effects_by_pair"
MOST_SETS = 10
"""Random sets of each kind beside the circuit of each of several models."""
LEAST = 0.5
"""Nats: a smaller difference between partners is not worth dividing by."""
CORRELATIONS = [f"{name}{end}" for name in ("pearson", "spearman") for end in ("", "_low", "_high")]
SHARES = ("largest_share", "kept", "random", "equal_norm")
METHODS = (EXACT, "zero ablation", "resample ablation", "attribution", "direct")


@dataclass(frozen=True, eq=False)
class Screened:
    """Effects of all heads on the difference between the prompts of each pair.

    Attributes
    ----------
    pairs
    means
        What each head gives on average over the build split, which stands in for a head that is taken out.
    effects
        By method, of :data:`METHODS`: shape (pair, head), in nats. Methods that choose nothing are run on the pairs
        that are scored alone, and are NaN elsewhere.
    """

    pairs: Pairs
    means: Float[Tensor, "layer n_head d_head"] = field(repr=False)
    effects: Mapping[str, Float[np.ndarray, "pair head"]] = field(repr=False)

    @property
    def built(self) -> Bool[np.ndarray, " pair"]:
        """Which pairs are of the build split, on which everything is chosen."""
        return np.asarray(self.pairs.table["split"] == "build")

    @property
    def build(self) -> Pairs:
        """The pairs of the build split."""
        return self.pairs.where(self.built)

    @property
    def held(self) -> Pairs:
        """The other pairs, on which everything is scored."""
        return self.pairs.where(~self.built)

    def on_held(self, method: str) -> Float[np.ndarray, "pair head"]:
        """Effects on the pairs that nothing was chosen on."""
        return self.effects[method][~self.built]


def screen(pairs: Pairs, methods: Sequence[str] = METHODS, seed: int = 0) -> Screened:
    """Screen all heads by each method.

    Parameters
    ----------
    pairs
        Of all splits; means are taken over the build split alone.
    methods
        Of :data:`METHODS`.
    seed
        Of the draw of other prompts.
    """
    build = pairs.of("build")
    means, scored = means_of(build), np.asarray(pairs.table["split"] != "build")
    ways: dict[str, Callable[[Pairs], Float[np.ndarray, "side pair head"]]] = {
        EXACT: lambda some: ablated(some, "mean", means=means),
        "zero ablation": lambda some: ablated(some, "zero"),
        "resample ablation": lambda some: ablated(some, "resample", donors=build, seed=seed),
        "attribution": lambda some: attributed(some, means),
        "direct": lambda some: direct(some, means),
    }
    effects = {}
    for name in methods:
        effects[name] = np.full((len(pairs), len(pairs.heads)), np.nan)
        kept = np.full(len(pairs), True) if name == EXACT else scored
        effects[name][kept] = pair_effects(ways[name](pairs.where(kept)))
    return Screened(pairs, means, effects)


def overview(
    models: Sequence[str], prompts: pd.DataFrame, size: Size, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """Screening and circuit of several models, each computed once per store.

    What :func:`by_pair` gives is computed and kept with it.

    Parameters
    ----------
    models
        Names of the registry.
    prompts
        As of :func:`pairs.emotional_pairs`.
    size
        How much is run.
    store
        Where the tables are kept.
    options
        The model to begin with (``first``), ``device`` and ``dtype`` of the models, ``seed``.

    Returns
    -------
    The rows of :func:`summary` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        found = _screened(name, asked, size)
        asked.tables(BY_PAIR, lambda _: _each_pair(found, asked.seed), __name__, [name])
        return summary(found, size, asked.seed)

    return asked.tables("head_overview", compute, __name__)


def by_pair(
    models: Sequence[str], prompts: pd.DataFrame, size: Size, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """What heads of several models do to each pair that nothing was chosen on: parameters of :func:`overview`.

    Returns
    -------
    The rows of :func:`emotion_utils.heads.by_pair.ablations` and ``transplants`` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)
    return asked.tables(BY_PAIR, lambda name: _each_pair(_screened(name, asked, size), asked.seed), __name__)


def _screened(name: str, asked: Comparison, size: Size) -> Screened:
    return screen(few(emotional_pairs(*asked.load(name), asked.prompts), size.pairs), (EXACT, "attribution"))


def _each_pair(found: Screened, seed: int) -> pd.DataFrame:
    return pd.concat([ablations(found), transplants(found, seed)], ignore_index=True)


def summary(found: Screened, size: Size, seed: int = 0) -> pd.DataFrame:
    """Screening and circuit of one model: chosen on the build split, scored on the other pairs.

    Returns
    -------
    One row per emotion: ``emotion, difference`` (between partners, nats), ``found`` (heads with p of at most 5 %),
    ``largest`` (the head with the largest effect), ``largest_share``, ``pearson`` and ``spearman`` of attribution
    against mean ablation with their ends, ``heads`` (of the model), ``size`` (heads of the circuit, the same for all
    emotions), ``kept, kept_low, kept_high`` (its share of the difference), ``random`` and ``random_most`` (share of
    random sets of equal size, mean and largest), ``equal_norm`` and ``equal_norm_most``, ``n`` (pairs), ``n_groups``.
    Shares are NaN where the difference is below :data:`LEAST`.
    """
    held, options = found.held, {"n_resamples": size.resamples, "seed": seed}
    effects = effect_table(held, found.on_held(EXACT), n_permutations=size.permutations, **options)
    both = {name: found.on_held(name) for name in (EXACT, "attribution")}
    cheap = agreement(held, both, EXACT, **options).set_index("emotion")
    chosen = _circuit(found)
    beside = _beside(found, chosen, min(size.sets, MOST_SETS), seed)
    sets = [chosen, *(own for drawn in beside.values() for own in drawn)]
    kept = circuits.differences(held, sets, found.means)
    rows = []
    for emotion in held.emotions:
        own = np.asarray(held.table["emotion"] == emotion)
        part, one = held.where(own), effects[effects["emotion"] == emotion]
        whole, top = np.subtract(*part.log_odds()[:, :, 0]), one.loc[one["effect"].abs().idxmax()]
        shares = circuits.share_table(part, kept[own], **options)
        rows.append(
            {
                "emotion": emotion, "difference": float(whole.mean()), "found": int((one["p"] <= 0.05).sum()),
                "largest": top["name"], "largest_share": float(top["share"]), **cheap.loc[emotion, CORRELATIONS],
                "heads": len(found.pairs.heads), "size": len(chosen), **_shares(shares, beside),
                "n": len(whole), "n_groups": int(shares["n_groups"].iloc[0]),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    weak = table["difference"].abs() < LEAST
    table.loc[weak, [name for name in table if name.startswith(SHARES)]] = np.nan
    return table


def by_circuit(table: pd.DataFrame) -> pd.DataFrame:
    """Per model, from :func:`overview`: the least that its circuit keeps of any emotion, and whether that is enough.

    Returns
    -------
    Indexed by model: ``size, heads, kept`` (least of the emotions), ``random, equal_norm`` (means of random sets),
    ``enough`` (the goal is kept of every emotion with fewer than half of the heads) and ``clear`` (enough, and the
    interval lies above the best random set of equal norm).
    """
    rows = table.groupby("model", sort=False)
    found = rows[["size", "heads"]].first().join(rows[["kept", "kept_low"]].min())
    found = found.join(rows[["random", "equal_norm"]].mean()).join(rows["equal_norm_most"].max())
    enough = (found["kept"] >= circuits.GOAL) & (2 * found["size"] < found["heads"])
    return found.assign(enough=enough, clear=enough & (found["kept_low"] > found["equal_norm_most"]))


def _circuit(found: Screened) -> list[Head]:
    """The smallest even number of first heads, by their exact effects, that keep enough on the build split.

    None where the partners do not differ.
    """
    if abs(np.subtract(*found.build.log_odds()).mean()) < LEAST:
        return []
    heads = circuits.ordered(found.pairs, found.effects[EXACT][found.built])
    built = circuits.curve(found.build, heads, found.means, range(2, len(heads) // 2 + 1, 2), n_resamples=2)
    return heads[: circuits.choose_size(built)]


def _beside(found: Screened, chosen: Sequence[Head], n: int, seed: int) -> dict[str, list[list[Head]]]:
    norms = circuits.output_norms(found.build, found.means)
    return {
        "random": circuits.random_sets(found.build, chosen, n, seed=seed),
        "equal_norm": circuits.random_sets(found.build, chosen, n, norms, seed=seed),
    }


def _shares(table: pd.DataFrame, beside: Mapping[str, Sequence[object]]) -> dict[str, float]:
    """Of the circuit, which is the first row, and of the sets beside it."""
    first = table.iloc[0]
    found = {"kept": first["share"], "kept_low": first["low"], "kept_high": first["high"]}
    at = 1
    for name, drawn in beside.items():
        own = table["share"].iloc[at : at + len(drawn)]
        found |= {name: own.mean(), f"{name}_most": own.max()}
        at += len(drawn)
    return {name: float(value) for name, value in found.items()}
