"""The report's two tasks, domain and token type, on the predicted part and the new part, beside what is trivial.

That h_hat knows the domain and r the token is a claim about a predictor only where it does not hold of any split of h
into a past and a rest. So the same probes read the state before (which knows the document and not the token) with the
change to the next one, and the parts of a linear autoregression. What texts alone give stands beside both: for the
domain the tokens before, for the type the previous token. The type is a function of the token, which is in h,
so that whoever knows the token has an F1 of 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped
from scipy.sparse import csr_matrix

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.probes import (
    SPLITS,
    Features,
    ProbeScore,
    Rows,
    by_principal_components,
    gap,
    probe,
)
from emotion_utils.novelty.resampled import RESAMPLES
from emotion_utils.novelty.token_types import TYPES, types_at

STATE, PREDICTED, NEW, BOTH = "h", "h_hat", "r", "[h_hat, r]"
BOTH_REDUCED = "[h_hat, r] at the size of h"
PREVIOUS, CHANGE = "previous h", "change of h"
LINEAR, LINEAR_REST = "linear h_hat", "linear r"
TEXT_BEFORE, TOKEN_BEFORE = "tokens before", "previous token"
SPLITS_OF_STATE = ((PREDICTED, NEW), (PREVIOUS, CHANGE), (LINEAR, LINEAR_REST))
"""Ways to split h in what the past gives and what is new: the predictor's, and two that need no predictor."""


class Task(NamedTuple):
    """Rows of a task, and the names of its classes in the order of their numbers."""

    rows: Rows
    classes: tuple[str, ...]


def last_place(length: int) -> Int[np.ndarray, " place"]:
    """The last position of a window of so many tokens, which is the only one that the report reads."""
    return np.array([length - 1])


def several_places(length: int, n: int) -> Int[np.ndarray, " place"]:
    """So many positions at equal steps, the last among them; the first has no past and is never one."""
    if not 1 <= n < length:
        raise UserError(f"A window of {length} tokens has 1 to {length - 1} positions with a past, not {n}.")
    return np.unique(np.linspace(length - 1, max(1, (length - 1) / n), n).round().astype(int))


def domain_task(
    domains: Shaped[np.ndarray, " window"],
    documents: Shaped[np.ndarray, " window"],
    split: Shaped[np.ndarray, " window"],
    places: Int[np.ndarray, " place"],
) -> Task:
    """Which domain a window is from, asked at every place.

    Raises
    ------
    UserError
        For one domain alone, and what :class:`emotion_utils.novelty.probes.Rows` refuses.
    """
    codes, names = pd.factorize(np.asarray(domains, dtype=object), sort=True)
    if len(names) < 2:
        raise UserError(
            f'All windows are of the domain "{names[0] if len(names) else ""}": a probe of the domain needs two '
            "folders, or two forms of text."
        )
    labels = np.repeat(codes[:, None], len(places), axis=1)
    return Task(Rows(labels, documents, split), tuple(map(str, names)))


def type_task(
    ids: Int[np.ndarray, "window position"],
    types: Int[np.ndarray, " token"],
    documents: Shaped[np.ndarray, " window"],
    split: Shaped[np.ndarray, " window"],
    places: Int[np.ndarray, " place"],
) -> Task:
    """Of which type the token at each place is, that of the state itself: x_{t+1} at h_{t+1}.

    Parameters
    ----------
    ids
        Of the windows.
    types
        From :func:`emotion_utils.novelty.token_types.token_types`.
    documents, split
        Of each window.
    places
        Positions, 1 or later.
    """
    return Task(Rows(types_at(ids[:, places], types), documents, split), TYPES)


