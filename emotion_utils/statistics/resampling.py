"""Intervals that respect the unit: prompts are resampled by whole groups, never one by one.

The middle 95 % of bootstrap draws is too narrow where there are few units: it lacks the factor n / (n - 1) of the
variance and the tails of Student's t {cite:p}`hesterberg2015`, and near the end of a scale draws stop varying. What
is given here is a t interval with the variance of the draws; on a bounded scale the variance follows the value as
that of a share does {cite:p}`wilson1927`. `calibration.coverage` measures how often it holds the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Num, Shaped
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import t as student

from emotion_utils.statistics.permutations import LEVEL, binomial_bounds

FEWEST_UNITS = 8
"""Below this number no interval is given and no test is made."""
ENDS = (LEVEL / 2, 1 - LEVEL / 2)
"""Between them lie 95 %."""
LOST = 0.025
"""Of one unit: how far the end of a scale is taken to be away even where no resample shows it."""


def resampling_units(prompts: pd.DataFrame) -> np.ndarray:
    """Number the units that are resampled together: rows that share a template family or a pair.

    Returns
    -------
    One integer per row, shape (n_prompts,).
    """
    return connected_groups(prompts, [key for key in ("group", "pair_id") if key in prompts])


def unit_weights(groups: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each prompt is drawn when whole groups are resampled, shape (n_resamples, n_prompts)."""
    codes, uniques = pd.factorize(np.asarray(groups), sort=True)
    return _weights(len(uniques), n_resamples, rng)[:, codes]


