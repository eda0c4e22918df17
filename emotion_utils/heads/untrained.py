"""The control of delta attention: models of the same architecture that were never trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import torch

from emotion_utils.heads.delta_attention import delta_attention, word_attention
from emotion_utils.models.loading import build_model
from emotion_utils.statistics.permutations import LEVEL

if TYPE_CHECKING:
    from emotion_utils.models.model import Model


def beside_untrained(
    model: Model,
    prompts: pd.DataFrame,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    n_permutations: int = 1000,
) -> pd.DataFrame:
    """Compare a model with models of its architecture that were never trained.

    Parameters
    ----------
    model, prompts
        As of :func:`word_attention`.
    seeds
        Of the random weights, one model each.
    n_permutations
        Of the flips.

    Returns
    -------
    One row per emotion: ``emotion, trained`` and ``untrained`` (largest delta of any head, mean over seeds),
    ``untrained_high`` (largest of all seeds), ``found`` and ``untrained_found`` (heads with p < 0.05 either way, mean
    over seeds), ``heads`` and ``n``.
    """

    def table(own: Model) -> pd.DataFrame:
        attention = word_attention(own, prompts)
        return delta_attention(attention, n_permutations=n_permutations, n_resamples=2)

    def largest(found: pd.DataFrame) -> pd.Series:
        return found.groupby("emotion", sort=False)["delta"].max()

    def sure(found: pd.DataFrame) -> pd.Series:
        return (found["p"] < LEVEL).groupby(found["emotion"], sort=False).sum()

    ours, fresh = table(model), [table(untrained_like(model, seed)) for seed in seeds]
    drawn = pd.concat([largest(found) for found in fresh], axis=1)
    rows = ours.groupby("emotion", sort=False)
    return pd.DataFrame(
        {
            "trained": largest(ours),
            "untrained": drawn.mean(axis=1),
            "untrained_high": drawn.max(axis=1),
            "found": sure(ours),
            "untrained_found": pd.concat([sure(found) for found in fresh], axis=1).mean(axis=1),
            "heads": rows.size(),
            "n": rows["n"].first(),
        }
    ).reset_index()


def untrained_like(model: Model, seed: int) -> Model:
    """A model of the same architecture with random weights, on the same device and in the same dtype."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build_model(copy.deepcopy(model.network.config), model.dtype)
    return replace(model, network=fresh.to(model.device).eval(), loaded=False)
