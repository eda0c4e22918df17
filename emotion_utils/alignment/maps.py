"""Maps from the states of one model to those of another, of six kinds, fitted on paired rows.

A kind is a function of the source's rows that gives a function of the target's: what depends on the source alone is
computed once, and a fit to another pairing of the rows costs little. No kind depends on the unit of either model, and
no width has to equal the other. Ranks, dimensions and penalties were fixed beforehand, except where a kind is there to
choose its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cho_factor, cho_solve, orthogonal_procrustes
from scipy.spatial.distance import cdist, pdist
from sklearn.model_selection import GroupKFold

from emotion_utils.alignment.align import PENALTY
from emotion_utils.alignment.ridge import FOLDS, PENALTIES, Ridge, held_out_hat
from emotion_utils.core.errors import UserError

DIMENSIONS = 20
"""Principal components of each model in which Procrustes and CCA work."""
RANK = 10
"""Rank of the reduced regression, and number of canonical pairs."""
FEWEST_ROWS = 3
"""That a ridge can be fitted to."""

Rows = Float[np.ndarray, "row d_source"]
Paired = Float[np.ndarray, "row d_target"]


@dataclass(frozen=True, eq=False)
class Affine:
    """A linear map between centred states.

    Attributes
    ----------
    mean
        Of the source's rows.
    coefficients
        Shape (d_source, d_target).
    goal
        Mean of the target's rows.
    """

    mean: Float[np.ndarray, " d_source"] = field(repr=False)
    coefficients: Float[np.ndarray, "d_source d_target"] = field(repr=False)
    goal: Float[np.ndarray, " d_target"] = field(repr=False)

    def __call__(self, points: Float[np.ndarray, "m d_source"]) -> Float[np.ndarray, "m d_target"]:
        """Images of states."""
        return (points - self.mean) @ self.coefficients + self.goal


@dataclass(frozen=True, eq=False)
class Kernel:
    """A nonlinear map: a linear one plus a weighted sum of Gaussian bumps, one at each row that it was fitted on.

    Bumps alone would send states far from all rows to the mean, and emotional states are far from neutral rows.

    Attributes
    ----------
    rows
        Of the source, centred, in units of their root mean square length.
    mean, scale
        What was subtracted, and what they were divided by.
    width
        Squared distance over which a bump falls to 1/e.
    weights
        Of the rows, shape (row, d_target).
    goal
        Mean of the target's rows.
    """

    rows: Rows = field(repr=False)
    mean: Float[np.ndarray, " d_source"] = field(repr=False)
    scale: float
    width: float
    weights: Paired = field(repr=False)
    goal: Float[np.ndarray, " d_target"] = field(repr=False)

    def __call__(self, points: Float[np.ndarray, "m d_source"]) -> Float[np.ndarray, "m d_target"]:
        """Images of states."""
        return (
            _similarity((points - self.mean) / self.scale, self.rows, self.width) @ self.weights + self.goal
        )


@dataclass(frozen=True, eq=False)
class Space:
    """Principal components of rows, in units of their root mean square length.

    Attributes
    ----------
    mean
        Of the rows.
    basis
        Orthonormal rows.
    scale
        Root mean square length of the centred rows.
    """

    mean: Float[np.ndarray, " d"] = field(repr=False)
    basis: Float[np.ndarray, "k d"] = field(repr=False)
    scale: float

    @classmethod
    def of(cls, rows: Float[np.ndarray, "row d"]) -> Space:
        """The first :data:`DIMENSIONS` components, or as many as the rows have."""
        mean = rows.mean(axis=0)
        _, singular, basis = np.linalg.svd(rows - mean, full_matrices=False)
        kept = min(DIMENSIONS, int((singular > singular[0] * 1e-10).sum()))
        return cls(mean, basis[:kept], float(np.sqrt((singular**2).sum() / len(rows))))

    def __call__(self, points: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m k"]:
        """Coordinates of states."""
        return (points - self.mean) @ self.basis.T / self.scale


Fitted = Affine | Kernel
Fitter = Callable[[np.ndarray], Fitted]


def folds(groups: np.ndarray) -> Iterator[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]]:
    """Train and test rows, whole template families at a time; the folds of `ridge.held_out_hat`."""
    families = len(set(groups))
    if families < 2:
        raise UserError("Held-out rows need at least two template families: there is one.")
    yield from GroupKFold(min(FOLDS, families)).split(groups, groups=groups)


def ridge(rows: Rows, groups: np.ndarray) -> Fitter:
    """Ridge regression with the penalty of :func:`emotion_utils.alignment.align.align`."""
    inverse = _inverse(rows, PENALTY)

    def fitter(target: Paired) -> Affine:
        centred, goal = _centred(target, rows)
        return Affine(rows.mean(axis=0), inverse @ centred, goal)

    return fitter


def nested_ridge(rows: Rows, groups: np.ndarray) -> Fitter:
    """Ridge regression whose penalty predicts other families best, by folds within the rows that it is fitted on.

    Rows that are too few to be divided keep the fixed penalty.
    """
    if not _divisible(groups):
        return ridge(rows, groups)
    inverses = [_inverse(rows, penalty) for penalty in PENALTIES]
    missed = [np.eye(len(rows)) - held_out_hat(rows, groups, penalty) for penalty in PENALTIES]
    costs = np.stack([(m.T @ m).ravel() for m in missed])  # (penalty, row x row)

    def fitter(target: Paired) -> Affine:
        centred, goal = _centred(target, rows)
        chosen = int((costs @ (centred @ centred.T).ravel()).argmin())
        return Affine(rows.mean(axis=0), inverses[chosen] @ centred, goal)

    return fitter


def reduced_rank(rows: Rows, groups: np.ndarray, rank: int = RANK) -> Fitter:
    """Reduced-rank ridge regression: the best map of few dimensions under the same penalty.

    The ridge solution, projected on the principal components of its fitted values (A. Mukherjee and J. Zhu,
    "Reduced rank ridge regression and its kernel extensions", 2011), those of the rows that stand for the penalty
    included.
    """
    inverse = _inverse(rows, PENALTY)
    values, vectors = np.linalg.eigh((rows - rows.mean(axis=0)) @ inverse)
    root = vectors * np.sqrt(np.maximum(values, 0.0))  # its rows' inner products are the hat matrix

    def fitter(target: Paired) -> Affine:
        centred, goal = _centred(target, rows)
        # as many directions as rows at most, however wide the target is
        kept = np.linalg.svd(root.T @ centred, full_matrices=False)[2][:rank].T
        return Affine(rows.mean(axis=0), inverse @ centred @ kept @ kept.T, goal)

    return fitter


def procrustes(rows: Rows, groups: np.ndarray) -> Fitter:
    """Rotation or reflection of the source's principal components into the target's, and one change of scale."""
    space = Space.of(checked(rows))
    coordinates = space(rows)

    def fitter(target: Paired) -> Affine:
        _centred(target, rows)
        goal = Space.of(target)
        shared = min(len(space.basis), len(goal.basis))
        own = coordinates[:, :shared]
        turn, length = orthogonal_procrustes(own, goal(target)[:, :shared])
        return _between(space, turn * length / (own**2).sum(), goal)

    return fitter


def canonical(rows: Rows, groups: np.ndarray, rank: int = RANK, penalty: float = PENALTY) -> Fitter:
    """Canonical correlation analysis of principal components, with a ridge on both (H. D. Vinod, 1976).

    The image has the canonical variates of the state, each times its correlation. With all variates and no penalty this
    would be least squares; what makes it another map is that it keeps the few that correlate most.
    """
    space = Space.of(checked(rows))
    own = space(rows)
    left = _whitening(own, penalty)

    def fitter(target: Paired) -> Affine:
        _centred(target, rows)
        goal = Space.of(target)
        theirs = goal(target)
        right = _whitening(theirs, penalty)
        u, correlations, v = np.linalg.svd(left[:, None] * (own.T @ theirs) * right, full_matrices=False)
        kept = u[:, :rank] * correlations[:rank] @ v[:rank]
        return _between(space, left[:, None] * kept / right, goal)

    return fitter


def kernel(rows: Rows, groups: np.ndarray) -> Fitter:
    """Kernel ridge regression: a linear kernel plus Gaussian bumps as wide as the median distance of two rows."""
    mean = checked(rows).mean(axis=0)
    scale = float(np.sqrt(((rows - mean) ** 2).sum() / len(rows)))
    own = (rows - mean) / scale
    width = 2 * float(np.median(pdist(own, "sqeuclidean")))
    if width == 0:
        raise UserError(
            "More than half of all pairs of rows are equal: take other prompts, or another layer."
        )
    similar = _similarity(own, own, width)
    factor = cho_factor(similar + PENALTY * np.trace(similar) / len(own) * np.eye(len(own)))

    def fitter(target: Paired) -> Kernel:
        centred, goal = _centred(target, rows)
        return Kernel(own, mean, scale, width, cho_solve(factor, centred), goal)

    return fitter


MAPS: Mapping[str, tuple[str, Callable[[np.ndarray, np.ndarray], Fitter]]] = {
    "ridge": ("ridge", ridge),
    "nested": ("ridge, nested penalty", nested_ridge),
    "reduced": ("reduced rank", reduced_rank),
    "procrustes": ("Procrustes", procrustes),
    "cca": ("CCA", canonical),
    "kernel": ("kernel ridge (nonlinear)", kernel),
}
"""By key: what a kind is called, and the function that fits it."""


def checked(rows: Rows) -> Rows:
    """The rows in float64, or a `UserError`: for fewer than three, all equal, or not finite."""
    Ridge.fit(rows, PENALTY)
    return np.asarray(rows, dtype=np.float64)


def _centred(
    target: Float[np.ndarray, "paired d_target"], rows: Rows
) -> tuple[Float[np.ndarray, "paired d_target"], Float[np.ndarray, " d_target"]]:
    if len(target) != len(rows):
        raise UserError(
            f"A map needs paired rows: the source has {len(rows)} and the target {len(target)}. Read both on the same "
            "prompts."
        )
    checked(target)
    mean = target.mean(axis=0)
    return target - mean, mean


def _inverse(rows: Rows, penalty: float) -> Float[np.ndarray, "d_source row"]:
    """What turns centred target rows into the coefficients of a ridge map."""
    return Ridge.fit(rows, penalty).dual(np.eye(rows.shape[1]), vectors=True)


def _divisible(groups: np.ndarray) -> bool:
    return len(set(groups)) >= 2 and min(len(train) for train, _ in folds(groups)) >= FEWEST_ROWS


def _between(space: Space, turn: Float[np.ndarray, "a b"], goal: Space) -> Affine:
    """A map of the first coordinates of one space to those of another."""
    a, b = turn.shape
    coefficients = space.basis[:a].T @ turn @ goal.basis[:b] * (goal.scale / space.scale)
    return Affine(space.mean, coefficients, goal.mean)


def _whitening(coordinates: Float[np.ndarray, "row k"], penalty: float) -> Float[np.ndarray, " k"]:
    """Of principal coordinates, which do not correlate: one factor each."""
    squares = (coordinates**2).sum(axis=0)
    whitening: np.ndarray = 1 / np.sqrt(squares + penalty * squares.mean())
    return whitening


def _similarity(
    points: Float[np.ndarray, "m d"], rows: Float[np.ndarray, "n d"], width: float
) -> Float[np.ndarray, "m n"]:
    """Inner products plus bumps; both are 1 on average for a row with itself."""
    similar: np.ndarray = points @ rows.T + np.exp(-cdist(points, rows, "sqeuclidean") / width)
    return similar
