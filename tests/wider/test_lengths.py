"""The published score follows the length of the target's states; the sound scores do not, computed anew at each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import Recipe, pair
from emotion_utils.reports.published_alignment import Case
from emotion_utils.subspaces.measures import published_phase8
from emotion_utils.wider.lengths import FACTORS, Sweep, sweep, sweep_findings

FEW = (0.001, 0.1, 1.0, 10.0, 100.0, 1000.0)


def two_models(strength: float, seed: int = 0):
    """The same states for the published score and for the sound ones."""
    one, other = pair(Recipe(strength=strength, rows=40, prompts=12, layers=1, widths=(48, 64)), seed)
    moved = [
        {emotion: own[0] - side.partners[emotion][0] for emotion, own in side.emotional.items()}
        for side in (one, other)
    ]
    return Case(one.neutral[0], other.neutral[0], *moved, one.groups), (one, other)


def swept(strength: float, factors=FEW, n: int = 39, seed: int = 0) -> Sweep:
    case, sound = two_models(strength, seed)
    return sweep(case, sound, factors, k=4, k_sound=3, n_permutations=n)


@pytest.fixture(scope="module")
def shared():
    return swept(0.9)


def test_the_factors_are_a_grid_with_one_and_a_thousandth():
    assert len(FACTORS) == 25
    assert {0.001, 1.0, 1000.0} <= set(FACTORS)
    assert np.diff(np.log(FACTORS)) == pytest.approx(np.full(24, np.log(10) / 4))


def test_at_every_factor_stands_the_published_score(shared):
    case, _ = two_models(0.9)
    table = shared.table().set_index("factor")
    for factor in FEW:
        direct = [
            published_phase8(
                case.source_neutral, factor * case.target_neutral, case.source[e], factor * case.target[e], 4
            )[1]
            for e in case.source
        ]
        assert table.loc[factor, "after"] == pytest.approx(np.mean(direct), rel=1e-6)
    assert table.loc[[1.0, 0.001], "mark"].tolist() == ["as it is", "divided by 1,000"]
    assert (table["mark"] == "").sum() == 4


def test_unclipped_the_score_falls_with_the_square_of_the_length(shared):
    found = sweep_findings(shared)
    assert found.slope == pytest.approx(-2, abs=1e-4)
    assert found.fit > 0.9999
    assert found.n_unclipped == sum(factor >= shared.reach for factor in FEW) >= 3
    assert shared.table().set_index("factor")["clipped"].tolist() == [f < shared.reach for f in FEW]
    assert found.by_factor > 0.95
    assert found.divided > 0.9 > found.as_it_is > found.lowest


def test_a_clip_begins_where_an_entry_reaches_one():
    """Just above the reach the square law holds to rounding; far below it does not."""
    case, sound = two_models(0.9)
    reach = sweep(case, sound, (1.0,), k=4, k_sound=3, n_permutations=3).reach
    found = sweep(
        case, sound, (1.0, 1.01 * reach, 2.02 * reach, 0.1 * reach), k=4, k_sound=3, n_permutations=3
    ).published
    assert found[:, 2] == pytest.approx(found[:, 1] / 4, rel=1e-6)
    assert (found[:, 3] < 100 * 1.01**2 * found[:, 1]).any()


def test_the_sound_scores_do_not_move(shared):
    found = sweep_findings(shared)
    assert found.moved <= 1e-6
    assert found.flat
    moved = {name: values + np.array([0, 0, 0, 0, 0, 2e-6]) for name, values in shared.sound.items()}
    assert not sweep_findings(replace(shared, sound=moved)).flat


def test_sound_scores_find_what_is_shared_and_nothing_else(shared):
    table = shared.table()
    assert table["r2"].iloc[0] > table["r2_null"].iloc[0] + 0.3
    alone = swept(0.0).table()
    assert alone["r2"].iloc[0] < 0.05


def test_whether_true_pairs_lie_above_wrong_ones_has_three_outcomes(shared):
    rng = np.random.default_rng(0)
    noise = np.exp(rng.normal(size=(40, 6)) * 0.1) * np.array(FEW) ** -2.0
    for change, outcome in ((3.0, True), (1.0, None), (0.3, False)):
        values = noise.copy()
        values[0] = np.median(noise, axis=0) * change
        found = sweep_findings(replace(shared, published=values))
        assert found.above is outcome, change
        assert (found.p <= 0.05) == (outcome is True)
    one = noise.copy()
    one[0] = np.median(noise, axis=0)
    one[0, 2] *= 3  # at one factor alone
    assert sweep_findings(replace(shared, published=one)).above is True


def test_p_of_models_that_share_nothing_is_seldom_small():
    p = [sweep_findings(swept(0.0, (0.1, 1.0, 10.0), 19, seed)).p for seed in range(12)]
    assert sum(one <= 0.05 for one in p) <= 3
    assert max(p) > 0.4


def test_factors_and_rows_that_do_not_fit_are_refused(shared):
    case, sound = two_models(0.5)
    for factors in ((0.1, 10.0), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan"))):
        with pytest.raises(UserError, match="must be above 0, and 1 must be among them"):
            sweep(case, sound, factors)
    other = replace(case, groups=case.groups + 1)
    with pytest.raises(UserError, match="same rows"):
        sweep(other, sound)
