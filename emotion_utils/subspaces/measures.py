"""Subspaces and how they overlap: sound measures with their chance levels, and the reports' own formulas.

A subspace is `components` of shape (k, d_model) with orthonormal rows. Everything is computed in float64, except where
a report's formula says otherwise.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import qr, subspace_angles

from emotion_utils.core.errors import UserError

Rows = Float[np.ndarray, "row d_model"]
Components = Float[np.ndarray, "k d_model"]


def principal_components(values: Rows, k: int, *, centred: bool = True) -> Components:
    """The k directions of largest variance, as orthonormal rows.

    Parameters
    ----------
    values
        Rows are observations.
    k
        At most the rank of the (centred) values.
    centred
        Whether the mean is subtracted first.

    Raises
    ------
    UserError
        For values that are not finite, and where there are fewer than k directions.
    """
    values = _finite(values, "values")
    values = values - values.mean(axis=0) if centred else values
    _, singular, rows = np.linalg.svd(values, full_matrices=False)
    rank = int((singular > _tolerance(values, singular)).sum())
    if not 1 <= k <= rank:
        raise UserError(
            f"A subspace of {k} dimensions was asked of {len(values)} rows that span {rank}: take a k from 1 to "
            f"{rank}, or more prompts."
        )
    return rows[:k]


def emotion_subspace(emotional: Rows, neutral: Float[np.ndarray, "other d_other"], k: int) -> Components:
    """Principal components of paired differences, emotional minus matched neutral, not centred.

    The mean difference, which is the emotion vector, is thus part of the subspace.

    Raises
    ------
    UserError
        Where the rows are not paired, and as :func:`principal_components`.
    """
    if emotional.shape != neutral.shape:
        raise UserError(
            f"Differences need pairs: there are {emotional.shape} emotional and {neutral.shape} neutral values."
        )
    return principal_components(emotional - neutral, k, centred=False)


def orthonormal(rows: Components) -> Components:
    """The same span with orthonormal rows.

    Raises
    ------
    UserError
        For rows that are linearly dependent: they would span less than they claim.
    """
    rows = _finite(rows, "rows")
    q, r, _ = qr(rows.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(r))
    if len(diagonal) < len(rows) or diagonal[-1] <= _tolerance(rows, diagonal):
        rank = int((diagonal > _tolerance(rows, diagonal)).sum())
        raise UserError(f"{len(rows)} rows span only {rank} dimensions: leave the dependent ones out.")
    return np.ascontiguousarray(q.T)


def overlap(one: Components, other: Float[np.ndarray, "m d_other"]) -> float:
    """Mean squared cosine of two subspaces of the same space: ||U Vᵀ||² / min(k_u, k_v), from 0 to 1.

    One where the smaller lies in the larger. Rows need not be orthonormal; they are made so.

    Parameters
    ----------
    one, other
        Shapes (k, d_model) and (m, d_model).

    Returns
    -------
    A share; :func:`overlap_chance` is what unrelated subspaces have.

    Raises
    ------
    UserError
        For subspaces of different widths, and rows that are linearly dependent.

    Examples
    --------
    >>> import numpy as np
    >>> import emotion_utils as eu
    >>> axes = np.eye(6)
    >>> round(eu.overlap(axes[:2], axes[1:3]), 3)
    0.5
    """
    _same_space(one, other)
    crossed = orthonormal(one) @ orthonormal(other).T
    return float((crossed**2).sum() / min(crossed.shape))


def overlap_chance(k_one: int, k_other: int, d_model: int) -> float:
    """Expected :func:`overlap` of subspaces of which one is uniformly random: max(k_u, k_v) / d."""
    return max(k_one, k_other) / d_model


def angle_cosine(one: Components, other: Float[np.ndarray, "m d_other"], top: int = 5) -> float:
    """Mean cosine of the smallest principal angles, as many as `top`."""
    _same_space(one, other)
    cosines = np.cos(subspace_angles(orthonormal(one).T, orthonormal(other).T))
    return float(np.sort(cosines)[::-1][:top].mean())


def angle_cosine_chance(
    k: int, d_model: int, top: int = 5, draws: int = 200, seed: int = 0
) -> Float[np.ndarray, " draw"]:
    """:func:`angle_cosine` of random subspaces of k dimensions; one of them may as well be fixed."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        q, _ = np.linalg.qr(rng.normal(size=(d_model, k)))
        # against the first k axes the cosines are the singular values of the first k rows
        found.append(np.linalg.svd(q[:k], compute_uv=False)[:top].mean())
    return np.array(found)


def published_score(one: Float[np.ndarray, "k d"], other: Float[np.ndarray, "m d"]) -> float:
    """The reports' "cos²": mean over all pairs of rows of the squared inner product, clipped to 1.

    The rows of a mapped basis are no unit vectors, so that the product is no cosine: it grows with the scale of the
    map, and the clip hides by how much. Chance for orthonormal rows is 1/d.
    """
    return float(np.clip((one @ other.T) ** 2, 0, 1).mean())


