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
from emotion_utils.heads.pairs import Head, emotional_pairs, few
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

BY_PAIR = "head_effects_by_pair"
MOST_SETS = 10
"""Random sets of each kind beside the circuit of each of several models."""
LEAST = 0.5
"""Nats: a smaller difference between partners is not worth dividing by."""
CORRELATIONS = [f"{name}{end}" for name in ("pearson", "spearman") for end in ("", "_low", "_high")]
SHARES = ("largest_share", "kept", "random", "equal_norm")


def overview(
    models: Sequence[str], prompts: pd.DataFrame, size: HeadsSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """Screening and circuit of several models, each computed once per store.

    What :func:`per_pair_effects` gives is computed and kept with it.

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


def per_pair_effects(
    models: Sequence[str], prompts: pd.DataFrame, size: HeadsSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """What heads of several models do to each pair that nothing was chosen on: parameters of :func:`overview`.

    Returns
    -------
    The rows of :func:`emotion_utils.circuits.pair_effects.ablations` and ``patchings`` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)
    return asked.tables(BY_PAIR, lambda name: _each_pair(_screened(name, asked, size), asked.seed), __name__)


def _screened(name: str, asked: Comparison, size: HeadsSize) -> Screened:
    return screen(few(emotional_pairs(asked.load(name), asked.prompts), size.pairs), (EXACT, "attribution"))


def _each_pair(found: Screened, seed: int) -> pd.DataFrame:
    return pd.concat([ablations(found), patchings(found, seed)], ignore_index=True)


def summary(found: Screened, size: HeadsSize, seed: int = 0) -> pd.DataFrame:
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
    kept = faithfulness.differences(held, sets, found.means)
    rows = []
    for emotion in held.emotions:
        own = np.asarray(held.table["emotion"] == emotion)
        part, one = held.where(own), effects[effects["emotion"] == emotion]
        whole, top = np.subtract(*part.log_odds()[:, :, 0]), one.loc[one["effect"].abs().idxmax()]
        shares = faithfulness.share_table(part, kept[own], **options)
        rows.append(
            {
                "emotion": emotion, "difference": float(whole.mean()), "found": int((one["p"] <= LEVEL).sum()),
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
    enough = (found["kept"] >= faithfulness.GOAL) & (2 * found["size"] < found["heads"])
    return found.assign(enough=enough, clear=enough & (found["kept_low"] > found["equal_norm_most"]))


def _circuit(found: Screened) -> list[Head]:
    """The smallest even number of first heads, by their exact effects, that keep enough on the build split.

    None where the partners do not differ.
    """
    if abs(np.subtract(*found.build.log_odds()).mean()) < LEAST:
        return []
    heads = faithfulness.ordered(found.pairs, found.effects[EXACT][found.built])
    built = faithfulness.curve(
        found.build, heads, found.means, range(2, len(heads) // 2 + 1, 2), n_resamples=2
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
