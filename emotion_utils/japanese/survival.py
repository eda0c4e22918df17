"""Features that spellings of one concept have of their own: the report's survival rate, beside its null.

The report takes the top features of one spelling away and counts how many of another spelling's are left: the higher,
the more each spelling has features of its own, it says, and the more robust the model. But spellings of *different*
concepts share even less, so that a model that knows nothing of what they mean has the highest survival of all. What
says that a model knows the concept is the other direction: spellings of one concept share **more** than spellings of
different ones, which exchanging spellings between concepts gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

TOP = (20, 50, 100)
"""How many features are taken, as published."""
RESAMPLES = 500
"""Of concepts."""
Pairs = tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]
"""Two spellings, and the concept of both."""


def top_features(
    activations: Float[np.ndarray, "spelling feature"], k: int
) -> Bool[np.ndarray, "spelling feature"]:
    """Which features of each spelling are among its k most active ones; those that do not fire never are.

    Parameters
    ----------
    activations
        Not negative where features are sparse; of other units, their size.
    k

    Raises
    ------
    UserError
        Where there are not more than k features.
    """
    if not 0 < k < activations.shape[1]:
        raise UserError(
            f"The top {k} of {activations.shape[1]} features are none or all: choose a k between."
        )
    order = np.argsort(-activations, axis=1, kind="stable")[:, :k]
    chosen = np.zeros(activations.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & (activations > 0)


def surviving(top: Bool[np.ndarray, "spelling feature"]) -> Float[np.ndarray, "removed kept"]:
    """Share of the features of one spelling that are left when those of another are removed; NaN without any."""
    own = top.astype(float)
    size = own.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: np.ndarray = 1 - (own @ own.T) / size
    return share


def survival(
    activations: Float[np.ndarray, "spelling feature"],
    concept: Int[np.ndarray, " spelling"],
    kind: Shaped[np.ndarray, " spelling"],
    ks: Sequence[int] = TOP,
    *,
    counted: Bool[np.ndarray, "spelling spelling"] | None = None,
    n_permutations: int = 999,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Survival rate between spellings of one concept, beside that between spellings of different concepts.

    Parameters
    ----------
    activations
        Of features in a text with each spelling.
    concept
        Its concept.
    kind
        Spellings are exchanged between concepts among those of one kind alone, such as a script.
    ks
        Numbers of top features.
    counted
        Pairs of spellings that count; by default all.
    n_permutations, n_resamples, seed

    Returns
    -------
    Columns ``k, value, low, high`` (mean over concepts of the mean over their ordered pairs, as published; interval
    over concepts), ``null, null_low, null_high`` (spellings exchanged between concepts), ``known`` (null minus value:
    what spellings of one concept share beyond others), ``known_low, known_high, p`` (that it is as large without
    knowing), ``concepts, spellings``.

    Raises
    ------
    UserError
        Where no concept has two spellings.
    """
    if pd.Series(concept).value_counts().max() < 2:
        raise UserError("No concept has two spellings: there is nothing that could survive.")
    codes = pd.factorize(concept)[0]
    rng, kinds = np.random.default_rng(seed), pd.factorize(kind)[0]
    drawn = [_own_pairs(among_kinds(codes, kinds, rng)) for _ in range(n_permutations)]
    true, concepts = _own_pairs(codes), int(codes.max()) + 1
    rows = []
    for k in ks:
        left = surviving(top_features(activations, k))
        if counted is not None:
            left = np.where(counted, left, np.nan)
        own = _by_concept(left, true, concepts)
        null = np.array([np.nanmean(_by_concept(left, one, concepts)) for one in drawn])
        rows.append((k, *_beside(own[~np.isnan(own)], null, n_resamples, seed), len(codes)))
    columns = [
        "k",
        "value",
        "low",
        "high",
        "null",
        "null_low",
        "null_high",
        "known",
        "known_low",
        "known_high",
    ]
    return pd.DataFrame(rows, columns=[*columns, "p", "concepts", "spellings"])


def _beside(
    own: Float[np.ndarray, " concept"], null: Float[np.ndarray, " draw"], n_resamples: int, seed: int
) -> tuple[float, ...]:
    """The columns ``value`` to ``concepts``."""
    value, centre = float(own.mean()), float(null.mean())
    low, high = over_concepts(own, n_resamples, seed, (0.0, 1.0))
    p = float(permutation_p(-value, -null))
    return value, low, high, centre, *interval(null), centre - value, centre - high, centre - low, p, len(own)


def over_concepts(
    own: Float[np.ndarray, " concept"],
    n_resamples: int = RESAMPLES,
    seed: int = 0,
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Interval (95 %) of a mean over concepts, which are resampled."""
    units = np.arange(len(own))
    draws = unit_weights(units, n_resamples, np.random.default_rng(seed)) @ own / len(own)
    return interval(draws, effective_units(units), float(own.mean()), bounds)


def among_kinds(
    codes: Int[np.ndarray, " spelling"], kinds: Int[np.ndarray, " spelling"], rng: np.random.Generator
) -> Int[np.ndarray, " spelling"]:
    """Concepts exchanged among spellings of one kind."""
    drawn = np.empty_like(codes)
    drawn[np.argsort(kinds, kind="stable")] = codes[np.lexsort((rng.random(len(codes)), kinds))]
    return drawn


def _own_pairs(codes: Int[np.ndarray, " spelling"]) -> Pairs:
    """The ordered pairs of different spellings of one concept, and the concept of each."""
    first, second = np.nonzero((codes[:, None] == codes) & ~np.eye(len(codes), dtype=bool))
    return first, second, codes[first]


def _by_concept(
    left: Float[np.ndarray, "removed kept"], pairs: Pairs, n_concepts: int
) -> Float[np.ndarray, " concept"]:
    """Mean over the pairs of each concept; NaN where it has none."""
    first, second, concept = pairs
    values = left[first, second]
    known = ~np.isnan(values)
    sums = np.bincount(concept[known], weights=values[known], minlength=n_concepts)
    counts = np.bincount(concept[known], minlength=n_concepts)
    return np.divide(sums, counts, out=np.full(n_concepts, np.nan), where=counts > 0)