def published_phase35(
    source_neutral: Rows,
    target_neutral: Float[np.ndarray, "row d_target"],
    source_emotion: Float[np.ndarray, "prompt d_model"],
    target_emotion: Float[np.ndarray, "prompt d_target"],
    k: int,
    *,
    dtype: type[np.floating] = np.float32,
    renormalised: bool = False,
) -> float:
    """Overlap after alignment as Phase 3.5 computes it.

    `resid_pre` at the last token; principal components of the raw emotion activations; an uncentred least-squares map
    W = Yᵀ X pinv(Xᵀ X) from paired neutral rows; :func:`published_score` of the mapped basis with the target's.

    Parameters
    ----------
    source_neutral, target_neutral
        Paired rows.
    source_emotion, target_emotion
        Activations of one emotion.
    k
        Dimensions of both subspaces.
    dtype
        float32 as published. The pseudo-inverse then keeps singular values that are nothing but rounding.
    renormalised
        False as published. True makes the mapped rows orthonormal first, so that no clip is needed.
    """
    x, y = source_neutral.astype(dtype), target_neutral.astype(dtype)
    w = y.T @ x @ np.linalg.pinv(x.T @ x)  # (d_target, d_model)
    basis = principal_components(source_emotion, k).astype(dtype)
    goal = principal_components(target_emotion, k).astype(dtype)
    mapped = basis @ w.T
    return overlap(mapped, goal) if renormalised else published_score(mapped, goal)


def published_rotation(basis: Components, goal: Components, seed: int = 0) -> Components:
    """The rows of a basis after the reports' Procrustes rotation towards another; no longer orthonormal.

    The rows of both are centred, the rotation is made from the singular vectors of their d x d product, and the mean of
    the second basis is added. The singular vectors are multiplied in the order in which the public code does so, which
    is the transpose of the best rotation. The product has a rank below k, so that no more than k - 1 of its d singular
    vectors on either side follow from the bases. Where the rest of the first basis goes, the public code leaves to what
    its library finds among rounding errors; here these directions are drawn, uniformly among those that are left, and
    nothing of d x d is decomposed.

    Parameters
    ----------
    basis, goal
        Orthonormal rows of one width.
    seed
        Of the directions that are drawn.
    """
    centre = goal.mean(axis=0)
    centred = basis - basis.mean(axis=0)
    own, inner = np.linalg.qr(centred.T)
    other, outer = np.linalg.qr((goal - centre).T)
    left, singular, right = np.linalg.svd(inner @ outer.T)
    kept = singular > _tolerance(basis, singular)
    source, target = own @ left[:, kept], other @ right[kept].T  # (d, rank)
    rest, length, _ = np.linalg.svd(centred - centred @ target @ target.T, full_matrices=False)
    beyond = length > _tolerance(basis, np.ones(1))
    stream = np.random.default_rng([seed, 1])  # not that of bases that were drawn from the same seed
    drawn = stream.normal(size=(basis.shape[1], int(beyond.sum())))
    free = np.linalg.qr(drawn - source @ (source.T @ drawn))[0]
    return centred @ target @ source.T + (rest * length)[:, beyond] @ free.T + centre


def published_phase8(
    source_neutral: Rows,
    target_neutral: Float[np.ndarray, "row d_target"],
    source_differences: Float[np.ndarray, "prompt d_model"],
    target_differences: Float[np.ndarray, "prompt d_target"],
    k: int,
) -> tuple[float, float]:
    """Overlap before and after alignment as Phase 8 computes it, with GPT-2 as the source.

    `resid_post` at the emotion word, emotional minus neutral; a centred float64 map W = pinv(T) R from the target to
    the source; :func:`published_score`. Before alignment the target's basis is cut to the source's width.
    """
    r, t = (
        rows - rows.mean(axis=0)
        for rows in (_finite(source_neutral, "source"), _finite(target_neutral, "target"))
    )
    w = np.linalg.pinv(t) @ r  # (d_target, d_model)
    basis = principal_components(source_differences, k)
    goal = principal_components(target_differences, k)
    width = min(basis.shape[1], goal.shape[1])
    return published_score(basis[:, :width], goal[:, :width]), published_score(goal @ w, basis)


def _finite(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise UserError(f"The {what} have the shape {values.shape}: pass rows of one width.")
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise UserError(f"The {what} are not finite in row {row}: leave it out, or read it again in float32.")
    return values


def _tolerance(values: np.ndarray, singular: np.ndarray) -> float:
    return float(singular.max(initial=0.0) * max(values.shape) * np.finfo(np.float64).eps)


def _same_space(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape[1] != other.shape[1]:
        raise UserError(
            f"Subspaces of {one.shape[1]} and {other.shape[1]} dimensions cannot be compared: map one into the other's "
            "space first."
        )
