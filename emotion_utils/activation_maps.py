"""Pictures of activations: two principal components beside permuted labels, and prompts by dimension."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.dataset import by_emotion
from emotion_utils.lexicality import permute_blocks
from emotion_utils.separation import blocks_of

__all__ = ["activation_map", "plane"]


def plane(
    values: Float[Tensor, "prompt d_model"], prompts: pd.DataFrame, *, seed: int = 0
) -> tuple[pd.DataFrame, list[float]]:
    """The first two principal components, with the true emotions and with labels permuted between families.

    Parameters
    ----------
    values
        One layer and position.
    prompts
        Row by row.
    seed
        Of the one permutation.

    Returns
    -------
    Columns ``id, text, emotion, permuted, first, second``, and the shares of variance of the two components. The sign
    of a component is that of its largest loading.
    """
    centred = values.double() - values.double().mean(dim=0)
    left, singular, right = torch.linalg.svd(centred, full_matrices=False)
    signs = torch.sign(right[torch.arange(len(right)), right.abs().argmax(dim=1)])
    scores = (left * singular * signs).numpy()
    labels = prompts["emotion"].to_numpy()
    table = prompts[["id", "text", "emotion"]].reset_index(drop=True)
    permuted = permute_blocks(labels, blocks_of(prompts), np.random.default_rng(seed))
    table = table.assign(permuted=permuted, first=scores[:, 0], second=scores[:, 1])
    share = singular.square() / singular.square().sum()
    return table, share[:2].tolist()


def activation_map(
    values: Float[Tensor, "prompt d_model"],
    prompts: pd.DataFrame,
    *,
    dimensions: int = 24,
    per_emotion: int = 20,
) -> pd.DataFrame:
    """Standardised activations of some prompts in the dimensions with the largest variance.

    Parameters
    ----------
    values
        One layer and position.
    prompts
        Row by row; mean and standard deviation of a dimension are taken over all of them.
    dimensions, per_emotion
        How many to show.

    Returns
    -------
    Index (emotion, id), one column per dimension, that with the largest variance first.
    """
    spread = values.double().std(dim=0)
    chosen = spread.argsort(descending=True, stable=True)[:dimensions]
    scores = (values.double()[:, chosen] - values.double()[:, chosen].mean(dim=0)) / spread[chosen]
    table = pd.DataFrame(scores.numpy(), columns=chosen.tolist())
    table = by_emotion(table.assign(emotion=prompts["emotion"].to_numpy(), id=prompts["id"].to_numpy()))
    return table.groupby("emotion", sort=False).head(per_emotion).set_index(["emotion", "id"])
