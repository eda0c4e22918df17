"""Maps: each agrees with another way to compute it, finds what was planted, and refuses what it cannot use."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eigh
from sklearn.cross_decomposition import CCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from statsmodels.multivariate.cancorr import CanCorr

from emotion_utils.alignment.align import PENALTY
from emotion_utils.alignment.maps import (
    MAPS,
    RANK,
    Space,
    canonical,
    checked,
    folds,
    kernel,
    procrustes,
    reduced_rank,
)
from emotion_utils.alignment.ridge import PENALTIES
from emotion_utils.core.errors import UserError

GROUPS = np.repeat(np.arange(15), 4)
KINDS = list(MAPS)


def rows(seed: int, n: int = 60, d: int = 20, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    inner = rank or d
    return rng.normal(size=(n, inner)) @ rng.normal(size=(inner, d)) + 5 * rng.normal(size=d)


def fit(kind, x, y, groups):
    return MAPS[kind][1](checked(x), groups)(checked(y))


def rotation(d: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def alpha(x: np.ndarray, penalty: float = PENALTY) -> float:
    """What scikit-learn calls the penalty, for rows as they are."""
    return penalty * ((x - x.mean(axis=0)) ** 2).sum() / len(x)


def test_ridge_is_that_of_scikit_learn():
    x, y, new = rows(0), rows(1, d=13), rows(2, n=7)
    expected = SklearnRidge(alpha=alpha(x)).fit(x, y).predict(new)
    assert fit("ridge", x, y, GROUPS)(new) == pytest.approx(expected, abs=1e-8)


def test_the_nested_penalty_is_the_one_of_a_brute_force():
    chosen = set()
    for seed, noise in enumerate((0.01, 0.3, 1.0, 3.0, 10.0)):
        rng = np.random.default_rng(seed)
        x = rows(seed, d=30)
        y = (x - x.mean(axis=0)) @ rng.normal(size=(30, 12)) + 5 * noise * rng.normal(size=(60, 12))
        scores = []
        for penalty in PENALTIES:
            missed = [
                y[test]
                - SklearnRidge(alpha=alpha(x[train], penalty)).fit(x[train], y[train]).predict(x[test])
                for train, test in folds(GROUPS)
            ]
            scores.append(sum((part**2).sum() for part in missed))
        best = PENALTIES[int(np.argmin(scores))]
        expected = SklearnRidge(alpha=alpha(x, best)).fit(x, y)
        assert fit("nested", x, y, GROUPS)(x[:5]) == pytest.approx(expected.predict(x[:5]), abs=1e-7)
        chosen.add(best)
    assert len(chosen) >= 3  # the cases differ, so that agreement is not a constant


@pytest.mark.parametrize("width", [26, 90])
def test_reduced_rank_is_the_ridge_solution_cut_by_an_explicit_svd(width):
    """Of targets with fewer dimensions than rows, and with more."""
    x, y = rows(3), rows(4, d=width)
    a = alpha(x)
    centred = x - x.mean(axis=0)
    coefficients = SklearnRidge(alpha=a).fit(x, y).coef_.T
    augmented = np.concatenate([centred, np.sqrt(a) * np.eye(20)])
    for rank in (1, 4, 20):
        _, _, v = np.linalg.svd(augmented @ coefficients, full_matrices=False)
        expected = coefficients @ v[:rank].T @ v[:rank]
        found = reduced_rank(x, GROUPS, rank)(y).coefficients
        assert found == pytest.approx(expected, abs=1e-8)
        assert np.linalg.matrix_rank(found, tol=1e-8) == rank


def test_reduced_rank_is_no_worse_than_any_other_map_of_its_rank():
    """Its penalised error is least: random maps of the same rank, refitted on the output side, never reach it."""
    x, y = rows(5), rows(6, d=15)
    a, centred, goal = alpha(x), x - x.mean(axis=0), y - y.mean(axis=0)

    def cost(b):
        return ((goal - centred @ b) ** 2).sum() + a * (b**2).sum()

    ours = cost(reduced_rank(x, GROUPS, 3)(y).coefficients)
    full = np.linalg.solve(centred.T @ centred + a * np.eye(20), centred.T @ goal)
    rng = np.random.default_rng(0)
    for _ in range(50):
        v = np.linalg.qr(rng.normal(size=(15, 3)))[0]
        assert cost(full @ v @ v.T) > ours


@pytest.mark.parametrize("scale", [1 / 128, 1.0, 128.0])
def test_procrustes_recovers_a_planted_rotation_and_its_scale(scale):
    x, new = rows(7), rows(8, n=9)
    turn = rotation(20)
    fitted = procrustes(x, GROUPS)(scale * (x @ turn) + 3)
    assert fitted.coefficients == pytest.approx(scale * turn, abs=1e-8 * scale)
    assert fitted(new) == pytest.approx(scale * (new @ turn) + 3, abs=1e-8 * max(scale, 1))


def test_procrustes_recovers_a_rotation_into_a_wider_model():
    x, new = rows(9, rank=8), rows(9, rank=8)[:4] * 2
    wide = np.concatenate([rotation(20, 1), np.zeros((20, 12))], axis=1) @ rotation(32, 2)
    new = 2 * x[:4] - x[4:8]  # within what the rows span
    assert procrustes(x, GROUPS)(x @ wide)(new) == pytest.approx(new @ wide, abs=1e-8)


def test_canonical_correlations_are_those_of_statsmodels_and_of_the_closed_form():
    rng = np.random.default_rng(10)
    x = rows(10, d=6)
    y = x[:, :4] + 4 * rng.normal(size=(60, 4))
    space, goal = Space.of(x), Space.of(y)
    fitted = canonical(x, GROUPS, rank=2, penalty=0.0)(y)
    # between whitened coordinates the map has the correlations as its singular values
    left, right = (np.linalg.svd(s(v), full_matrices=False)[1] for s, v in ((space, x), (goal, y)))
    inner = space.basis @ fitted.coefficients @ goal.basis.T * space.scale / goal.scale
    found = np.linalg.svd(inner * left[:, None] / right)[1][:3]
    expected = CanCorr(y - y.mean(axis=0), x - x.mean(axis=0)).cancorr
    assert found == pytest.approx([*expected[:2], 0.0], abs=1e-8)
    cx, cy = x - x.mean(axis=0), y - y.mean(axis=0)
    cross = cx.T @ cy
    squares = eigh(cross @ np.linalg.solve(cy.T @ cy, cross.T), cx.T @ cx, eigvals_only=True)[::-1]
    assert found[:2] ** 2 == pytest.approx(squares[:2], abs=1e-8)


def test_canonical_images_are_predictions_of_scikit_learn():
    rng = np.random.default_rng(11)
    x = rows(11, d=5)
    y = x[:, :3] @ rng.normal(size=(3, 4)) + rng.normal(size=(60, 4))
    whole = canonical(x, GROUPS, rank=4, penalty=0.0)(y)
    assert whole(x) == pytest.approx(LinearRegression().fit(x, y).predict(x), abs=1e-8)
    variates = CCA(n_components=2, scale=False, tol=1e-12, max_iter=10_000).fit(x, y)
    # the image in the target's first two variates is the source's, times the correlation
    own, theirs = variates.transform(x, y)
    ours = canonical(x, GROUPS, rank=2, penalty=0.0)(y)(x)
    for i in range(2):
        seen = variates.transform(x, ours)[1][:, i]
        assert np.corrcoef(seen, own[:, i])[0, 1] == pytest.approx(1, abs=1e-6)
        expected = np.corrcoef(own[:, i], theirs[:, i])[0, 1]
        assert seen.std() / theirs[:, i].std() == pytest.approx(expected, abs=1e-5)


def test_kernel_ridge_is_that_of_scikit_learn():
    x, y, new = rows(12), rows(13, d=9), rows(14, n=6)
    fitted = kernel(x, GROUPS)(y)
    scale = np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean())
    own, moved = ((v - x.mean(axis=0)) / scale for v in (x, new))
    squares = [((a - b) ** 2).sum() for i, a in enumerate(own) for b in own[:i]]

    def similar(points):
        return linear_kernel(points, own) + rbf_kernel(points, own, gamma=1 / (2 * np.median(squares)))

    peer = KernelRidge(alpha=2 * PENALTY, kernel="precomputed").fit(similar(own), y - y.mean(axis=0))
    assert fitted(new) == pytest.approx(peer.predict(similar(moved)) + y.mean(axis=0), abs=1e-8)


def test_only_the_kernel_finds_what_is_not_linear():
    rng = np.random.default_rng(15)
    x = rng.normal(size=(200, 3))
    groups = np.arange(200)
    y = np.stack([x[:, 0] ** 2, x[:, 1] * x[:, 2], np.abs(x[:, 2])], axis=1)
    train, test = np.arange(150), np.arange(150, 200)
    left = {
        kind: ((fit(kind, x[train], y[train], groups[train])(x[test]) - y[test]) ** 2).sum()
        / ((y[test] - y[train].mean(axis=0)) ** 2).sum()
        for kind in MAPS
    }
    assert left.pop("kernel") < 0.6
    assert min(left.values()) > 0.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [1 / 128, 128.0])
def test_the_unit_of_a_model_changes_its_side_alone(kind, factor):
    x, y, new = rows(16), rows(17, d=12), rows(18, n=5)
    base = fit(kind, x, y, GROUPS)(new)
    assert fit(kind, factor * x, y, GROUPS)(factor * new) == pytest.approx(base, rel=1e-9)
    assert fit(kind, x, factor * y, GROUPS)(new) == pytest.approx(factor * base, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_depends_neither_on_the_order_of_the_rows_nor_on_the_origin(kind):
    x, y, new = rows(19), rows(20, d=12), rows(21, n=5)
    base = fit(kind, x, y, GROUPS)(new)
    order = np.random.default_rng(0).permutation(60)
    turned = fit(kind, x[order], y[order], GROUPS[order])(new)
    if kind != "nested":  # whose folds follow the order of the families
        assert turned == pytest.approx(base, abs=1e-7)
    moved = fit(kind, x + 100, y - 7, GROUPS)(new + 100)
    assert moved == pytest.approx(base - 7, abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("d", "rank"), [(90, None), (20, 3)])
def test_fewer_rows_than_dimensions_and_rows_of_low_rank_give_finite_images(kind, d, rank):
    x, y, new = rows(22, d=d, rank=rank), rows(23, d=d + 5, rank=rank), rows(24, n=6, d=d)
    image = fit(kind, x, y, GROUPS)(new)
    assert image.shape == (6, d + 5)
    assert np.isfinite(image).all()
    # images stay within what the target's rows span
    _, singular, basis = np.linalg.svd(y - y.mean(axis=0), full_matrices=False)
    kept = basis[singular > singular[0] * 1e-10]
    inside = image - y.mean(axis=0)
    assert inside @ kept.T @ kept == pytest.approx(inside, abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_mapped_onto_itself(kind):
    x = rows(25, d=8)
    error = ((fit(kind, x, x, GROUPS)(x) - x) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert error < 0.1
    assert RANK >= 8  # so that no kind had to leave anything out


@pytest.mark.parametrize("kind", KINDS)
def test_unusual_rows_are_refused_in_words(kind):
    x, y = rows(26), rows(27)
    broken = x.copy()
    broken[7, 2] = np.nan
    for one, other in ((broken, y), (y, broken)):
        with pytest.raises(UserError, match="row 7 is not"):
            fit(kind, one, other, GROUPS)
    with pytest.raises(UserError, match="are equal"):
        fit(kind, np.ones((60, 20)), y, GROUPS)
    with pytest.raises(UserError, match="are equal"):
        fit(kind, x, np.full((60, 20), 3.0), GROUPS)
    with pytest.raises(UserError, match="the source has 60 and the target 59"):
        fit(kind, x, y[:-1], GROUPS)
    with pytest.raises(UserError, match="at least 3 paired rows"):
        fit(kind, x[:2], y[:2], GROUPS[:2])


def test_what_cannot_be_divided_keeps_the_fixed_penalty_or_is_refused():
    x, y = rows(28, n=3), rows(29, n=3)
    groups = np.arange(3)
    assert fit("nested", x, y, groups)(x) == pytest.approx(fit("ridge", x, y, groups)(x))
    with pytest.raises(UserError, match="two template families"):
        list(folds(np.zeros(5)))
    with pytest.raises(UserError, match="half of all pairs"):
        kernel(np.concatenate([np.ones((9, 4)), np.zeros((1, 4))]), np.arange(10))
