"""How alike the dictionaries of several seeds are, beside directions that know the covariance of the states alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.evaluation import firing

ALIKE = 0.9
"""Cosine from which two features count as the same."""
COLUMNS = ("first", "second", "features", "cosine", "matched", "null_cosine", "null_matched")
"""Of :func:`across_seeds`."""


def across_seeds(
    dictionaries: Sequence[Dictionary],
    states: Float[Tensor, "_ d_model"],
    *,
    least: float = ALIKE,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the directions that dictionaries write, two by two.

    Parameters
    ----------
    dictionaries
        Of one layer, trained with several seeds, on the device of the states.
    states
        On which a feature must fire to count.
    least
        Cosine from which two features are the same.
    seed
        Of the random directions.

    Returns
    -------
    One row per pair, :data:`COLUMNS`. ``first`` and ``second`` are places in the list; ``features``: how many fire, the
    mean of both; ``cosine``: mean over features of the largest cosine with one of the other dictionary, both ways;
    ``matched``: share of the features that have a partner of their own with a cosine of at least ``least``, where
    partners are chosen so that the sum of cosines is largest (Hungarian algorithm). ``null_``: the same of as many
    random directions, drawn from a Gaussian with the covariance of the states.

    Raises
    ------
    UserError
        For fewer than two dictionaries, different widths, and a dictionary of which no feature fires.
    """
    if len(dictionaries) < 2 or len({one.width for one in dictionaries}) > 1:
        widths = [one.width for one in dictionaries]
        raise UserError(
            f"Two dictionaries of one layer are compared at least; these have the widths {widths}."
        )
    atoms = [_firing_atoms(one, states, at) for at, one in enumerate(dictionaries)]
    root, rng = _root(states), np.random.default_rng(seed)
    drawn = [_units(rng.normal(size=own.shape) @ root) for own in atoms]
    rows = []
    for a, b in combinations(range(len(atoms)), 2):
        size = (len(atoms[a]) + len(atoms[b])) / 2
        rows.append((a, b, size, *alike(atoms[a], atoms[b], least), *alike(drawn[a], drawn[b], least)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def alike(
    first: Float[np.ndarray, "first d_model"],
    second: Float[np.ndarray, "second d_model"],
    least: float = ALIKE,
) -> tuple[float, float]:
    """Mean largest cosine of unit vectors, both ways; share of the larger set that has a partner of its own."""
    cosines = first @ second.T
    mean = (cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2
    pairs = cosines[linear_sum_assignment(cosines, maximize=True)]
    return float(mean), float((pairs >= least).sum() / max(cosines.shape))


def _firing_atoms(dictionary: Dictionary, states: Tensor, at: int) -> Float[np.ndarray, "feature d_model"]:
    fires = (firing(dictionary, states) > 0) & (dictionary.decoder.norm(dim=1) > 0)
    if not bool(fires.any()):
        raise UserError(
            f"No feature of dictionary {at} fires on any of {len(states)} states: give more states, or others."
        )
    return _units(dictionary.decoder[fires].double().cpu().numpy())


def _units(vectors: np.ndarray) -> np.ndarray:
    units: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _root(states: Tensor) -> Float[np.ndarray, "d_model d_model"]:
    """A root of the covariance: standard normal rows times it have the covariance of the states."""
    values, axes = np.linalg.eigh(np.cov(states.double().cpu().numpy().T))
    root: np.ndarray = np.sqrt(values.clip(min=0))[:, None] * axes.T
    return root
