"""Subspaces against SciPy and scikit-learn, analytic chance levels, and the reports' formulas letter by letter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orth, subspace_angles
from sklearn.decomposition import PCA

from emotion_utils.calibration.rotation import rotated
from emotion_utils.core.errors import UserError
from emotion_utils.subspaces.measures import (
    angle_cosine,
    angle_cosine_chance,
    emotion_subspace,
    orthonormal,
    overlap,
    overlap_chance,
    principal_components,
    published_phase8,
    published_phase35,
    published_rotation,
    published_score,
)

RNG = np.random.default_rng(0)


def basis(k: int, d: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, k)))[0].T


def test_principal_components_are_those_of_scikit_learn():
    values = RNG.normal(size=(40, 12)) * np.arange(12, 0, -1) + 5
    ours, theirs = principal_components(values, 4), PCA(4, svd_solver="full").fit(values).components_
    assert np.abs((ours * theirs).sum(axis=1)) == pytest.approx(np.ones(4), abs=1e-10)
    assert ours @ ours.T == pytest.approx(np.eye(4), abs=1e-12)


def test_an_emotion_subspace_holds_the_mean_difference():
    neutral = RNG.normal(size=(30, 10))
    emotional = neutral + 4 * basis(1, 10, 1) + 0.1 * RNG.normal(size=(30, 10))
    found = emotion_subspace(emotional, neutral, 2)
    mean = (emotional - neutral).mean(axis=0)
    assert np.linalg.norm(found @ (mean / np.linalg.norm(mean))) > 0.999


@pytest.mark.parametrize(("k", "m"), [(3, 3), (2, 5), (5, 2)])
def test_overlap_and_angles_are_those_of_scipy(k, m):
    one, other = RNG.normal(size=(k, 20)), RNG.normal(size=(m, 20))
    cosines = np.cos(subspace_angles(one.T, other.T))
    assert overlap(one, other) == pytest.approx((cosines**2).sum() / min(k, m), abs=1e-6)
    assert angle_cosine(one, other, top=2) == pytest.approx(np.sort(cosines)[::-1][:2].mean(), abs=1e-6)
    assert overlap(one, one) == pytest.approx(1)
    projections = orth(one.T) @ orth(one.T).T, orth(other.T) @ orth(other.T).T
    assert overlap(one, other) == pytest.approx(
        np.trace(projections[0] @ projections[1]) / min(k, m), abs=1e-6
    )


def test_a_smaller_subspace_inside_a_larger_one_overlaps_it_wholly():
    large = basis(6, 20, 2)
    assert overlap(large[:2] * 7, large) == pytest.approx(1)


def test_chance_levels_are_those_of_random_subspaces():
    drawn = [overlap(basis(5, 64, seed), basis(8, 64, 1000 + seed)) for seed in range(200)]
    assert np.mean(drawn) == pytest.approx(overlap_chance(5, 8, 64), rel=0.05)
    assert overlap_chance(5, 8, 64) == 8 / 64
    angles = [angle_cosine(basis(10, 100, seed), basis(10, 100, 1000 + seed)) for seed in range(100)]
    assert angle_cosine_chance(10, 100).mean() == pytest.approx(np.mean(angles), rel=0.03)


def test_the_reports_random_baseline_is_the_chance_level_of_their_own_measure():
    """Mean cosine of the five smallest of ten angles in 768 dimensions: 0.148, where the reports found 0.13 to 0.15."""
    chance = angle_cosine_chance(10, 768, draws=100)
    assert chance.mean() == pytest.approx(0.148, abs=0.005)
    assert chance.std() == pytest.approx(0.011, abs=0.004)


def test_the_published_score_of_orthonormal_rows_is_one_over_d():
    drawn = [published_score(basis(10, 96, seed), basis(10, 96, 500 + seed)) for seed in range(100)]
    assert np.mean(drawn) == pytest.approx(1 / 96, rel=0.05)
    assert published_score(1e6 * basis(10, 96, 1), basis(10, 96, 2)) > 0.99  # nothing but scale


def test_phase_35_is_its_formula():
    x, y, a, b = (RNG.normal(size=(30, 16)) for _ in range(4))
    x32, y32 = x.astype(np.float32), y.astype(np.float32)
    w = y32.T @ x32 @ np.linalg.pinv(x32.T @ x32)
    u, v = (PCA(3, svd_solver="full").fit(rows).components_.astype(np.float32) for rows in (a, b))
    expected = np.clip((u @ w.T @ v.T) ** 2, 0, 1).mean()
    assert published_phase35(x, y, a, b, 3) == pytest.approx(float(expected), rel=1e-4)
    whole = published_phase35(x, y, a, b, 3, dtype=np.float64, renormalised=True)
    assert whole == pytest.approx(overlap(u.astype(float) @ w.astype(float).T, v.astype(float)), rel=1e-3)


def test_phase_8_is_its_formula_and_its_first_value_is_chance():
    r, t, a = RNG.normal(size=(40, 12)), RNG.normal(size=(40, 20)), RNG.normal(size=(30, 12))
    b = RNG.normal(size=(30, 20))
    w = np.linalg.pinv(t - t.mean(0)) @ (r - r.mean(0))
    u, v = (PCA(2, svd_solver="full").fit(rows).components_ for rows in (a, b))
    before, after = published_phase8(r, t, a, b, 2)
    assert after == pytest.approx(np.clip((v @ w @ u.T) ** 2, 0, 1).mean(), abs=1e-10)
    assert before == pytest.approx(np.clip((u @ v[:, :12].T) ** 2, 0, 1).mean(), abs=1e-10)
    small = published_phase8(r, 100 * t, a, 100 * b, 2)[1]
    assert small < after / 100  # the scale of the target alone decides


@pytest.mark.parametrize("d", [12, 40, 128])
def test_the_published_rotation_is_that_of_all_d_dimensions_as_far_as_the_bases_determine_it(d):
    one, other = basis(8, d, 1), basis(8, d, 2)
    ours, theirs, centre = published_rotation(one, other), rotated(one, other), other.mean(axis=0)
    centred = one - one.mean(axis=0)
    for moved in (ours, theirs):  # both are rotations
        assert (moved - centre) @ (moved - centre).T == pytest.approx(centred @ centred.T, abs=1e-12)
    determined = orth(centred.T, rcond=1e-10)
    assert determined.shape == (d, 7)
    assert ours @ determined == pytest.approx(theirs @ determined, abs=1e-10)


def test_what_the_bases_leave_open_is_drawn_as_the_library_happens_to_leave_it():
    pairs = [(basis(10, 128, 2 * i), basis(10, 128, 2 * i + 1)) for i in range(40)]
    ours, theirs = (
        np.array([published_score(turn(one, other), other) for one, other in pairs])
        for turn in (published_rotation, rotated)
    )
    apart = ours - theirs
    assert abs(apart.mean()) < 3 * apart.std() / np.sqrt(len(pairs))
    assert ours.std() == pytest.approx(theirs.std(), rel=0.5)
    assert np.array_equal(published_rotation(*pairs[0], 3), published_rotation(*pairs[0], 3))


def test_a_rotation_of_bases_as_wide_as_a_large_model_decomposes_nothing_of_that_width(monkeypatch):
    real, shapes = np.linalg.svd, []
    monkeypatch.setattr(np.linalg, "svd", lambda a, **how: shapes.append(a.shape) or real(a, **how))
    one, other = basis(10, 4096, 0), basis(10, 4096, 1)
    gain = published_score(published_rotation(one, other), other) - published_score(one, other)
    assert 0.0095 < gain < 0.0105  # the mean row alone gives 1/k²
    assert max(min(shape) for shape in shapes) == 10


def test_scale_changes_no_sound_measure():
    one, other = RNG.normal(size=(3, 20)), RNG.normal(size=(4, 20))
    for factor in (1 / 128, 128):
        assert overlap(factor * one, other) == pytest.approx(overlap(one, other), rel=1e-9)
        assert angle_cosine(one, factor * other) == pytest.approx(angle_cosine(one, other), rel=1e-9)


def test_components_of_ill_conditioned_and_of_wide_rows_are_those_of_scikit_learn():
    """Spread over six decades, a mean that dwarfs it, and fewer rows than dimensions."""
    for n, d in ((40, 12), (10, 30)):
        turn = np.linalg.qr(RNG.normal(size=(d, d)))[0]
        values = RNG.normal(size=(n, d)) * np.logspace(0, -6, d) @ turn + 1e3
        ours, theirs = principal_components(values, 4), PCA(4, svd_solver="full").fit(values).components_
        assert np.abs((ours * theirs).sum(axis=1)) == pytest.approx(np.ones(4), abs=1e-8)


def test_nearly_parallel_rows_span_what_exact_arithmetic_says():
    """Rows that differ by 1e-6 span the plane of the first two axes, however badly they are conditioned."""
    first, second = np.eye(8)[:2]
    near = np.stack([first, first + 1e-6 * second])
    assert orthonormal(near) @ orthonormal(near).T == pytest.approx(np.eye(2), abs=1e-12)
    assert overlap(near, np.eye(8)[:2]) == pytest.approx(1, abs=1e-8)
    assert overlap(near, np.eye(8)[1:3]) == pytest.approx(0.5, abs=1e-8)


def test_repeated_rows_count_once():
    values = np.repeat(RNG.normal(size=(3, 10)), 4, axis=0)
    spanned = principal_components(values, 2)
    assert overlap(spanned, orth((values - values.mean(0)).T).T) == pytest.approx(1)
    with pytest.raises(UserError, match="of 3 dimensions was asked of 12 rows that span 2"):
        principal_components(values, 3)
    with pytest.raises(UserError, match="of 5 dimensions was asked of 2 rows that span 2"):
        emotion_subspace(RNG.normal(size=(2, 10)), RNG.normal(size=(2, 10)), 5)
    with pytest.raises(UserError, match="span 0"):
        emotion_subspace(values, values, 1)


def test_published_formulas_name_what_they_cannot_map():
    good, bad = RNG.normal(size=(12, 6)), np.full((12, 6), np.nan)
    with pytest.raises(UserError, match="target are not finite in row 0"):
        published_phase8(good, bad, good, good, 2)
    with pytest.raises(UserError, match="not finite in row 0"):
        published_phase35(good, good, good, bad, 2)
    with pytest.raises(UserError, match="6 and 4 dimensions"):
        angle_cosine(good[:2], good[:2, :4])


def test_what_cannot_be_answered_is_named():
    values = RNG.normal(size=(5, 10))
    with pytest.raises(UserError, match="of 5 dimensions was asked of 5 rows that span 4"):
        principal_components(values, 5)
    with pytest.raises(UserError, match="span 0"):
        principal_components(np.ones((4, 3)), 1)
    with pytest.raises(UserError, match="not finite in row 2"):
        principal_components(np.where(np.arange(5)[:, None] == 2, np.nan, values), 1)
    with pytest.raises(UserError, match="3 rows span only 2"):
        orthonormal(np.stack([values[0], values[1], values[0] + values[1]]))
    with pytest.raises(UserError, match="10 and 4 dimensions"):
        overlap(values, values[:, :4])
    with pytest.raises(UserError, match="need pairs"):
        emotion_subspace(values, values[:3], 1)
