"""Differences between siblings, beside those between two trainings of one of them.

Two networks that were trained from other seeds, or continued on other documents of the same kind, differ in every
number. A difference between siblings is one of *siblings* where it is larger than what exchanging trainings between
them gives; the report has one training of each, which cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import permutation_test

from emotion_utils.core.errors import UserError, listing
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.permutations import LEVEL

MOST = 100_000
"""Exchanges that are made; where there are fewer, each is made once and p is exact."""


def between_siblings(runs: pd.DataFrame, measures: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """Differences between two siblings, beside those between trainings of one.

    Parameters
    ----------
    runs
        A row for each training: ``sibling``, and a column for each measure.
    measures
        Which columns are compared.
    seed
        Of the exchanges, where not all can be made.

    Returns
    -------
    A row for each measure; columns ``measure, first, second`` (the siblings, in order of appearance), ``of_first,
    of_second`` (means over trainings), ``difference`` (first minus second), ``within`` (largest difference of two
    trainings of one sibling), ``p`` (two-sided, of exchanging trainings between siblings), ``p_holm``, ``least`` (the
    smallest p that so many trainings can give), ``trainings``.

    Raises
    ------
    UserError
        Where there are not two siblings, or one has a single training.
    """
    names = list(dict.fromkeys(runs["sibling"]))
    if len(names) != 2:
        raise UserError(
            f"Two siblings are compared, and these trainings are of {len(names)}: {listing(names)}."
        )
    sizes = runs["sibling"].value_counts()
    if sizes.min() < 2:
        raise UserError(
            f"{sizes.idxmin()} was trained once: without a second training nothing says how far one differs from "
            "another. Train it from another seed."
        )
    rows = []
    for measure in measures:
        one, other = (runs.loc[runs["sibling"] == name, measure].to_numpy(dtype=float) for name in names)
        within = max(abs(a - b) for own in (one, other) for a, b in combinations(own, 2))
        p = _exchanged(one, other, seed)
        rows.append((measure, *names, one.mean(), other.mean(), one.mean() - other.mean(), within, p))
    columns = ["measure", "first", "second", "of_first", "of_second", "difference", "within", "p"]
    least = _least(*(int(sizes[name]) for name in names))
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_holm=adjusted(table["p"].to_numpy(), "holm"), least=least, trainings=len(runs))


def beside_continuations(runs: pd.DataFrame, measures: Sequence[str], base: str) -> pd.DataFrame:
    """Differences between a base and its continuations, beside those between continuations of it.

    Parameters
    ----------
    runs
        A row for each training: ``sibling``, and a column for each measure. Continuations are all siblings but the
        base; each counts by the mean over its trainings.
    measures
    base
        Which sibling.

    Returns
    -------
    A row for each measure; columns ``measure, base, continued`` (mean over continuations), ``difference``, ``within``
    (largest difference of two continuations), ``smallest`` (smallest difference between base and a continuation),
    ``continuations``.

    Raises
    ------
    UserError
        Where there is no base, or one continuation alone.
    """
    means = runs.groupby("sibling", sort=False)[list(measures)].mean()
    if base not in means.index or len(means) < 3:
        raise UserError(
            f"A base and two continuations at least are compared, and these trainings are of {listing(means.index)}."
        )
    own, others = means.loc[base], means.drop(index=base)
    rows = [
        (
            measure,
            own[measure],
            others[measure].mean(),
            own[measure] - others[measure].mean(),
            max(abs(a - b) for a, b in combinations(others[measure], 2)),
            (others[measure] - own[measure]).abs().min(),
        )
        for measure in measures
    ]
    columns = ["measure", "base", "continued", "difference", "within", "smallest"]
    return pd.DataFrame(rows, columns=columns).assign(continuations=len(others))


def _exchanged(
    one: Float[np.ndarray, " training"], other: Float[np.ndarray, " training"], seed: int
) -> float:
    def apart(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray | np.floating:
        return np.abs(x.mean(axis=axis) - y.mean(axis=axis))

    found = permutation_test(
        (one, other), apart, alternative="greater", vectorized=True, n_resamples=MOST,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.pvalue)


def _least(one: int, other: int) -> float:
    """The smallest two-sided p: with equal numbers, exchanging all trainings gives the same difference."""
    return (1 + (one == other)) / comb(one + other, one)


def differ(p: float, least: float) -> bool | None:
    """Whether siblings differ by more than trainings do; None where so few trainings could not have shown it."""
    return True if p <= LEVEL else None if least > LEVEL else False


def told_apart(between: pd.DataFrame, continued: pd.DataFrame) -> pd.DataFrame:
    """Which measures differ between siblings, by both nulls.

    A measure differs where exchanging trainings says so (Holm over the measures), and every continuation is farther
    from the base than any two continuations are from each other. One base alone was trained, so that this says
    nothing of other bases.

    Parameters
    ----------
    between, continued
        From :func:`between_siblings` and :func:`beside_continuations`, of the same measures.

    Returns
    -------
    Columns ``measure, differs`` (None where too few trainings could have shown it) and those of both tables.
    """
    beside = continued.drop(columns="difference").rename(columns={"within": "within_continuations"})
    both = between.merge(beside, on="measure", validate="one_to_one")
    decided: list[bool | None] = []
    for row in both.itertuples():
        found = differ(row.p_holm, row.least * len(both))
        decided.append(row.smallest > row.within_continuations if found else found)
    return both.assign(differs=pd.Series(decided, dtype=object))
