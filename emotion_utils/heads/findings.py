"""What the tables on attention say, as small records of numbers for the page's sentences."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.statistics.permutations import LEVEL


class StandingOut(NamedTuple):
    """How many scores of heads stand out from their null, and the largest delta attention.

    Attributes
    ----------
    trained, untrained, blind
        Share of scores with p below 5 %: of the model, of untrained ones, and of the blind model.
    largest, largest_blind
        Delta attention (share of attention) of the model and of the blind one.
    """

    trained: float
    untrained: float
    blind: float
    largest: float
    largest_blind: float


def standing_out(control: pd.DataFrame, delta: pd.DataFrame, of_blind: pd.DataFrame) -> StandingOut:
    """Hold the model's scores against those of models whose heads have nothing to carry.

    Parameters
    ----------
    control
        From :func:`untrained.beside_untrained`.
    delta, of_blind
        From :func:`delta_attention.delta_attention`, of the model and of the blind one.
    """
    scores = control["heads"].sum()
    return StandingOut(
        float(control["found"].sum() / scores),
        float(control["untrained_found"].sum() / scores),
        float((of_blind["p"] < LEVEL).mean()),
        float(delta["delta"].max()),
        float(of_blind["delta"].max()),
    )
