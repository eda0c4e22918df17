"""What a prediction of hidden states has to beat: fitted in closed form on training windows, chosen on validation ones.

===================  ============================================================================================
``position mean``    mean state of each position
``previous token``   the state h_t itself
``autoregression``   linear in the state h_t, with an intercept by position (ridge)
``current token``    mean state after the token x_t, around the position mean and shrunk to it: no state is used
===================  ============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.parts.predictor import Autoregression, bounded
from emotion_utils.parts.states import StateSource

NAMES = ("position mean", "previous token", "autoregression", "current token")
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of ridge, in units of the mean square of a standardised dimension that is read."""
PSEUDO_COUNTS = (0.5, 2.0, 8.0, 32.0)
"""How often a token would have to stand for half of its own deviation to be believed."""
WINDOWS = 64
"""Held at a time."""

Prediction = Callable[[Tensor, Tensor], Tensor]
"""From states (window, position, d_model) and tokens (window, position) to predictions of the positions 1, 2, ..."""


@dataclass(frozen=True, eq=False)
class TokenMeans:
    """Mean deviation from the position mean after each token, in the units of the states; rows by token id."""

    deviation: Float[Tensor, "token d_model"] = field(repr=False)
    row: Int[Tensor, " vocabulary"] = field(repr=False)

    def __call__(self, ids: Int[Tensor, "window position"]) -> Float[Tensor, "window target d_model"]:
        """Deviations at the positions 1, 2, ...; 0 after a token that training windows do not hold."""
        return self.deviation[self.row[ids[:, :-1].clamp(max=len(self.row) - 1)]]


@dataclass(frozen=True, eq=False)
class Baselines:
    """The baselines of one layer, and what else is known of its training states.

    Attributes
    ----------
    autoregression, tokens
    correlation
        Of the dimensions over the training states after position 0, around their mean.
    penalty, pseudo_count
        Chosen on validation windows.
    validation
        Baseline to R2 on validation windows, pooled, around their mean.
    """

    autoregression: Autoregression
    tokens: TokenMeans
    correlation: Float[Tensor, "d_model d_model"] = field(repr=False)
    penalty: float
    pseudo_count: float
    validation: Mapping[str, float]

    @property
    def best(self) -> str:
        """The baseline with the highest R2 on validation windows."""
        return max(self.validation, key=lambda name: self.validation[name])

    @property
    def width(self) -> int:
        """d_model."""
        return len(self.autoregression.mean)

    @property
    def length(self) -> int:
        """Positions of a training window."""
        return len(self.autoregression.intercept) + 1

    def predictions(self) -> dict[str, Prediction]:
        """Each baseline as a function of states and tokens."""
        at_position = self.autoregression.position_mean * self.autoregression.std + self.autoregression.mean

        def mean(h: Tensor, ids: Tensor) -> Tensor:
            return at_position[: h.shape[1] - 1].expand(len(h), -1, -1)

        made: tuple[Prediction, ...] = (
            mean,
            lambda h, ids: h[:, :-1],
            lambda h, ids: self.autoregression(h),
            lambda h, ids: mean(h, ids) + self.tokens(ids),
        )
        return dict(zip(NAMES, made, strict=True))


def in_chunks(rows: Int[np.ndarray, " row"], size: int = WINDOWS) -> Iterator[np.ndarray]:
    """Numbers of windows, so many at a time."""
    yield from np.split(rows, range(size, len(rows), size))


def fit_baselines(
    source: StateSource,
    ids: Int[Tensor, "window position"],
    training: Int[np.ndarray, " training"],
    validation: Int[np.ndarray, " validation"],
) -> dict[int, Baselines]:
    """Fit all baselines of all layers.

    Parameters
    ----------
    source
        Of the states.
    ids
        The tokens of all windows.
    training, validation
        Numbers of windows.

    Raises
    ------
    UserError
        Without a training or a validation window.
    """
    if not len(training) or not len(validation):
        raise UserError(
            f"Baselines need windows of both kinds, and there are {len(training)} for training and {len(validation)} "
            "for validation: cut more documents, or others into the splits."
        )
    means = _means(source, training)
    tokens, row = _token_rows(ids[torch.from_numpy(training)])
    moments = {layer: _Moments(*means[layer], tokens) for layer in source.layers}
    for rows in in_chunks(training):
        states = source.at(rows)
        before = row[ids[torch.from_numpy(rows), :-1]]
        for layer, own in moments.items():
            own.add(states[layer], before)
    candidates = {layer: own.candidates(row) for layer, own in moments.items()}
    return _chosen(source, ids, validation, candidates, moments)


def _means(
    source: StateSource, training: np.ndarray
) -> dict[int, tuple[Float[Tensor, "target d_model"], Float[Tensor, " d_model"]]]:
    """Mean of each position after 0, and the standard deviation of each dimension around the mean of all."""
    sums: dict[int, Tensor] = {}
    squares: dict[int, Tensor] = {}
    for rows in in_chunks(training):
        for layer, h in source.at(rows).items():
            y = h[:, 1:].double()
            sums[layer] = sums.get(layer, torch.tensor(0.0)) + y.sum(dim=0)
            squares[layer] = squares.get(layer, torch.tensor(0.0)) + y.square().sum(dim=(0, 1))
    found = {}
    for layer, total in sums.items():
        by_position = total / len(training)
        mean = by_position.mean(dim=0)
        variance = squares[layer] / (len(training) * len(total)) - mean.square()
        # what is left of a constant dimension is rounding
        known = variance > 1e-10 * mean.square() + 1e-30
        found[layer] = (by_position, torch.where(known, variance, 1.0).sqrt())
    return found


