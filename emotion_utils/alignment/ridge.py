"""Maps between two models' states, and all that is needed to score them under thousands of other pairings at once.

A ridge map from rows X to paired rows Y has the dual form W = Xᵀ (X Xᵀ + λ)⁻¹ Y: it is linear in Y, and the pairing of
the rows enters through Y alone. What a subspace of X, a held-out row or a probe becomes under the map is therefore a
fixed matrix times a permutation of Y, so that the null of ten thousand other pairings takes no refit. λ is given
relative to the mean eigenvalue of X Xᵀ, which makes every score independent of the scale of either model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.model_selection import GroupKFold

from emotion_utils.core.errors import UserError

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""λ over the mean eigenvalue of X Xᵀ."""
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted source: everything about the map but the pairing.

    Attributes
    ----------
    rows
        Centred neutral rows of the source, shape (n, d_source), in units of their root mean square.
    mean
        What was subtracted.
    scale
        What they were divided by.
    penalty
        Relative λ.
    """

    rows: Float[np.ndarray, "n d_source"] = field(repr=False)
    mean: Float[np.ndarray, " d_source"] = field(repr=False)
    scale: float
    penalty: float

    @classmethod
    def fit(cls, rows: Float[np.ndarray, "n d_source"], penalty: float) -> Ridge:
        """Centre and scale the source rows.

        Raises
        ------
        UserError
            For fewer than three rows, rows that are all equal, or values that are not finite.
        """
        values = _finite(rows)
        if len(values) < 3:
            raise UserError(f"A map needs at least 3 paired rows: there are {len(values)}.")
        mean = values.mean(axis=0)
        centred = values - mean
        scale = float(np.sqrt((centred**2).mean()))
        # the mean of equal rows is off by as much as the rounding of so many sums
        if scale <= len(values) * np.finfo(np.float64).eps * float(np.abs(values).max(initial=0.0)):
            raise UserError("All rows to fit a map on are equal: take other prompts, or another layer.")
        return cls(centred / scale, mean, scale, penalty)

    def dual(
        self, points: Float[np.ndarray, "m d_source"], *, vectors: bool = False
    ) -> Float[np.ndarray, "m n"]:
        """What turns target rows into the images of points: image = dual @ Y.

        Parameters
        ----------
        points
            States of the source, or directions.
        vectors
            Whether they are directions, which are not centred.

        Raises
        ------
        UserError
            For points that are not finite.
        """
        points = _finite(points)
        moved = (points if vectors else points - self.mean) / self.scale
        return dual_weights(self.rows, moved @ self.rows.T, self.penalty)


def _finite(rows: np.ndarray) -> np.ndarray:
    values = np.asarray(rows, dtype=np.float64)
    if not np.isfinite(values).all():
        bad = int(np.argwhere(~np.isfinite(values))[0][0])
        raise UserError(f"A map needs finite rows: row {bad} is not; leave it out of both models.")
    return values


def dual_weights(
    rows: Float[np.ndarray, "n d"], products: Float[np.ndarray, "m n"], penalty: float
) -> Float[np.ndarray, "m n"]:
    """Give products (K + λ)⁻¹ with K = X Xᵀ and λ = penalty x trace(K) / n, by one symmetric decomposition."""
    values, vectors = np.linalg.eigh(rows @ rows.T)
    ridge = penalty * float(values.sum()) / len(rows)
    return ((products @ vectors) / (np.maximum(values, 0) + ridge)) @ vectors.T


def held_out_hat(
    rows: Float[np.ndarray, "n d"], groups: np.ndarray, penalty: float
) -> Float[np.ndarray, "n n"]:
    """The matrix that predicts each target row from target rows of other groups: Ŷ = hat @ Y.

    Each fold is centred on its own training rows, in both models.

    Raises
    ------
    UserError
        For rows that are not finite, fewer than two families, and as :meth:`Ridge.fit` in every fold.
    """
    values = _finite(rows)
    n = len(values)
    hat = np.zeros((n, n))
    splits = min(FOLDS, len(set(groups)))
    if splits < 2:
        raise UserError("Held-out rows need at least two template families: there is one.")
    for train, test in GroupKFold(splits).split(values, groups=groups):
        fitted = Ridge.fit(values[train], penalty)
        part = fitted.dual(values[test])
        # prediction = mean(Y_train) + part @ (Y_train - mean)
        hat[np.ix_(test, train)] = part + (1 - part.sum(axis=1, keepdims=True)) / len(train)
    return hat


def r_squared(
    hats: Float[np.ndarray, "a n n"], targets: Float[np.ndarray, "b n n"], orders: Int[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw a b"]:
    """Held-out R² of all sources and targets under all pairings.

    Parameters
    ----------
    hats
        From :func:`held_out_hat`, one per source layer.
    targets
        Gram matrices Y Yᵀ of the centred target rows, one per target layer.
    orders
        Pairings: row i of the source goes with row ``orders[., i]`` of the target.

    Returns
    -------
    1 - ||Y - hat Y||² / ||Y||²; the sums over d_target are hidden in the Gram matrices.

    Raises
    ------
    UserError
        For targets without any spread.
    """
    n, total = hats.shape[1], np.trace(targets, axis1=1, axis2=2)
    if not (total > 0).all():
        raise UserError(
            "The target's rows are all equal, or not finite: take other prompts, or another layer."
        )
    rows, columns = np.triu_indices(n)  # both factors are symmetric: half of the entries are enough
    missed = np.eye(n) - hats
    cost = (missed.transpose(0, 2, 1) @ missed)[:, rows, columns] * np.where(rows == columns, 1, 2)
    # targets last, so that one entry of all of them is read at once
    entries = np.ascontiguousarray(targets.transpose(1, 2, 0)).reshape(n * n, -1)
    missing = [cost @ entries[order[rows] * n + order[columns]] for order in orders]
    return 1 - np.stack(missing) / total


def permute_pairing(groups: np.ndarray, n: int, seed: int) -> Int[np.ndarray, "draw row"]:
    """Other pairings of rows that come in groups: groups of equal size change places, and rows inside a group.

    Rows of one template resemble each other in every model. A permutation that tore them apart would make the null
    easier to beat than chance, so that groups are kept together.

    Returns
    -------
    For each draw the number of the row that takes each place.
    """
    rng = np.random.default_rng(seed)
    codes = pd.factorize(np.asarray(groups), use_na_sentinel=False)[0]
    members = [np.flatnonzero(codes == code) for code in range(codes.max(initial=-1) + 1)]
    orders = np.empty((n, len(codes)), dtype=np.int64)
    for size in sorted({len(rows) for rows in members}):
        same = np.stack([rows for rows in members if len(rows) == size])  # (group, place inside)
        taken = rng.permuted(np.broadcast_to(np.arange(len(same)), (n, len(same))), axis=1)
        inside = rng.permuted(np.broadcast_to(np.arange(size), (n, *same.shape)), axis=2)
        orders[:, same] = same[taken[:, :, None], inside]
    return orders
