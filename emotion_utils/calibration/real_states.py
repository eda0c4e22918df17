"""How the states of real models vary at the end of a sentence that shows no emotion: in how many dimensions, how far.

What means of such states have in common by chance depends on the number of dimensions alone: where it is small, the
cosines of mean differences scatter widely. What a map between two models does depends on how far states lie apart at
each layer. A simulated spectrum leaves both free, so that they are measured on pretrained models.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.activations.extraction import extract, points
from emotion_utils.core.errors import UserError
from emotion_utils.models.model import load
from emotion_utils.prompts.loading import prompt_set

NEUTRAL = "neutral"


def effective_dimensions(states: Float[np.ndarray, "row d_model"]) -> float:
    """Participation ratio of the variances: their sum squared over the sum of their squares.

    The sum of squares is freed of the part that so few rows alone put into it, as for normal data.

    Parameters
    ----------
    states
        Rows are observations of one distribution; four or more.

    Returns
    -------
    Between 1 and d_model, up to the error of the estimate.
    """
    n = len(states)
    if n < 4:
        raise UserError(f"Dimensions were asked of {n} rows: give at least 4.")
    centred = states - states.mean(axis=0)
    products = centred @ centred.T / (n - 1)
    total, squares = float(np.trace(products)), float((products**2).sum())
    own = (n - 1) ** 2 / ((n - 2) * (n + 1)) * (squares - total**2 / (n - 1))
    return (total**2 - 2 * own / (n - 1)) / own


def by_layer(models: Iterable[str], prompts: str) -> pd.DataFrame:
    """Dimensions and size of the variation between neutral prompts of a set, at the last token, after each block.

    Parameters
    ----------
    models
        Names of models that can be loaded.
    prompts
        Name of a prompt set.

    Returns
    -------
    Columns ``model, layer, dimensions`` (:func:`effective_dimensions`), ``length`` (median distance from the mean, in
    units of the residual stream) and ``n`` (prompts).
    """
    table = prompt_set(prompts)
    neutral = table[table["emotion"] == NEUTRAL].reset_index(drop=True)
    rows = []
    for name in models:
        model = load(name)
        _, states = extract(model, neutral, points(model), progress=False).at("end")
        values = states.numpy().astype(np.float64)
        for layer, own in enumerate(values.transpose(1, 0, 2)):
            length = float(np.median(np.linalg.norm(own - own.mean(axis=0), axis=1)))
            rows.append((name, layer, effective_dimensions(own), length, len(own)))
    return pd.DataFrame(rows, columns=["model", "layer", "dimensions", "length", "n"])
