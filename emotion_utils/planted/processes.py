"""A vector process whose predictable and novel parts are known: the states of a window, without a model.

h_(t+1) = A h_t + B h_(t-3) + noise. What the past predicts of a state is linear in the last four, so that R2 of the
best prediction follows from the autocovariances: in full from position 4 on, and before it from the states that the
window holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_discrete_lyapunov

from emotion_utils.core.errors import UserError

LAG = 4
"""Of the second matrix: B acts on the state four steps before the next one."""


@dataclass(frozen=True, eq=False)
class VectorProcess:
    """A stationary Gaussian process with states of some dimensions.

    Attributes
    ----------
    near, far
        A and B: what the last state and the one three before it add to the next.
    noise
        Covariance of what is new in each state.
    mean
        Of the states.

    Raises
    ------
    UserError
        Where it would grow without bound.
    """

    near: Float[np.ndarray, "d_model d_model"] = field(repr=False)
    far: Float[np.ndarray, "d_model d_model"] = field(repr=False)
    noise: Float[np.ndarray, "d_model d_model"] = field(repr=False)
    mean: Float[np.ndarray, " d_model"] = field(repr=False)

    def __post_init__(self) -> None:
        largest = float(np.abs(np.linalg.eigvals(self.companion)).max())
        if largest >= 1:
            raise UserError(
                f"The process grows by the factor {largest:.3f} in each step: choose smaller matrices near and far."
            )

    @property
    def width(self) -> int:
        """d_model."""
        return len(self.near)

    @property
    def companion(self) -> Float[np.ndarray, "stacked stacked"]:
        """One step of the last four states, stacked, the newest first."""
        d = self.width
        step = np.eye(LAG * d, k=-d)
        step[:d, :d], step[:d, -d:] = self.near, self.far
        return step

    def autocovariance(self) -> Float[np.ndarray, "stacked stacked"]:
        """Covariance of the last four states, stacked; its first block is that of one state."""
        new = np.zeros((LAG * self.width,) * 2)
        new[: self.width, : self.width] = self.noise
        return np.asarray(solve_discrete_lyapunov(self.companion, new))

    def r2_at(self, position: int) -> float:
        """R2, pooled over dimensions, of the best prediction of a state from those of the window before it.

        Parameters
        ----------
        position
            From 1 on; from 4 on it is the same.

        Raises
        ------
        UserError
            For position 0, before which there is no state.
        """
        if position < 1:
            raise UserError(f"No state stands before position {position}: choose a position from 1 on.")
        d, seen = self.width, min(position, LAG) * self.width
        covariance = self.autocovariance()
        ahead = (self.companion @ covariance)[:d]  # of the next state with the last four
        known = covariance[:seen, :seen]
        explained = ahead[:, :seen] @ np.linalg.solve(known, ahead[:, :seen].T)
        return float(np.trace(explained) / np.trace(covariance[:d, :d]))

    def r2(self, length: int) -> float:
        """R2, pooled over dimensions and over the positions 1, 2, ... of windows of so many states."""
        return float(np.mean([self.r2_at(position) for position in range(1, length)]))

    def draw(
        self, windows: int, length: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "window position d_model"]:
        """Independent windows of the stationary process."""
        d = self.width
        stacked = rng.multivariate_normal(
            np.zeros(LAG * d), self.autocovariance(), size=windows, method="eigh"
        )
        new = rng.multivariate_normal(np.zeros(d), self.noise, size=(windows, length))
        found = np.empty((windows, length, d))
        for t in range(length):
            # the newest state first, the oldest one forgotten
            fresh = stacked[:, :d] @ self.near.T + stacked[:, -d:] @ self.far.T + new[:, t]
            stacked = np.concatenate([fresh, stacked[:, :-d]], axis=1)
            found[:, t] = fresh
        return found + self.mean


def random_process(
    width: int, rng: np.random.Generator, *, near: float = 0.6, far: float = 0.3, massive: float = 0.0
) -> VectorProcess:
    """A process whose matrices are random rotations, shortened.

    Parameters
    ----------
    width
        d_model.
    rng
    near, far
        What both matrices shorten a state to; together below 1.
    massive
        Factor of the first dimension, which also gets so large a mean; 0 for none.
    """
    a, b = (np.linalg.qr(rng.normal(size=(width, width)))[0] for _ in range(2))
    mixed = rng.normal(size=(width, width)) / np.sqrt(width)
    noise = mixed @ mixed.T + 0.5 * np.eye(width)
    scale, mean = np.ones(width), rng.normal(size=width)
    if massive:
        scale[0], mean[0] = massive, massive * 100
    # the same process in other units of its first dimension
    turned = [scale[:, None] * matrix / scale for matrix in (near * a, far * b)]
    return VectorProcess(turned[0], turned[1], scale[:, None] * noise * scale, mean)


def shuffled_in_time(
    states: Float[np.ndarray, "window position d_model"], rng: np.random.Generator
) -> Float[np.ndarray, "window position d_model"]:
    """The states of each position in a random order of windows: nothing is left to predict but the mean.

    An order within each window would leave its own mean, which the states before tell something of.
    """
    return np.stack(
        [states[rng.permutation(len(states)), at] for at in range(states.shape[1])],
        axis=1,
    )