def _weights(n_groups: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each group is drawn in each resample, shape (n_resamples, n_groups)."""
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples).astype(float)


def effective_units(
    groups: Shaped[np.ndarray, " n"], positive: Bool[np.ndarray, " n"] | None = None
) -> float:
    """How many equal units would make as sure as these.

    Units of unequal size, or a class that few of them have, leave a variance with fewer degrees of freedom; this is
    Satterthwaite's number for units that all vary alike, and one more {cite:p}`imbens2016`.

    Parameters
    ----------
    groups
        The unit of each prompt.
    positive
        Class of each prompt, where classes are compared.

    Returns
    -------
    The number of units where all are alike, less otherwise; NaN with fewer than :data:`FEWEST_UNITS` units.
    """
    codes, uniques = pd.factorize(np.asarray(groups))
    if len(uniques) < FEWEST_UNITS:
        return float("nan")
    sides = [np.ones(len(codes))] if positive is None else [positive, ~positive]
    shares = [np.bincount(codes, weights=side) / max(side.sum(), 1) for side in sides]
    parts = np.square(shares).sum(axis=0)
    return float(parts.sum() ** 2 / np.square(parts).sum())


def grouped_mean_interval(
    values: np.ndarray,
    groups: np.ndarray,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Interval (95 %) of a mean over prompts, groups resampled with replacement; see :func:`interval`.

    Parameters
    ----------
    values
        One per prompt, shape (n,).
    groups
        The unit of each prompt, shape (n,).
    n_resamples, seed
        Of the bootstrap.
    bounds
        Of the values: 0 and 1 for a share.

    Returns
    -------
    Low and high end; NaN with fewer than :data:`FEWEST_UNITS` groups.

    Examples
    --------
    >>> import numpy as np
    >>> import emotion_utils as eu
    >>> low, high = eu.interval(np.tile([0.0, 1.0], 20), np.repeat(np.arange(10), 4))
    >>> round(low, 3), round(high, 3)
    (0.5, 0.5)
    """
    codes, uniques = pd.factorize(np.asarray(groups))
    if len(uniques) < FEWEST_UNITS:
        return float("nan"), float("nan")
    sums, sizes = np.bincount(codes, weights=np.asarray(values, dtype=float)), np.bincount(codes)
    drawn = _weights(len(uniques), n_resamples, np.random.default_rng(seed))
    draws = (drawn @ sums) / (drawn @ sizes)
    return interval(draws, effective_units(groups), float(sums.sum() / sizes.sum()), bounds)


def exact_share_interval(
    values: np.ndarray, groups: np.ndarray, *, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Interval (95 %) of a share, exact in the number of units where nothing or everything happened.

    Draws of units that are all alike do not vary; what so few units can exclude is known exactly
    {cite:p}`clopper1934`, also with fewer than :data:`FEWEST_UNITS` of them.

    Parameters
    ----------
    values
        0 or 1 of each prompt, shape (n,).
    groups
        The unit of each prompt, shape (n,).
    n_resamples, seed
        Of :func:`grouped_mean_interval`, which gives the interval where values differ.

    Returns
    -------
    Low and high end; NaN without a value, and with fewer than :data:`FEWEST_UNITS` units that are not all alike.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = exact_share_interval(np.zeros(40), np.repeat(np.arange(20), 2))
    >>> low, round(high, 3)
    (0.0, 0.168)
    """
    kept = np.asarray(values, dtype=float)
    if len(kept) and (kept == kept[0]).all() and kept[0] in (0.0, 1.0):
        units = len(pd.unique(np.asarray(groups)))
        return binomial_bounds(int(kept[0]) * units, units)
    return grouped_mean_interval(kept, groups, n_resamples=n_resamples, seed=seed, bounds=(0.0, 1.0))


def interval(
    draws: Num[np.ndarray, " draw"],
    units: float | None = None,
    value: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Interval (95 %) of a statistic from its bootstrap draws over whole units, those that are NaN left out.

    Parameters
    ----------
    draws
        Of the statistic, or of a difference of two that were resampled together.
    units
        From :func:`effective_units`, or their number. Without it the draws are no bootstrap of units, or those of a
        choice (a layer, a k): the middle 95 % of them are given.
    value
        The statistic itself; by default the mean of the draws.
    bounds
        Ends of the scale of something that is counted: 0 and 1 for a share or an area under the ROC curve, -1 and 1
        for a difference of two. The interval stays inside and has a width even where no draw differs.

    Returns
    -------
    Low and high end; NaN where all draws or the units are NaN, and where one unit decides.
    """
    kept = draws[~np.isnan(draws)]
    if not len(kept) or (units is not None and not units >= 2):
        return float("nan"), float("nan")
    if units is None:
        low, high = np.quantile(kept, ENDS)
        return float(low), float(high)
    centre = float(kept.mean()) if value is None else value
    variance = float(kept.var()) * units / (units - 1)
    far = float(student.ppf(ENDS[1], units - 1))
    if bounds is not None:
        return _bounded(centre, variance, far, units, bounds)
    half = far * float(np.sqrt(variance))
    return centre - half, centre + half


def _bounded(
    value: float, variance: float, far: float, units: float, bounds: tuple[float, float]
) -> tuple[float, float]:
    """All truths from which the value is at most so many standard errors away.

    The variance at a place x of the scale, from 0 to 1, is x (1 - x) times a constant: that of the draws, with a little
    of 1 / units, which it is where units are single observations.
    """
    width = bounds[1] - bounds[0]
    place = float(np.clip((value - bounds[0]) / width, 0, 1))
    little, spread = LOST / units, place * (1 - place)
    reach = far**2 * (variance / width**2 + little / units) / (spread + little)
    middle = (place + reach / 2) / (1 + reach)
    half = float(np.sqrt(reach * spread + reach**2 / 4)) / (1 + reach)
    return bounds[0] + width * max(middle - half, 0.0), bounds[0] + width * min(middle + half, 1.0)


def connected_groups(table: pd.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """Number the sets of rows that share a value of any key, directly or through other rows.

    Parameters
    ----------
    table
        One row per prompt.
    keys
        Columns; a missing value connects nothing.

    Returns
    -------
    One integer per row, shape (n_rows,), numbered by first appearance.
    """
    n = len(table)
    rows, values, offset = [np.arange(n)], [np.arange(n)], n
    for key in keys:
        codes, uniques = pd.factorize(table[key])
        rows.append(np.flatnonzero(codes >= 0))
        values.append(codes[codes >= 0] + offset)
        offset += len(uniques)
    ends = np.concatenate(rows), np.concatenate(values)
    # a graph of rows and of the values they hold: rows are connected through a value
    graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(offset, offset))
    return pd.factorize(connected_components(graph, directed=False)[1][:n])[0]
