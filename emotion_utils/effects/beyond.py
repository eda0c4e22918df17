"""Whether a vector does more than random ones: the p values of chapter 5, whose units are vectors, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pandas as pd

from emotion_utils.baselines.arms import RANDOM, beside_models
from emotion_utils.baselines.remainder import NATS, of_models
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.core.store import Store
from emotion_utils.effects.steering import OUTCOMES
from emotion_utils.prompts.loading import load_profile
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.steering.by_context import SHIFT
from emotion_utils.vectors.comparison import Options

COLUMNS = ["model", "emotion", "outcome", "vector", "random", "vectors", "p"]
TEXTS = "target"


def beyond_random(
    models: Sequence[str], profile: str, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """:func:`beyond_random_of` what chapter 5 kept of several models; what is missing is computed and kept.

    Parameters
    ----------
    models, profile, store, options
        As of :func:`emotion_utils.effects.collect`.
    """
    size, prompts = STEERING_SIZES[profile], load_profile("implicit")
    trials, arms = beside_models(models, prompts, size, store, fresh=False, **options)
    return beyond_random_of(trials, arms, options.get("seed", 0))


def beyond_random_of(trials: pd.DataFrame, arms: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Each emotion's vector beside its random vectors, in nats and in texts, with the p values that chapter 5 shows.

    Parameters
    ----------
    trials
        From :func:`emotion_utils.steering.overview.overview`.
    arms
        From :func:`emotion_utils.baselines.arms.arms_of_models`.
    seed
        Of chapter 5.

    Returns
    -------
    One row per model, emotion and outcome: ``vector, random`` (mean of the random vectors), ``vectors`` (how many),
    ``p`` (with vectors as units), ``p_holm`` (over the emotions of the model and outcome), ``q`` (Benjamini-Hochberg
    over the table) and ``beyond`` (q of 5 % or less).
    """
    left = of_models(arms, seed)
    left = left[(left["outcome"] == NATS) & (left["against"] == RANDOM)]
    counts = arms[arms["arm"] == RANDOM].groupby(["model", "emotion"])["number"].nunique()
    nats = left.assign(
        outcome=OUTCOMES[SHIFT].label, random=left["rival"],
        vectors=[int(counts[key]) for key in zip(left["model"], left["emotion"], strict=True)],
    )  # fmt: skip
    texts = trials.assign(
        outcome=OUTCOMES[TEXTS].label,
        vector=trials["share"],
        random=trials["control"],
        vectors=trials["controls"],
    )
    table = pd.concat([nats[COLUMNS], texts[COLUMNS]], ignore_index=True)
    table["p_holm"] = table.groupby(["model", "outcome"], sort=False)["p"].transform(
        lambda p: adjusted(p.to_numpy(), "holm")
    )
    table["q"] = adjusted(table["p"].to_numpy(), "fdr_bh")
    return table.assign(beyond=table["q"] <= LEVEL)


def can_be_found(table: pd.DataFrame) -> np.ndarray:
    """Of each row, whether so many vectors can make its q small: with the least p they allow, all others as they are.

    Parameters
    ----------
    table
        From :func:`beyond_random_of`.
    """
    p, able = table["p"].to_numpy(dtype=float), np.zeros(len(table), dtype=bool)
    for i in np.flatnonzero(~np.isnan(p)):
        least = p.copy()
        least[i] = 1 / (1 + table["vectors"].iloc[i])
        able[i] = adjusted(least, "fdr_bh")[i] <= LEVEL
    return able


def summarise(table: pd.DataFrame, blind: str) -> str:
    """In how many cells the vector is beyond random ones, and where it is not, the blind model apart.

    Parameters
    ----------
    table
        From :func:`beyond_random_of`.
    blind
        The model that has nothing to carry.
    """
    told = []
    for name, part in (
        ("trained models", table[table["model"] != blind]),
        ("blind model", table[table["model"] == blind]),
    ):
        missed = part[~part["beyond"]]
        some = missed if len(missed) < len(part) else missed.head(0)
        listed = "; ".join(
            f"{r.model}, {r.emotion}, {_short(str(r.outcome))}: q = {r.q:.3f}" for r in some.itertuples()
        )
        told.append(
            f"- *{name}*: in **{len(part) - len(missed)} of {len(part)}** cells (model, emotion and outcome) the "
            f"vector is beyond random ones{f'; not in {listed}' if listed else ''}."
        )
    return "\n".join(told)


def _short(outcome: str) -> str:
    return outcome.split(" (")[0]