def representations(
    states: Float[np.ndarray, "window position d_model"],
    predicted: Float[np.ndarray, "window target d_model"],
    places: Int[np.ndarray, " place"],
    linear: Float[np.ndarray, "window target d_model"] | None = None,
) -> dict[str, Float[np.ndarray, "row feature"]]:
    """What probes read at each place of each window.

    Parameters
    ----------
    states
        h at all positions.
    predicted
        h_hat at positions 1 and later.
    places
        Positions, 1 or later.
    linear
        The prediction of a linear autoregression, where there is one.

    Returns
    -------
    By name; the parts of each split of :data:`SPLITS_OF_STATE` sum to h.
    """
    if predicted.shape != (states.shape[0], states.shape[1] - 1, states.shape[2]) or places.min() < 1:
        raise UserError(
            f"States of shape {states.shape} have predictions of one position less, not of shape {predicted.shape}; "
            "places start at position 1."
        )
    own = {STATE: states[:, places], PREDICTED: predicted[:, places - 1], PREVIOUS: states[:, places - 1]}
    if linear is not None:
        own[LINEAR] = linear[:, places - 1]
    exact = np.result_type(states, np.float32)  # a difference of half-precision states would be coarse
    given = {name: part.reshape(-1, states.shape[2]).astype(exact) for name, part in own.items()}
    parts = {rest: given[STATE] - given[past] for past, rest in SPLITS_OF_STATE if past in given}
    return given | parts | {BOTH: np.concatenate([given[PREDICTED], parts[NEW]], axis=1)}


def tokens_before(
    ids: Int[np.ndarray, "window position"], places: Int[np.ndarray, " place"]
) -> dict[str, csr_matrix]:
    """What the text before each place tells without a model: log of 1 + how often each token stands before it."""
    used, codes = np.unique(ids, return_inverse=True)
    codes = codes.reshape(ids.shape)
    window, place, position = np.nonzero(
        np.broadcast_to(np.arange(ids.shape[1]) < places[:, None], (len(ids), len(places), ids.shape[1]))
    )
    row = window * len(places) + place
    shape = (len(ids) * len(places), len(used))
    counts = csr_matrix((np.ones(len(row)), (row, codes[window, position])), shape=shape)
    return {TEXT_BEFORE: counts.log1p()}


def token_before(
    ids: Int[np.ndarray, "window position"], places: Int[np.ndarray, " place"]
) -> dict[str, csr_matrix]:
    """What a bigram knows of the type of a token: which token stands before it."""
    used, codes = np.unique(ids[:, places - 1].ravel(), return_inverse=True)
    shape = (len(codes), len(used))
    return {TOKEN_BEFORE: csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=shape)}


def probe_all(
    task: Task, given: Mapping[str, Features], *, only: Sequence[str] | None = None
) -> dict[str, ProbeScore]:
    """Probe every representation of a task, and both parts together at the size of h.

    Parameters
    ----------
    task
        From :func:`domain_task` or :func:`type_task`.
    given
        From :func:`representations`, with :func:`tokens_before` or :func:`token_before`.
    only
        Names, where not all are wanted.
    """
    wanted = [*given, BOTH_REDUCED] if only is None else list(only)
    scores = {name: probe(given[name], task.rows) for name in wanted if name in given}
    if BOTH_REDUCED in wanted and BOTH in given:
        training = task.rows.rows(SPLITS[0])
        reduced = by_principal_components(np.asarray(given[BOTH]), training, given[STATE].shape[1])
        scores[BOTH_REDUCED] = probe(reduced, task.rows)
    return scores


def gap_table(
    scores: Mapping[str, ProbeScore],
    *,
    metric: str = "macro",
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """What the past gives minus what is new, of every split of h, and what the predictor adds to a trivial one.

    Returns
    -------
    One row per split, ``contrast, difference, low, high``, paired over test documents. Rows ``... beyond ...`` are the
    gap of the predictor minus that of a split which needs none: the claim is about the predictor where this is not 0
    with the sign of its gap. The last row says what both parts hold beside h, at the same number of dimensions.
    """
    own = {
        pair: gap(scores, pair, metric, n_resamples, seed) for pair in SPLITS_OF_STATE if pair[0] in scores
    }
    rows = [(f"{past} − {new}", one) for (past, new), one in own.items()]
    ours, *rivals = own
    rows += [
        (f"{ours[0]} − {ours[1]} beyond {past} − {new}", own[ours] - own[past, new]) for past, new in rivals
    ]
    if BOTH_REDUCED in scores:
        pair = (BOTH_REDUCED, STATE)
        rows.append((" − ".join(pair), gap(scores, pair, metric, n_resamples, seed)))
    bounds = [(-2.0, 2.0) if " beyond " in name else (-1.0, 1.0) for name, _ in rows]
    found = [(name, one.value, *one.ends(end)) for (name, one), end in zip(rows, bounds, strict=True)]
    return pd.DataFrame(found, columns=["contrast", "difference", "low", "high"])
