"""Statistics of windows and their draws under the same resamples of whole documents, so that they can be compared.

Windows of one document are alike, and so are positions of one window: the unit of everything here is the document.
Two statistics of the same documents and seed are resampled in step; their difference is taken draw by draw, between
layers as well as between positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

LEFT_OUT = 32
"""Positions at the start of a window that the report leaves out, since the error there is of another size."""
PARTS = ("all", "early", "late")
"""Of a window, without what is left out: all of it, the first and the last quarter."""
RESAMPLES = 200
"""Of documents: an interval takes no more of them than their variance."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """A statistic and its draws.

    Attributes
    ----------
    value
        Of all documents.
    draws
        Of each resample of whole documents.
    units
        Effective number of documents, NaN where they are too few for an interval.
    """

    value: float
    draws: Float[np.ndarray, " draw"] = field(repr=False)
    units: float

    def ends(self, bounds: tuple[float, float] | None = None) -> tuple[float, float]:
        """Interval (95 %) over documents; NaN where they are too few. ``bounds`` are the ends of the scale."""
        if np.isnan(self.units):
            return float("nan"), float("nan")
        return interval(self.draws, self.units, self.value, bounds)

    def __sub__(self, other: Resampled) -> Resampled:
        _check_draws(len(self.draws), len(other.draws))
        units = float(np.minimum(self.units, other.units))
        return Resampled(self.value - other.value, self.draws - other.draws, units)

    @classmethod
    def mean(cls, several: Sequence[Resampled]) -> Resampled:
        """Mean of statistics that were resampled together, such as those of several layers.

        Raises
        ------
        UserError
            Where there is none.
        """
        if not several:
            raise UserError("A mean over layers needs at least one: read some.")
        for other in several[1:]:
            _check_draws(len(several[0].draws), len(other.draws))
        draws = np.mean([one.draws for one in several], axis=0)
        value = float(np.mean([one.value for one in several]))
        return cls(value, draws, float(np.min([one.units for one in several])))


def _check_draws(first: int, second: int) -> None:
    if first != second:
        raise UserError(
            f"Statistics with {first} and {second} draws were not resampled together: use one number of resamples "
            "and one seed."
        )


@dataclass(frozen=True, eq=False)
class PositionCurve:
    """A statistic at every position of a window, and its draws.

    Attributes
    ----------
    value
        Of all documents; NaN where it is not defined.
    draws
        Of each resample.
    positions
        Of the tokens, counted from 0 in the window: the first that has a prediction is 1.
    units
        As of :class:`Resampled`.
    """

    value: Float[np.ndarray, " position"]
    draws: Float[np.ndarray, "draw position"] = field(repr=False)
    positions: Int[np.ndarray, " position"]
    units: float

    def over(self, first: int = 0, stop: int | None = None) -> Resampled:
        """Mean over the positions from ``first`` on, before ``stop``; where it is not defined it is left out."""
        kept = self._kept(first, stop, 1)
        return Resampled(float(_mean(self.value[kept])), _mean(self.draws[:, kept]), self.units)

    def slope(self, first: int = LEFT_OUT, stop: int | None = None) -> Resampled:
        """Least-squares slope over positions, times their range: by how much the line changes from first to last."""
        kept = self._kept(first, stop, 3)
        at = self.positions[kept].astype(float)
        centred = at - at.mean()
        weights = centred / (centred @ centred) * (at[-1] - at[0])
        return Resampled(float(self.value[kept] @ weights), self.draws[:, kept] @ weights, self.units)

    def relative_change(self, first: int = LEFT_OUT, stop: int | None = None) -> Resampled:
        """The same, as a share of the mean: -0.1 where the line falls by a tenth of it."""
        change, mean = self.slope(first, stop), self.over(first, stop)
        if mean.value == 0:
            raise UserError("A change has no relative size where the mean is 0: compare slopes instead.")
        return Resampled(change.value / mean.value, change.draws / mean.draws, self.units)

    def parts(self, first: int = LEFT_OUT) -> dict[str, tuple[int, int]]:
        """By name of :data:`PARTS`: the first position, and the one after the last."""
        at = self.positions[self._kept(first, None, 1)]
        quarter, begin, stop = max(1, round(len(at) / 4)), int(at[0]), int(at[-1]) + 1
        ends = (begin, stop), (begin, begin + quarter), (stop - quarter, stop)
        return dict(zip(PARTS, ends, strict=True))

    def table(self) -> pd.DataFrame:
        """Columns ``position, value, low, high``; an interval at each position by itself."""
        ends = [
            Resampled(float(value), draws, self.units).ends()
            for value, draws in zip(self.value, self.draws.T, strict=True)
        ]
        low, high = zip(*ends, strict=True)
        return pd.DataFrame({"position": self.positions, "value": self.value, "low": low, "high": high})

    def _kept(self, first: int, stop: int | None, least: int) -> np.ndarray:
        last = int(self.positions[-1]) if stop is None else stop - 1
        kept: np.ndarray = np.flatnonzero((self.positions >= first) & (self.positions <= last))
        if len(kept) < least:
            raise UserError(
                f"From position {first} on there are {len(kept)} positions up to {last}, and {least} are needed: "
                "cut longer windows, or leave fewer out."
            )
        return kept


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=-1) / known.sum(axis=-1))


def document_weights(
    documents: Shaped[np.ndarray, " window"], n_resamples: int = RESAMPLES, seed: int = 0
) -> Float[np.ndarray, "draw window"]:
    """How often each window is drawn; windows of the same documents and seed are drawn alike."""
    return unit_weights(documents, n_resamples, np.random.default_rng(seed))


def error_curve(
    errors: Float[np.ndarray, "window position"],
    documents: Shaped[np.ndarray, " window"],
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> PositionCurve:
    """Mean squared error at each position, with its draws over documents.

    Parameters
    ----------
    errors
        Mean over the dimensions of r squared, at positions 1 and later of each window.
    documents
        Of each window.
    n_resamples, seed
        Of the documents.
    """
    _check_windows(errors, documents)
    weights = document_weights(documents, n_resamples, seed)
    draws = weights @ errors.astype(np.float64) / weights.sum(axis=1, keepdims=True)
    value = errors.mean(axis=0, dtype=np.float64)
    return PositionCurve(value, draws, positions_of(errors), effective_units(documents))


def positions_of(values: Shaped[np.ndarray, "window position"]) -> Int[np.ndarray, " position"]:
    """Numbers of the positions that have a prediction: from 1 on, since position 0 has no past."""
    return np.arange(1, values.shape[1] + 1)


def _check_windows(values: np.ndarray, documents: np.ndarray) -> None:
    if len(values) != len(documents):
        raise UserError(
            f"There are {len(values)} windows and {len(documents)} documents: give one per window."
        )


def exchanged_windows(
    documents: Shaped[np.ndarray, " window"], rng: np.random.Generator
) -> Int[np.ndarray, " window"]:
    """From which window each one takes its values when documents are exchanged whole: the null of every association.

    Windows of one document go together, in their order; a document that takes the place of one with more windows is
    gone through again. Positions stay as they are.

    Parameters
    ----------
    documents
        Of each window.
    rng
        Draws the exchange.
    """
    codes, names = pd.factorize(np.asarray(documents))
    rows = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes, minlength=len(names))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = np.empty(len(codes), dtype=np.int64)
    place[rows] = np.arange(len(codes)) - np.repeat(starts, sizes)
    other = rng.permutation(len(names))[codes]
    taken: np.ndarray = rows[starts[other] + place % sizes[other]]
    return taken
