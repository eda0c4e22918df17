"""A planted dictionary: states that are sums of a few known atoms, and how much of it something has found again.

An atom is a direction, and a state a sum of few of them with positive weights: what sparse autoencoders assume of a
model. There are more atoms than dimensions, so that no rotation of the coordinates can show them all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.permutations import binomial_bounds

ALIKE = 0.9
"""Cosine from which a true atom counts as found."""
LEARNER = "dictionary learning (scikit-learn)"
Learner = Callable[[np.ndarray, int, int], np.ndarray]


@dataclass(frozen=True)
class Sparse:
    """What a planted dictionary is like.

    Attributes
    ----------
    width, atoms, rows
        Dimensions, atoms and states.
    active
        Atoms in each state.
    unequal
        Firing rates fall about as rank to the power of minus this; 0 for equal ones.
    noise
        Standard deviation, by coordinate, in units of that of the states without noise.
    """

    width: int = 32
    atoms: int = 64
    rows: int = 3000
    active: int = 3
    unequal: float = 0.5
    noise: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.active < self.atoms or min(self.width, self.rows) < 2:
            raise UserError(
                f"A state needs 1 to {self.atoms - 1} active atoms of {self.atoms}: {self} has not."
            )


@dataclass(frozen=True, eq=False)
class Dictionary:
    """States and what they are made of.

    Attributes
    ----------
    states
        Shape (row, d_model).
    atoms
        Unit vectors.
    codes
        How much of each atom is in each state, most of them 0 and none negative.
    """

    states: Float[np.ndarray, "row d_model"] = field(repr=False)
    atoms: Float[np.ndarray, "atom d_model"] = field(repr=False)
    codes: Float[np.ndarray, "row atom"] = field(repr=False)


class Recovery(NamedTuple):
    """Mean over true atoms of the largest cosine with a found one, and the share of them above :data:`ALIKE`."""

    mean: float
    share: float


def random_atoms(n: int, width: int, rng: np.random.Generator) -> Float[np.ndarray, "atom d_model"]:
    """Unit vectors in uniformly random directions."""
    drawn = rng.normal(size=(n, width))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def plant(sparse: Sparse, seed: int) -> Dictionary:
    """Draw atoms, codes and states."""
    rng, shape = np.random.default_rng(seed), (sparse.rows, sparse.atoms)
    atoms = random_atoms(sparse.atoms, sparse.width, rng)
    # the largest of log weights with Gumbel noise: draws without replacement, with those weights
    keys = rng.gumbel(size=shape) - sparse.unequal * np.log(np.arange(1, sparse.atoms + 1))
    chosen = np.argpartition(-keys, sparse.active, axis=1)[:, : sparse.active]
    codes = np.zeros(shape)
    np.put_along_axis(codes, chosen, rng.uniform(0.5, 1.5, size=chosen.shape), axis=1)
    clean = codes @ atoms
    deviation = np.sqrt(clean.var(axis=0).mean())
    return Dictionary(clean + sparse.noise * deviation * rng.normal(size=clean.shape), atoms, codes)


def matched(states: Float[np.ndarray, "row d_model"], seed: int) -> Float[np.ndarray, "row d_model"]:
    """Gaussian states with the same mean and covariance, and no atoms in them."""
    mean, rng = states.mean(axis=0), np.random.default_rng([seed, 1])
    scaled = np.linalg.svd(states - mean, full_matrices=False)
    root = scaled[1][:, None] * scaled[2] / np.sqrt(len(states))
    return mean + rng.normal(size=(len(states), len(root))) @ root


def recovery(found: Float[np.ndarray, "found d_model"], truth: Float[np.ndarray, "atom d_model"]) -> Recovery:
    """How much of a dictionary was found again.

    Only true atoms are asked for: found ones that are like none of them cost nothing, so that dictionaries can be
    compared only with others of the same size.

    Parameters
    ----------
    found
        Of any length; rows of zeros are like nothing.
    truth
        Unit vectors. Signs count.
    """
    units = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)
    largest = (truth @ units.T).max(axis=1)
    return Recovery(float(largest.mean()), float((largest > ALIKE).mean()))


def components(states: Float[np.ndarray, "row d_model"]) -> Float[np.ndarray, "found d_model"]:
    """All principal components, with both signs: as many directions as twice the width."""
    axes = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)[2]
    return np.concatenate([axes, -axes])


def learn(states: np.ndarray, atoms: int, seed: int) -> Float[np.ndarray, "atom d_model"]:
    """Atoms by online dictionary learning with positive codes (Mairal and others, 2009), as scikit-learn does it."""
    model = MiniBatchDictionaryLearning(
        atoms,
        alpha=0.2,
        fit_algorithm="cd",
        positive_code=True,
        batch_size=200,
        max_iter=20,
        max_no_improvement=None,
        random_state=seed,
    )
    with warnings.catch_warnings():  # an online learner moves on before each batch has converged
        warnings.simplefilter("ignore", ConvergenceWarning)
        learned: np.ndarray = model.fit(states).components_
    return learned


def trials(
    sparse: Sparse,
    noises: Sequence[float],
    seeds: Sequence[int],
    learner: Learner = learn,
    name: str = LEARNER,
) -> pd.DataFrame:
    """Recovery by a learner, and by what knows nothing of atoms.

    Returns
    -------
    Columns ``method, noise, seed, mean, share``. Methods: the learner; the same on states of the same covariance
    without atoms; principal components; random directions, as many as atoms.
    """
    rows = []
    for noise in noises:
        for seed in seeds:
            made = plant(replace(sparse, noise=noise), seed)
            drawn = random_atoms(sparse.atoms, sparse.width, np.random.default_rng([seed, 2]))
            found = {
                name: learner(made.states, sparse.atoms, seed),
                f"{name}, no atoms": learner(matched(made.states, seed), sparse.atoms, seed),
                "principal components": components(made.states),
                "random directions": drawn,
            }
            rows += [(method, noise, seed, *recovery(own, made.atoms)) for method, own in found.items()]
    return pd.DataFrame(rows, columns=["method", "noise", "seed", "mean", "share"])


def found_rates(table: pd.DataFrame, least: float = 0.5) -> pd.DataFrame:
    """How often at least so large a share of the atoms is found, from :func:`trials`.

    Returns
    -------
    Columns ``method, noise, mean`` (largest cosine), ``share`` (of atoms found), ``hits, n, rate, low, high``.
    """
    rows = []
    for about, own in table.groupby(["method", "noise"], sort=False):
        hits, n = int((own["share"] >= least).sum()), len(own)
        rows.append(
            (*about, own["mean"].mean(), own["share"].mean(), hits, n, hits / n, *binomial_bounds(hits, n))
        )
    columns = ["method", "noise", "mean", "share", "hits", "n", "rate", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
