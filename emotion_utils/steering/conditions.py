"""A vector to steer with, as a condition of the engine, its strength counted as in chapter 05."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import Condition
from emotion_utils.models.model import Model
from emotion_utils.prompts.loading import labelled_set
from emotion_utils.steering.subject import unit_of_strength
from emotion_utils.steering.trials import WHERE, SteeringSetting
from emotion_utils.vectors.vector import EmotionVector

if TYPE_CHECKING:
    from emotion_utils.core.store import Store


def steer(
    model: Model,
    vector: EmotionVector,
    layer: int,
    alpha: float = 1.0,
    *,
    where: str = WHERE,
    prompts: str | pd.DataFrame = "implicit",
    store: Store | None = None,
) -> Condition:
    """Add a vector to the residual stream after a block, so many units long: a condition for `generate`, `log_odds`.

    Parameters
    ----------
    model
        The vector's own.
    vector
        From `emotion_utils.emotion_vector`; only its direction counts.
    layer
        Counted from 0.
    alpha
        Strength in units of the layer's median residual norm over the tokens of neutral prompts; below 0 it is taken
        away.
    where
        A key of ``trials.WINDOWS``: the positions at which it is added.
    prompts
        Whose neutral prompts of the build split measure the unit, or all of it where none is neutral.
    store
        Keeps their activations.

    Returns
    -------
    A condition that is called after the vector, its strength and the layer; at strength 0 the untouched model.

    Raises
    ------
    UserError
        For a layer that the vector does not have, a vector of another model or one that is zero, a strength that is not
        finite, and an unknown ``where``.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> thanks = eu.emotion_vector(model, "gratitude", "implicit")
    >>> steered = eu.steer(model, thanks, layer=2, alpha=1.0)
    >>> sentence = "The bus was late again. Anna said to the driver:"
    >>> eu.generate(model, [sentence], [eu.Condition("untouched"), steered])["text"].str[:14].tolist()
    [' "I apologize,', ' "Thank you fr']
    """
    if not math.isfinite(alpha):
        raise UserError(f"The strength alpha is a finite number, not {alpha}.")
    vector.check_model(model.name)
    direction = vector.unit().at(layer)
    direction = direction * unit_of_strength(model, labelled_set(prompts), store)[layer]
    made = SteeringSetting(
        vector.emotion, layer, float(alpha), direction, vector.method, where=where
    ).condition()
    return replace(made, name=f"{vector.emotion} {alpha:+g} at layer {layer}") if made.edits else made
