"""The same screening for several models, kept in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from emotion_utils.circuits import faithfulness
from emotion_utils.circuits.methods import EXACT, Screened, screen
from emotion_utils.circuits.pair_effects import ablations, patchings
from emotion_utils.circuits.screening import agreement, effect_table
from emotion_utils.core.profiles import HeadsSize
from emotion_utils.heads import openings
from emotion_utils.heads.budget import Plan
from emotion_utils.heads.pairs import Head, Pairs
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import grouped_mean_interval
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

BY_PAIR = "head_effects_by_pair"
MOST_SETS = 10
"""Random sets of each kind beside the circuit of each of several models."""
CORRELATIONS = [f"{name}{end}" for name in ("pearson", "spearman") for end in ("", "_low", "_high")]


def overview(
    models: Sequence[str], prompts: pd.DataFrame, size: HeadsSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """Screening of several models, each computed once per store.

    What :func:`per_pair_effects` gives is computed and kept with it, where the budget pays for all heads.

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
        found, plan = _screened(name, asked, size, store)
        if plan.whole:
            asked.tables(BY_PAIR, lambda _: _each_pair(found, asked.seed), __name__, [name])
        return summary(found, plan.size, asked.seed)

    return asked.tables("head_overview", compute, __name__)


def circuits_of(
    models: Sequence[str], prompts: pd.DataFrame, size: HeadsSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """The circuit of several models, each computed once per store: parameters of :func:`overview`.

    Returns
    -------
    The rows of :func:`circuit_summary` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        found, plan = _screened(name, asked, size, store)
        return circuit_summary(found, plan.size, asked.seed, plan.points)

    return asked.tables("circuit_overview", compute, __name__)


def per_pair_effects(
    models: Sequence[str], prompts: pd.DataFrame, size: HeadsSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """What heads of several models do to each pair that nothing was chosen on: parameters of :func:`overview`.

    Returns
    -------
    The rows of :func:`emotion_utils.circuits.pair_effects.ablations` and ``patchings`` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)
    return asked.tables(
        BY_PAIR, lambda name: _each_pair(_screened(name, asked, size, store)[0], asked.seed), __name__
    )


def _screened(name: str, asked: Comparison, size: HeadsSize, store: Store) -> tuple[Screened, Plan]:
    """Both methods that the tables need; what a page screened before is read from the store."""
    to_explain = openings.asked(asked.load(name), asked.prompts, size, store)
    plan = to_explain.plan
    return screen(to_explain.pairs, (EXACT, "attribution"), asked.seed, plan=plan, store=store), plan


def _each_pair(found: Screened, seed: int) -> pd.DataFrame:
    return pd.concat([ablations(found), patchings(found, seed)], ignore_index=True)


def summary(found: Screened, size: HeadsSize, seed: int = 0) -> pd.DataFrame:
    """Screening of one model, scored on the pairs that nothing was chosen on.

    Returns
    -------
    One row per emotion: ``emotion, difference`` (between partners, nats), ``found`` (heads with p of at most 5 %),
    ``largest`` (the head with the largest effect), ``largest_share``, ``pearson`` and ``spearman`` of attribution
    against mean ablation with their ends, ``heads`` (of the model), ``exact`` (of these run exactly), ``n`` (pairs),
    ``n_groups``. Shares are NaN where the difference is not worth dividing by, see :func:`weak`.
    """
    held, options = found.held, {"n_resamples": size.resamples, "seed": seed}
    effects = effect_table(held, found.on_held(EXACT), n_permutations=size.permutations, **options)
    both = {name: found.on_held(name) for name in (EXACT, "attribution")}
    cheap = agreement(held, both, EXACT, found.weights, **options).set_index("emotion")
    rows = []
    for emotion in held.emotions:
        part, one = held.where(held.table["emotion"] == emotion), effects[effects["emotion"] == emotion]
        top = one.loc[one["effect"].abs().idxmax()]
        rows.append(
            {
                "emotion": emotion, "difference": float(np.subtract(*part.untouched).mean()),
                "found": int((one["p"] <= LEVEL).sum()), "largest": top["name"],
                "largest_share": np.nan if weak(part) else float(top["share"]), **cheap.loc[emotion, CORRELATIONS],
                "heads": len(found.pairs.heads), "exact": len(one), "n": len(part), "n_groups": int(top["n_groups"]),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def circuit_summary(
    found: Screened, size: HeadsSize, seed: int = 0, points: int | None = None
) -> pd.DataFrame:
    """Circuit of one model: chosen on the build split, scored on the other pairs.

    Returns
    -------
    One row per emotion: ``emotion, heads`` (of the model), ``size`` (heads of the circuit, the same for all emotions),
    ``kept, kept_low, kept_high`` (its share of the difference), ``random`` and ``random_most`` (share of random sets of
    equal size, mean and largest), ``equal_norm`` and ``equal_norm_most``, ``n`` (pairs), ``n_groups``. Shares are NaN
    where the difference is not worth dividing by.
    """
    held, options = found.held, {"n_resamples": size.resamples, "seed": seed}
    chosen = _circuit(found, points)
    beside = _beside(found, chosen, min(size.sets, MOST_SETS), seed)
    sets = [chosen, *(own for drawn in beside.values() for own in drawn)]
    kept, rows = faithfulness.differences(held, sets, found.means), []
    for emotion in held.emotions:
        own = np.asarray(held.table["emotion"] == emotion)
        part = held.where(own)
        shares = faithfulness.share_table(part, kept[own], **options)
        told = _shares(shares, beside)
        rows.append(
            {
                "emotion": emotion, "heads": len(found.pairs.heads), "size": len(chosen),
                **(dict.fromkeys(told, np.nan) if weak(part) else told),
                "n": len(part), "n_groups": int(shares["n_groups"].iloc[0]),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def weak(pairs: Pairs) -> bool:
    """Whether the difference between partners is not worth dividing by: small, and not sure to lie above zero."""
    difference = np.subtract(*pairs.untouched)
    low, _ = grouped_mean_interval(difference, pairs.table["unit"].to_numpy())
    return bool(abs(difference.mean()) < openings.LEAST and not low > 0)


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
    enough = (found["kept"] >= faithfulness.GOAL) & (2 * found["size"] < found["heads"])
    return found.assign(enough=enough, clear=enough & (found["kept_low"] > found["equal_norm_most"]))


def _circuit(found: Screened, points: int | None = None) -> list[Head]:
    """The smallest even number of first heads, by their effects, that keep enough on the build split.

    With few points only some numbers are tried. None where the partners do not differ.
    """
    if weak(found.build):
        return []
    heads = faithfulness.ordered(found.pairs, found.to_choose_by())
    built = faithfulness.curve(
        found.build, heads, found.means, faithfulness.sizes_to_try(len(heads), points)[1:], n_resamples=2
    )
    return heads[: faithfulness.choose_size(built)]


def _beside(found: Screened, chosen: Sequence[Head], n: int, seed: int) -> dict[str, list[list[Head]]]:
    norms = faithfulness.output_norms(found.build, found.means)
    return {
        "random": faithfulness.random_sets(found.build, chosen, n, seed=seed),
        "equal_norm": faithfulness.random_sets(found.build, chosen, n, norms, seed=seed),
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