def _token_rows(ids: Tensor) -> tuple[int, Tensor]:
    """Number of tokens that are read, and of each token id its row; all others, and ids beyond, have the last row."""
    seen = ids[:, :-1].unique()
    row = torch.full((int(ids.max()) + 2,), len(seen))
    row[seen] = torch.arange(len(seen))
    return len(seen), row


class _Moments:
    """Sums over training windows of one layer, in standard deviations, that all baselines follow from."""

    def __init__(self, by_position: Tensor, std: Tensor, tokens: int) -> None:
        self.mean = by_position.mean(dim=0)
        self.std = std
        self.targets = (by_position - self.mean) / std  # (target, d_model)
        width = len(std)
        self.n = 0
        self.read = torch.zeros_like(self.targets)
        self.gram, self.cross, self.square = (
            torch.zeros(width, width, dtype=torch.float64) for _ in range(3)
        )
        self.token = torch.zeros(tokens + 1, width, dtype=torch.float64)
        self.count = torch.zeros(tokens + 1, dtype=torch.float64)

    def add(self, h: Tensor, before: Tensor) -> None:
        mean, std = self.mean.float(), self.std.float()
        x, y = bounded((h[:, :-1] - mean) / std), (h[:, 1:] - mean) / std
        self.n += len(h)
        self.read += x.sum(dim=0)
        self.token.index_add_(0, before.flatten(), (y - self.targets.float()).flatten(0, 1).double())
        self.count += torch.bincount(before.flatten(), minlength=len(self.count))
        x, y = x.flatten(0, 1), y.flatten(0, 1)
        self.gram += x.T @ x
        self.cross += x.T @ y
        self.square += y.T @ y

    def candidates(self, row: Tensor) -> _Candidates:
        """Autoregressions of all penalties, and token means of all pseudo-counts."""
        rows, read = self.n * len(self.read), self.read / self.n
        gram = self.gram / rows - read.T @ read / len(read)
        cross = self.cross / rows - read.T @ self.targets / len(read)
        values, axes = torch.linalg.eigh(gram)
        shared = axes.T @ cross
        scale = float(values.clamp(min=0).mean())
        weights = [axes @ (shared / (values.clamp(min=0) + p * scale)[:, None]) for p in PENALTIES]
        linear = [self._autoregression(weight, self.targets - read @ weight) for weight in weights]
        tokens = [
            TokenMeans((self.token / (self.count + k)[:, None] * self.std).float(), row)
            for k in PSEUDO_COUNTS
        ]
        return _Candidates(linear, tokens)

    def _autoregression(self, weight: Tensor, intercept: Tensor) -> Autoregression:
        parts = (self.mean, self.std, weight, intercept, self.targets)
        return Autoregression(*(part.float() for part in parts))

    def correlation(self) -> Float[Tensor, "d_model d_model"]:
        return (self.square / (self.n * len(self.read))).float()


@dataclass(frozen=True, eq=False)
class _Candidates:
    linear: Sequence[Autoregression]
    tokens: Sequence[TokenMeans]

    def errors(self, h: Tensor, ids: Tensor) -> Float[np.ndarray, " candidate"]:
        """Sums of squared errors: position mean, previous token, all autoregressions, all token means."""
        first = self.linear[0]
        y, mean = h[:, 1:], first.position_mean * first.std + first.mean
        every = [y - mean, y - h[:, :-1], *(y - one(h) for one in self.linear)]
        every += [y - mean - one(ids) for one in self.tokens]
        return np.array([float(e.double().square().sum()) for e in every])


def _chosen(
    source: StateSource,
    ids: Tensor,
    validation: np.ndarray,
    candidates: Mapping[int, _Candidates],
    moments: Mapping[int, _Moments],
) -> dict[int, Baselines]:
    errors: dict[int, np.ndarray] = {}
    variances = target_variances(source, validation)
    for rows in in_chunks(validation):
        for layer, h in source.at(rows).items():
            errors[layer] = errors.get(layer, 0.0) + candidates[layer].errors(h, ids[torch.from_numpy(rows)])
    found = {}
    for layer, own in candidates.items():
        mean, previous, *rest = (1 - errors[layer] / float(variances[layer].sum())).tolist()
        linear, tokens = rest[: len(PENALTIES)], rest[len(PENALTIES) :]
        i, j = int(np.argmax(linear)), int(np.argmax(tokens))
        scores = dict(zip(NAMES, (mean, previous, linear[i], tokens[j]), strict=True))
        chosen = (own.linear[i], own.tokens[j], moments[layer].correlation(), PENALTIES[i], PSEUDO_COUNTS[j])
        found[layer] = Baselines(*chosen, scores)
    return found


def target_variances(
    source: StateSource, rows: Int[np.ndarray, " row"]
) -> dict[int, Float[Tensor, " d_model"]]:
    """Layer to the sum of squares, by dimension, of the states at the positions 1, 2, ... around their mean."""
    n, sums, squares = 0, dict[int, Tensor](), dict[int, Tensor]()
    for some in in_chunks(rows):
        for layer, h in source.at(some).items():
            y = h[:, 1:].double().flatten(0, 1)
            sums[layer] = sums.get(layer, torch.tensor(0.0)) + y.sum(dim=0)
            squares[layer] = squares.get(layer, torch.tensor(0.0)) + y.square().sum(dim=0)
        n += len(y)
    return {layer: squares[layer] - total.square() / n for layer, total in sums.items()}
