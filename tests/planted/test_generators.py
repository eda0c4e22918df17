"""Simulated models: independent where they should be, alike where they should be, with the stated spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import (
    EMOTIONS,
    Recipe,
    families,
    pair,
    random_basis,
    rescaled,
    shuffled,
    spectrum,
    turned,
)


def test_the_spectrum_is_a_power_of_the_rank_with_a_mean_square_of_one():
    values = spectrum(100, 1.0)
    assert (values**2).mean() == pytest.approx(1)
    assert values[9] / values[0] == pytest.approx(0.1)
    assert spectrum(7, 0.0) == pytest.approx(np.ones(7))


def test_a_random_basis_is_orthogonal_and_uniform():
    rng = np.random.default_rng(0)
    basis = random_basis(20, rng)
    assert basis @ basis.T == pytest.approx(np.eye(20), abs=1e-12)
    # one coordinate of a uniform unit vector in three dimensions is uniform (Archimedes)
    first = [random_basis(3, rng)[0, 0] for _ in range(500)]
    assert kstest(first, "uniform", args=(-1, 2)).pvalue > 0.001


def test_families_have_three_four_and_five_rows_in_turn():
    assert np.bincount(families(70))[:6].tolist() == [3, 4, 5, 3, 4, 5]
    assert len(families(70)) == 70
    assert len(families(225)) == 225


def test_rows_of_a_family_share_the_stated_part_of_their_variance():
    recipe = Recipe(widths=(4, 4), layers=1, rows=6000, exponent=0.0, mean=0.0, family=0.5)
    one, _ = pair(recipe, 0)
    values, groups = one.neutral[0], one.groups
    first = np.flatnonzero(np.diff(groups, prepend=-1))[:-1]
    correlation = (values[first] * values[first + 1]).mean() / (values**2).mean()
    assert correlation == pytest.approx(0.5, abs=0.04)


def test_models_of_strength_zero_share_nothing_and_of_strength_one_everything():
    for strength, expected in ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0)):
        recipe = Recipe(widths=(6, 6), layers=1, rows=4000, exponent=0.0, mean=0.0, strength=strength)
        one, other = pair(recipe, 1)
        x, y = (side.neutral[0] for side in (one, other))
        canonical = np.linalg.svd(np.linalg.qr(x)[0].T @ np.linalg.qr(y)[0], compute_uv=False)
        assert canonical.mean() == pytest.approx(expected, abs=0.05)


def test_the_mean_and_the_widths_are_as_asked():
    one, other = pair(Recipe(widths=(40, 24), mean=30.0, layers=3), 2)
    assert one.neutral.shape == (3, 70, 40)
    assert other.neutral.shape == (3, 70, 24)
    assert np.linalg.norm(one.neutral.mean(axis=1), axis=1) == pytest.approx([30] * 3, rel=0.1)
    assert set(one.emotional) == set(EMOTIONS)


def test_an_emotion_is_a_planted_shift_common_to_its_prompts():
    recipe = Recipe(widths=(30, 30), layers=1, exponent=0.0, prompts=400, shift=3.0)
    one, _ = pair(recipe, 3)
    moved = one.emotional["anger"][0] - one.partners["anger"][0]
    # a shift of 3 / sqrt(3) standard deviations in each of 30 coordinates, up to the draw of the shift itself
    assert np.linalg.norm(moved.mean(axis=0)) == pytest.approx(np.sqrt(3 * 30), rel=0.35)
    assert (moved - moved.mean(axis=0)).std() == pytest.approx(0.3, rel=0.05)


def test_one_seed_gives_one_pair():
    (a, _), (b, _), (c, _) = (pair(Recipe(), seed) for seed in (5, 5, 6))
    assert np.array_equal(a.neutral, b.neutral)
    assert not np.array_equal(a.neutral, c.neutral)


def test_shuffling_moves_rows_and_nothing_else():
    _, side = pair(Recipe(layers=1), 0)
    moved = shuffled(side, 1)
    assert not np.array_equal(moved.neutral, side.neutral)
    assert np.sort(moved.neutral[0], axis=0) == pytest.approx(np.sort(side.neutral[0], axis=0))
    assert moved.emotional is side.emotional
    assert rescaled(side, 3.0).partners["anger"] == pytest.approx(3 * side.partners["anger"])


def test_a_turned_model_keeps_all_distances_and_noise_has_the_stated_size():
    side, _ = pair(Recipe(layers=1), 0)
    same, noisy = turned(side, 1), turned(side, 1, noise=1.0)
    assert same.neutral[0] @ same.neutral[0].T == pytest.approx(side.neutral[0] @ side.neutral[0].T)
    deviation = (side.neutral[0] - side.neutral[0].mean(axis=0)).std()
    assert (noisy.neutral - same.neutral).std() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "said"), [({"strength": 1.5}, "strength is a share"), ({"rows": 2}, "3 rows")]
)
def test_an_impossible_recipe_is_refused(wrong, said):
    with pytest.raises(UserError, match=said):
        Recipe(**wrong)
