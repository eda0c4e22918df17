"""Squared errors of predictions of hidden states, by document and position: all that every R2 is made of.

A measure says what is summed and around which mean the variance is taken:

========================  ======================================================================================
``pooled``                all dimensions as they are, around the mean of the evaluated states (as published)
``around position mean``  the same, around the mean of each position: the position mean has R2 0 by definition
``no massive``            as pooled, without massive dimensions
``no sinks``              as pooled, without states of unusual length
``whitened``              principal components of the training states, each of the same variance
========================  ======================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import Baselines, Prediction, in_chunks
from emotion_utils.parts.states import StateSource

MEASURES = ("pooled", "around position mean", "no massive", "no sinks", "whitened")
MASSIVE_SHARE, MASSIVE_TIMES = 0.1, 10.0
"""A massive dimension holds more of the variance of all, and so many times what each would hold of equal ones."""
MASSIVE_MEAN = 50.0
"""Times the median size of the mean of a dimension: one whose mean is larger is massive {cite:p}`sun2024`."""
SINK = 10.0
"""Times the median length of the evaluated states: a longer one is a sink."""
SHRINKAGE = 0.01
"""Of the variances of principal components to their mean: those of much less variance than that fade out."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Sums of squares of one layer over the windows of each document.

    Attributes
    ----------
    documents
        Their numbers.
    variances
        Measure to sums around the mean, one row per document, one column per position 1, 2, ...
    errors
        Prediction to measure to sums of squared errors, of the same shape.
    by_dimension
        Prediction to squared errors by dimension, in the units of the states; ``variance`` holds those around the mean.
    targets
        Evaluated states of each document.
    massive
        Which dimensions are massive.
    shares
        Of the pooled variance: what massive dimensions and sinks hold, and, in multiples of it, what the states at
        position 0 would add, which nothing predicts.
    """

    documents: Shaped[np.ndarray, " document"]
    variances: Mapping[str, Float[np.ndarray, "document target"]] = field(repr=False)
    errors: Mapping[str, Mapping[str, Float[np.ndarray, "document target"]]] = field(repr=False)
    by_dimension: Mapping[str, Float[np.ndarray, "document d_model"]] = field(repr=False)
    targets: Int[np.ndarray, " document"]
    massive: Bool[np.ndarray, " d_model"] = field(repr=False)
    shares: Mapping[str, float]


def massive_dimensions(
    mean: Float[Tensor, " d_model"], variance: Float[Tensor, " d_model"]
) -> Bool[Tensor, " d_model"]:
    """Dimensions that hold more than :data:`MASSIVE_SHARE` of the variance, or have a mean of unusual size."""
    share, size = variance / variance.sum(), mean.abs()
    large = share > max(MASSIVE_SHARE, MASSIVE_TIMES / len(variance))
    return large | (size > MASSIVE_MEAN * size.median())


def whitening(
    correlation: Float[Tensor, "d_model d_model"], std: Float[Tensor, " d_model"]
) -> Float[Tensor, "d_model component"]:
    """From deviations of states to principal components of the standardised dimensions, of equal variance.

    The variance of each component is shrunk by :data:`SHRINKAGE` towards their mean, so that those that hold much less
    than a hundredth of it, which no training set estimates, fade out in place of being cut.
    """
    values, axes = torch.linalg.eigh(correlation.double())
    shrunk = (1 - SHRINKAGE) * values.clamp(min=0) + SHRINKAGE * values.mean()
    return (axes / shrunk.sqrt() / std.double()[:, None]).float()


def sum_errors(
    source: StateSource,
    ids: Int[Tensor, "window position"],
    rows: Int[np.ndarray, " row"],
    documents: Shaped[np.ndarray, " window"],
    predictions: Mapping[int, Mapping[str, Prediction]],
    baselines: Mapping[int, Baselines],
) -> dict[int, Errors]:
    """Gather the squared errors of predictions on held-out windows.

    Parameters
    ----------
    source
        Of the states.
    ids
        The tokens of all windows.
    rows
        Numbers of the windows that are evaluated.
    documents
        Number of the document of each window, of all windows: the unit of every interval.
    predictions
        Layer to name to prediction, for example those of :class:`baselines.Baselines`.
    baselines
        Layer to the baselines, which have means, variances and correlations of the training states.

    Raises
    ------
    UserError
        Without a window to evaluate.
    """
    if not len(rows):
        raise UserError("There is no window to evaluate: cut more documents, or others into this split.")
    names, codes = np.unique(documents[rows], return_inverse=True)
    frames = _frames(source, rows, baselines)
    sums = {layer: _Sums(frames[layer], len(names), predictions[layer]) for layer in source.layers}
    for chosen, units in zip(in_chunks(rows), in_chunks(codes), strict=True):
        states = source.at(chosen)
        for layer, own in sums.items():
            own.add(states[layer], ids[torch.from_numpy(chosen)], torch.from_numpy(units))
    counts = np.bincount(codes)
    return {layer: own.result(names, counts) for layer, own in sums.items()}


@dataclass(frozen=True, eq=False)
class _Frame:
    """Means of the evaluated states, and what the measures need."""

    position_mean: Tensor  # (target, d_model), double
    length: float  # of a usual state
    kept: Tensor  # dimensions that are not massive
    whiten: Tensor  # (d_model, component)

    @property
    def mean(self) -> Tensor:
        return self.position_mean.mean(dim=0)


def _frames(source: StateSource, rows: np.ndarray, baselines: Mapping[int, Baselines]) -> dict[int, _Frame]:
    sums: dict[int, Tensor] = {}
    lengths: dict[int, list[Tensor]] = {layer: [] for layer in source.layers}
    for some in in_chunks(rows):
        for layer, h in source.at(some).items():
            sums[layer] = sums.get(layer, torch.tensor(0.0)) + h[:, 1:].double().sum(dim=0)
            lengths[layer].append(h[:, 1:].norm(dim=-1).flatten())
    found = {}
    for layer, total in sums.items():
        own = baselines[layer]
        scale = own.autoregression
        massive = massive_dimensions(scale.mean, scale.std.square())
        usual = float(torch.cat(lengths[layer]).median())
        found[layer] = _Frame(total / len(rows), usual, ~massive, whitening(own.correlation, scale.std))
    return found


class _Sums:
    """Accumulates the squares of one layer."""

    def __init__(self, frame: _Frame, documents: int, predictions: Mapping[str, Prediction]) -> None:
        self.frame, self.predictions = frame, predictions
        self.shape = (documents, len(frame.position_mean))
        self.variances = {measure: self._zeros() for measure in MEASURES}
        self.errors = {name: {measure: self._zeros() for measure in MEASURES} for name in predictions}
        width = (documents, frame.position_mean.shape[1])
        self.dimensions = {
            name: torch.zeros(width, dtype=torch.float64) for name in ("variance", *predictions)
        }
        self.first = 0.0

    def _zeros(self) -> Tensor:
        return torch.zeros(self.shape, dtype=torch.float64)

    def add(self, h: Tensor, ids: Tensor, units: Tensor) -> None:
        y, mean = h[:, 1:], self.frame.mean.float()
        usual = y.norm(dim=-1) <= SINK * self.frame.length  # (window, target)
        self._gather(self.variances, y - mean, usual, units)
        around = (y - self.frame.position_mean.float()).double().square().sum(dim=-1)
        self.variances["around position mean"].index_add_(0, units, around)
        self._by_dimension("variance", y - mean, units)
        self.first += float((h[:, 0] - mean).double().square().sum())
        for name, predict in self.predictions.items():
            error = y - predict(h, ids)
            self._gather(self.errors[name], error, usual, units)
            self.errors[name]["around position mean"] = self.errors[name]["pooled"]
            self._by_dimension(name, error, units)

    def _gather(self, sums: dict[str, Tensor], deviation: Tensor, usual: Tensor, units: Tensor) -> None:
        """All measures but the one around the position mean, whose error is the pooled one."""
        square = deviation.double().square()
        whole = square.sum(dim=-1)
        added = {
            "pooled": whole,
            "no massive": square[..., self.frame.kept].sum(dim=-1),
            "no sinks": whole * usual,
            "whitened": (deviation @ self.frame.whiten).double().square().sum(dim=-1),
        }
        for measure, values in added.items():
            sums[measure].index_add_(0, units, values)

    def _by_dimension(self, name: str, deviation: Tensor, units: Tensor) -> None:
        self.dimensions[name].index_add_(0, units, deviation.double().square().sum(dim=1))

    def result(self, names: np.ndarray, windows: np.ndarray) -> Errors:
        variances = _arrays(self.variances)
        total = float(variances["pooled"].sum())
        shares = {
            "massive dimensions": 1 - float(variances["no massive"].sum()) / total,
            "sinks": 1 - float(variances["no sinks"].sum()) / total,
            "position 0": self.first / total,
        }
        errors = {name: _arrays(sums) for name, sums in self.errors.items()}
        massive = (~self.frame.kept).numpy()
        return Errors(
            names,
            variances,
            errors,
            _arrays(self.dimensions),
            windows * self.shape[1],
            massive,
            shares,
        )


def _arrays(sums: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: values.numpy() for name, values in sums.items()}


def positions_from(first: int, length: int) -> Sequence[int]:
    """Columns of the sums from a position of the window on; position 1 is column 0.

    Raises
    ------
    UserError
        For a position that windows do not have, and for position 0, which nothing predicts.
    """
    if not 1 <= first <= length:
        raise UserError(f"Predicted positions are 1 to {length}, and those from {first} on are asked for.")
    return range(first - 1, length)
