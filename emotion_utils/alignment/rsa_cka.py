"""Similarity of two models' geometries without any map: RSA and debiased linear CKA, beside the words alone.

Both compare matrices of prompts by prompts. RSA ranks the cosines of centred states {cite:p}`kriegeskorte2008`; CKA
takes inner products, U-centred so that models that share nothing have an expected similarity of zero however wide they
are {cite:p}`kornblith2019,szekely2014`. In both a matrix is a vector, similarity is a cosine of vectors, and a third
matrix is partialled out as in a partial correlation.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import rankdata

from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.nulls import AgainstNull, against_null
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

Square = Float[np.ndarray, "prompt prompt"]


def rsa_matrix(states: Float[np.ndarray, "prompt d_model"]) -> Square:
    """Ranks of the cosines of all pairs of prompts, after the mean state was subtracted.

    Returns
    -------
    Symmetric, standardised over the pairs, so that the sum of products of two of them is Spearman's correlation;
    the diagonal is zero.
    """
    centred = _centred(states)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    if (norms <= 0).any():
        raise UserError(
            "A prompt has exactly the mean state, which has no angle: leave it out of all models."
        )
    unit = centred / norms
    upper = np.triu_indices(len(unit), 1)
    ranks = rankdata((unit @ unit.T)[upper])
    return _scaled(ranks - ranks.mean(), upper, len(unit))


def cka_matrix(states: Float[np.ndarray, "prompt d_model"]) -> Square:
    """U-centred inner products: the sum of products of two such matrices is debiased linear CKA."""
    centred = _centred(states)
    n = len(centred)
    if n < 4:
        raise UserError(f"Debiased CKA needs at least 4 prompts: there are {n}.")
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0)
    rows, total = gram.sum(axis=1), gram.sum()
    gram = gram - (rows[:, None] + rows[None, :]) / (n - 2) + total / ((n - 1) * (n - 2))
    upper = np.triu_indices(n, 1)
    return _scaled(gram[upper], upper, n)


MEASURES = {"RSA": rsa_matrix, "CKA": cka_matrix}


def _centred(states: np.ndarray) -> np.ndarray:
    values = np.asarray(states, dtype=np.float64)
    if not np.isfinite(values).all():
        raise UserError("States are not finite: read them again in float32, or leave the prompt out.")
    values = values - values.mean(axis=0)
    scale = float(np.abs(values).max(initial=0.0))
    if scale == 0:
        raise UserError("All states are equal: there is nothing to compare.")
    return values / scale


def _scaled(entries: np.ndarray, upper: tuple[np.ndarray, np.ndarray], n: int) -> Square:
    length = float(np.sqrt((entries**2).sum()))
    if length == 0:
        raise UserError("All pairs of prompts are equally similar: there is nothing to compare.")
    out = np.zeros((n, n))
    out[upper] = entries / length
    return out + out.T


def partial(ab: np.ndarray | float, at: np.ndarray | float, bt: np.ndarray | float) -> np.ndarray | float:
    """Similarity of a and b after what each shares with t was taken out."""
    out: np.ndarray | float = (ab - at * bt) / np.sqrt(np.maximum((1 - at**2) * (1 - bt**2), 1e-12))
    return out


def similarities(
    one: Float[np.ndarray, "a prompt prompt"],
    other: Float[np.ndarray, "b prompt prompt"],
    orders: np.ndarray,
) -> Float[np.ndarray, "draw a b"]:
    """Sums of products of matrices, those of the second model with their prompts in other orders."""
    upper = np.triu_indices(one.shape[1], 1)
    flat = np.stack([matrix[upper] for matrix in one])
    out = np.empty((len(orders), len(one), len(other)))
    for draw, order in zip(out, orders, strict=True):
        rows, columns = order[upper[0]], order[upper[1]]
        draw[:] = flat @ other[:, rows, columns].T
    return out


def compare(
    states_of: Mapping[str, ModelStates],
    text: ModelStates,
    rows: PromptPairs,
    n_permutations: int = 199,
    seed: int = 0,
    measure: str = "RSA",
    controls: Mapping[str, ModelStates] | None = None,
) -> pd.DataFrame:
    """Similarity of every two models over the emotional prompts, at their best pair of layers.

    Parameters
    ----------
    states_of
        By model.
    text
        Word counts of the same prompts.
    rows
        Their emotional prompts are compared.
    n_permutations, seed
        Prompts are permuted by template families; the best pair of layers is chosen again in each permutation.
    measure
        A key of :data:`MEASURES`.
    controls
        Each is compared with every model, and not with another control.

    Returns
    -------
    Columns ``measure, one, other, layer_one, layer_other, value, low, high, null_high, p, words`` (mean similarity of
    the two with the text), ``partial, partial_null_high, partial_p`` and ``n``.
    """
    table = rows.emotional()
    everyone = {**states_of, **(controls or {})}
    matrices = {name: _matrices(r, table["id"], measure) for name, r in everyone.items()}
    words = _matrices(text, table["id"], measure)
    families = table["emotion"] + "/" + table["family"].astype(str)
    true = np.arange(len(table))[None]
    orders = np.concatenate([true, permute_pairing(families.to_numpy(), n_permutations, seed)])
    with_words = {name: similarities(words, own, orders)[:, 0] for name, own in matrices.items()}
    out = []
    for one, other in [*combinations(states_of, 2), *product(states_of, controls or {})]:
        drawn = similarities(matrices[one], matrices[other], orders)
        rest = np.asarray(partial(drawn, with_words[one][:1, :, None], with_words[other][:, None, :]))
        i, j = (int(x) for x in np.unravel_index(drawn[0].argmax(), drawn[0].shape))
        value, _, high, p = _best(drawn)
        inside = _interval(everyone[one], everyone[other], (i, j), table, measure, value)
        shared = (with_words[one][0, i] + with_words[other][0, j]) / 2
        layers = everyone[one].layers[i], everyone[other].layers[j]
        left = _best(rest)
        numbers = value, *inside, high, p, shared, left.value, left.null_high, left.p
        out.append((measure, one, other, *layers, *numbers, len(table)))
    columns = ["measure", "one", "other", "layer_one", "layer_other", "value", "low", "high", "null_high"]
    columns += ["p", "words", "partial", "partial_null_high", "partial_p", "n"]
    return pd.DataFrame(out, columns=columns)


def _matrices(states: ModelStates, ids: pd.Series, measure: str) -> Float[np.ndarray, "layer prompt prompt"]:
    return np.stack([MEASURES[measure](layer) for layer in states.at(ids)])


def _best(found: np.ndarray) -> AgainstNull:
    top = found.reshape(len(found), -1).max(axis=1)
    return against_null(top[0], top[1:])


def _interval(
    one: ModelStates,
    other: ModelStates,
    layers: tuple[int, int],
    table: pd.DataFrame,
    measure: str,
    value: float,
) -> tuple[float, float]:
    left, sizes = [], []
    make = MEASURES[measure]
    for unit in np.unique(table["unit"]):
        kept = table["id"][table["unit"] != unit]
        a, b = make(one.at(kept)[layers[0]]), make(other.at(kept)[layers[1]])
        left.append(float((a * b).sum() / 2))
        sizes.append(len(table) - len(kept))
    return jackknife_interval(value, np.array(left), np.array(sizes), (-1.0, 1.0))
