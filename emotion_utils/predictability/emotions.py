"""Whether emotion vectors are made of what was predictable or of what is new, and through which part they act."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.novelty.steering_parts import STRENGTH, part_effects, part_gaps, steer_parts
from emotion_utils.novelty.vector_parts import geometry, vector_parts
from emotion_utils.predictability.study import Study
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.subject import prepare

if TYPE_CHECKING:
    from emotion_utils.core.store import Store


def emotions_in_parts(
    one: Study,
    layer: int,
    prompts: pd.DataFrame,
    *,
    store: Store | None = None,
    strength: float = STRENGTH,
) -> dict[str, pd.DataFrame]:
    """Take the emotion vectors of a layer apart, and steer with the parts.

    Parameters
    ----------
    one
    layer
        One of the study's.
    prompts
        A set with all emotions, whose build split the vectors are made from; each is at most one window long.
    store
        Keeps the activations.
    strength
        Length of the whole vector, in median lengths of the residual stream.

    Returns
    -------
    ``geometry`` (:func:`emotion_utils.novelty.vector_parts.geometry`), ``effects`` and ``gaps``
    (:mod:`emotion_utils.novelty.steering_parts`, of the log-probability of genuine replies) with a column ``layer``.
    """
    steered = prepare(one.model, prompts, store, one.seed)
    predictor = one.trained.predictors[layer]

    def predict(
        h: Float[Tensor, "text position d_model"],
    ) -> Float[Tensor, "text target d_model"]:
        with torch.no_grad():
            return predictor.predict(h.cpu())

    parts = vector_parts(steered, prompts, layer, predict, one.sizes.length)
    contexts = fresh_contexts(one.sizes.scenes, one.seed)
    table = steer_parts(steered, contexts, parts, strength, one.sizes.vectors, one.seed)
    return {
        "geometry": geometry(parts, one.sizes.permutations, one.seed),
        "effects": part_effects(table, seed=one.seed).assign(layer=layer),
        "gaps": part_gaps(table, seed=one.seed).assign(layer=layer),
    }
