"""How much of the variance of hidden states a prediction explains, with intervals over documents.

R2 is one minus a ratio of two sums over documents. Documents are resampled whole, both sums are taken again, and the
mean around which the variance is measured stays that of all evaluated states. A difference of two predictions is
resampled in step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.errors import UserError, listing
from emotion_utils.parts.error_sums import MEASURES, Errors, positions_from
from emotion_utils.statistics.resampling import FEWEST_UNITS, interval, unit_weights

RESAMPLES = 1000


def r2(
    errors: Float[np.ndarray, "*shape document"], variances: Float[np.ndarray, "*shape document"]
) -> Float[np.ndarray, "*shape"]:
    """One minus summed squared errors over summed squares around a mean; NaN where nothing varies."""
    total = np.asarray(variances.sum(axis=-1), dtype=float)
    share = np.divide(errors.sum(axis=-1), total, out=np.full(total.shape, np.nan), where=total > 0)
    return np.asarray(1 - share)


def r2_table(
    errors: Mapping[int, Errors],
    best: Mapping[int, str],
    *,
    first: int = 1,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """R2 of every prediction by every measure, and how far it is above the best baseline.

    Parameters
    ----------
    errors
        Layer to sums of squares on held-out windows.
    best
        Layer to the baseline that did best on validation windows.
    first
        The first position that counts; the report leaves out positions below 32.
    n_resamples, seed
        Of documents.

    Returns
    -------
    Columns ``layer, measure, prediction, r2, low, high, baseline, gain, gain_low, gain_high, documents``. Intervals
    (95 %) are NaN with fewer than :data:`FEWEST_UNITS` documents.
    """
    rows = []
    for layer, own in errors.items():
        columns = positions_from(first, own.variances["pooled"].shape[1])
        weights = _weights(own, n_resamples, seed)
        for measure in MEASURES:
            total = own.variances[measure][:, columns].sum(axis=1)
            parts = {name: sums[measure][:, columns].sum(axis=1) for name, sums in own.errors.items()}
            rows += _rows(layer, measure, parts, total, best[layer], weights)
    return pd.DataFrame(rows)


def _weights(errors: Errors, n_resamples: int, seed: int) -> Float[np.ndarray, "draw document"]:
    units = np.arange(len(errors.documents))
    return unit_weights(units, n_resamples, np.random.default_rng(seed))


def _rows(
    layer: int,
    measure: str,
    parts: Mapping[str, np.ndarray],
    total: np.ndarray,
    best: str,
    weights: np.ndarray,
) -> list[dict[str, object]]:
    if best not in parts:
        raise UserError(f'There are no errors of the baseline "{best}", only of {listing(parts)}.')
    values = {name: float(r2(error, total)) for name, error in parts.items()}
    draws = {name: r2(weights * error, weights * total) for name, error in parts.items()}
    units = _units(total)
    rows: list[dict[str, object]] = []
    for name, value in values.items():
        low, high = interval(draws[name], units, value)
        gain = value - values[best]
        ends = interval(draws[name] - draws[best], units, gain)
        row = {"layer": layer, "measure": measure, "prediction": name, "r2": value, "low": low, "high": high}
        more = {"baseline": best, "gain": gain, "gain_low": ends[0], "gain_high": ends[1]}
        rows.append(row | more | {"documents": len(total)})
    return rows


def _units(total: Float[np.ndarray, " document"]) -> float:
    """Equal documents that would make as sure as these: large ones decide more of a ratio of sums."""
    if len(total) < FEWEST_UNITS or not total.any():
        return float("nan")
    return float(total.sum() ** 2 / np.square(total).sum())


def by_position(errors: Mapping[int, Errors], measure: str = "pooled") -> pd.DataFrame:
    """R2 at each position, around the mean of that position for ``around position mean`` and of all positions else.

    Returns
    -------
    Columns ``layer, prediction, position, r2, mse``; ``mse`` is by state, summed over dimensions.
    """
    rows = []
    for layer, own in errors.items():
        windows = own.targets.sum() / own.variances[measure].shape[1]
        for name, sums in own.errors.items():
            found = r2(sums[measure].T, own.variances[measure].T)
            mse = sums[measure].sum(axis=0) / windows
            rows += [(layer, name, at + 1, value, mse[at]) for at, value in enumerate(found.tolist())]
    return pd.DataFrame(rows, columns=["layer", "prediction", "position", "r2", "mse"])


def by_dimension(
    errors: Mapping[int, Errors], *, n_resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Mean and median over dimensions of the R2 of each dimension, each around its mean.

    Returns
    -------
    Columns ``layer, prediction, mean, mean_low, mean_high, median, median_low, median_high``; constant dimensions are
    left out.
    """
    rows = []
    for layer, own in errors.items():
        weights, total = _weights(own, n_resamples, seed), own.by_dimension["variance"]
        kept = total.sum(axis=0) > 0
        units = _units(total[:, kept].sum(axis=1))
        for name in own.errors:
            error = own.by_dimension[name][:, kept]
            value = 1 - error.sum(axis=0) / total[:, kept].sum(axis=0)
            draws = 1 - (weights @ error) / (weights @ total[:, kept])  # (draw, dimension)
            row: dict[str, object] = {"layer": layer, "prediction": name}
            for statistic, of in (("mean", np.mean), ("median", np.median)):
                centre = float(of(value))
                ends = interval(of(draws, axis=1), units, centre)
                row |= {statistic: centre, f"{statistic}_low": ends[0], f"{statistic}_high": ends[1]}
            rows.append(row)
    return pd.DataFrame(rows)
