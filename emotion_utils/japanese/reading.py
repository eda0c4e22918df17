"""What a model makes of Japanese: emotions read and moved across languages, and spellings of one concept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.core.layers import some
from emotion_utils.core.profiles import PERMUTATIONS
from emotion_utils.japanese.emotions import probed, transferred
from emotion_utils.japanese.spellings import known_spellings

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

PROBED, TRANSFERRED, SPELLINGS = "probed", "transferred", "spellings"
LAYERS = 4
"""At which states of spellings are read."""


def read_japanese(
    model: Model,
    profile: str = "baseline",
    store: Store | None = None,
    seed: int = 0,
    *,
    steered: bool = True,
) -> dict[str, pd.DataFrame]:
    """Read Japanese with a model.

    Parameters
    ----------
    model
    profile
        How much is read.
    store
        Keeps the activations.
    seed
    steered
        Whether vectors are added too, which takes a large model hours.

    Returns
    -------
    ``probed`` and ``transferred`` (:mod:`emotion_utils.japanese.emotions`), and ``spellings``
    (:func:`emotion_utils.japanese.spellings.known_spellings` at some layers).
    """
    layers = some(range(model.n_layers), LAYERS)
    permutations = PERMUTATIONS[profile].vectors
    found = {
        PROBED: probed(model, profile, store, seed),
        SPELLINGS: known_spellings(model, layers, seed, permutations, store=store),
    }
    return found | ({TRANSFERRED: transferred(model, profile, store, seed)} if steered else {})
