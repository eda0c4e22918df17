"""Effect sizes and intervals against SciPy, statsmodels and planted truths; every corner of bad data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.loop_bootstrap import bootstrap_as_published
from emotion_utils.core.errors import UserError
from emotion_utils.statistics import units as statistics_units
from emotion_utils.statistics.bootstrap import bootstrap
from emotion_utils.statistics.equivalence import equivalence, equivalence_power
from emotion_utils.statistics.flips import least_p, max_t, sign_flip_p
from emotion_utils.statistics.paired import paired_effects, shapes
from emotion_utils.statistics.units import unit_sums

RNG = np.random.default_rng(11)


def clustered(n: int = 70, per: int = 5, tests: int = 3) -> tuple[np.ndarray, np.ndarray]:
    units = np.arange(n) // per
    return RNG.normal(0.2, 1, (n // per, tests))[units] + RNG.normal(size=(n, tests)), units


def test_sizes_are_those_of_scipy_and_of_the_noncentral_t():
    x = RNG.normal(0.3, 2, (70, 4))
    sums = unit_sums(x)
    np.testing.assert_allclose(statistics_units.means(sums), x.mean(0), rtol=1e-10)
    d = statistics_units.cohens_d_z(sums)
    np.testing.assert_allclose(d * np.sqrt(70), stats.ttest_1samp(x, 0).statistic, rtol=1e-10)
    # E[d_z] of a true effect of 1 is the mean of a noncentral t over sqrt(n): the factor undoes exactly that
    for n in (3, 10, 70):
        expected = stats.nct.mean(n - 1, np.sqrt(n)) / np.sqrt(n)
        assert statistics_units.correction(np.array([n]))[0] * expected == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("kind", ["bca", "percentile"])
def test_intervals_of_means_are_those_of_scipy_up_to_the_noise_of_draws(kind):
    x = RNG.gamma(1.0, 1.0, (60, 2))
    ours = bootstrap(unit_sums(x), kind=kind, n_resamples=20_000)
    for test in range(2):
        theirs = stats.bootstrap(
            (x[:, test],),
            np.mean,
            n_resamples=20_000,
            method=kind.replace("bca", "BCa"),
            rng=np.random.default_rng(3),
        ).confidence_interval
        error = 4 * x[:, test].std() / np.sqrt(60) * 0.03
        assert ours.low[test] == pytest.approx(theirs.low, abs=error)
        assert ours.high[test] == pytest.approx(theirs.high, abs=error)


def test_bca_of_d_z_is_that_of_scipy():
    x = RNG.gamma(2.0, 1.0, 50) - 1.5

    def d_z(sample, axis=-1):
        return sample.mean(axis=axis) / sample.std(axis=axis, ddof=1)

    theirs = stats.bootstrap(
        (x,), d_z, n_resamples=20_000, method="BCa", rng=np.random.default_rng(4)
    ).confidence_interval
    ours = bootstrap(unit_sums(x[:, None]), "d_z", kind="bca", n_resamples=20_000)
    assert ours.low[0] == pytest.approx(theirs.low, abs=0.02)
    assert ours.high[0] == pytest.approx(theirs.high, abs=0.02)


def test_the_loop_of_the_reports_gives_the_same_percentile_interval():
    x = RNG.normal(size=70)
    ours = bootstrap(unit_sums(x[:, None]), kind="percentile", n_resamples=5000)
    assert (ours.low[0], ours.high[0]) == pytest.approx(bootstrap_as_published(x, 5000), abs=0.03)


def test_expansion_is_that_of_a_t_interval_for_the_number_of_units():
    x = RNG.normal(size=(10, 1))
    found = bootstrap(unit_sums(x), n_resamples=200_000)
    t = stats.t.interval(0.95, 9, x.mean(), x.std(ddof=1) / np.sqrt(10))
    assert (found.high - found.low)[0] == pytest.approx(t[1] - t[0], rel=0.12)
    plain = bootstrap(unit_sums(x), kind="bca", n_resamples=200_000)
    assert (plain.high - plain.low)[0] < 0.88 * (t[1] - t[0])


def test_units_are_resampled_whole_and_pairs_of_one_unit_do_not_count_twice():
    x, units = clustered()
    once = paired_effects(x, units)
    twice = paired_effects(np.concatenate([x, x]), np.concatenate([units, units]))
    np.testing.assert_allclose(twice["low"], once["low"])
    np.testing.assert_allclose(twice["p"], once["p"])
    assert (once["n_units"] == 14).all()
    assert (twice["n"] == 140).all()
    alone = paired_effects(x)
    assert ((once["high"] - once["low"]) > 1.2 * (alone["high"] - alone["low"])).all()


def test_a_missing_side_takes_its_pair_out_of_that_test_alone():
    x = RNG.normal(size=(40, 2))
    holed = x.copy()
    holed[[3, 9], 0] = np.nan
    found, whole = paired_effects(holed), paired_effects(x)
    kept = np.delete(x[:, 0], [3, 9])
    assert found.loc[0, "n"] == 38
    assert found.loc[1, "n"] == 40
    assert found.loc[0, "mean"] == pytest.approx(kept.mean(), rel=1e-12)
    assert found.loc[0, "d_z"] == pytest.approx(kept.mean() / kept.std(ddof=1), rel=1e-10)
    np.testing.assert_allclose(
        found.loc[1].drop("shape").astype(float), whole.loc[1].drop("shape").astype(float)
    )


def test_sign_flips_agree_with_scipy_exactly_where_all_patterns_are_taken():
    x = RNG.normal(0.4, 1, 12)
    theirs = stats.permutation_test((x,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(unit_sums(x[:, None]), 5000)[0] == pytest.approx(theirs.pvalue, rel=1e-10)


def test_random_flips_agree_with_all_of_them_up_to_noise_and_are_never_zero():
    x = RNG.normal(0.5, 1, (20, 1))
    exact, drawn = sign_flip_p(unit_sums(x), 2**20)[0], sign_flip_p(unit_sums(x), 10_000)[0]
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000) + 1e-4)
    assert sign_flip_p(unit_sums(np.full((40, 1), 3.0)), 10_000)[0] == pytest.approx(1 / 10_001)


def test_equivalence_is_that_of_statsmodels():
    from statsmodels.stats.weightstats import DescrStatsW

    x = RNG.normal(0.02, 1, (200, 2))
    bounds = np.array([0.25, 0.1])
    found = equivalence(unit_sums(x), bounds)
    for test in range(2):
        theirs = DescrStatsW(x[:, test])
        p, *_ = theirs.ttost_mean(-bounds[test], bounds[test])
        assert found.p[test] == pytest.approx(p, rel=1e-10)
        low, high = theirs.tconfint_mean(alpha=0.1)
        assert (found.low[test], found.high[test]) == pytest.approx((low, high), rel=1e-10)
    own = equivalence(unit_sums(x))
    assert own.p == pytest.approx(equivalence(unit_sums(x), 0.2 * x.std(axis=0, ddof=1)).p, rel=1e-9)


def test_equivalence_counts_units_not_pairs_and_refuses_a_bound_of_nothing():
    x, units = clustered(tests=1)
    one = equivalence(unit_sums(x, units), np.array([0.5]))
    two = equivalence(unit_sums(np.tile(x, (2, 1)), np.tile(units, 2)), np.array([0.5]))
    assert one.p == pytest.approx(two.p, rel=1e-9)
    with pytest.raises(UserError, match="no room for equivalence"):
        equivalence(unit_sums(x, units), np.array([0.0]))


def test_the_power_of_an_equivalence_test_is_the_share_of_empty_studies_that_pass_it():
    x = RNG.normal(0.0, 1.0, (60, 4000))
    for bound in (0.3, 0.45, 0.1):
        sums = unit_sums(x)
        bounds = np.full(4000, bound)
        passed = np.mean(equivalence(sums, bounds).p <= 0.05)
        assert equivalence_power(sums, bounds).mean() == pytest.approx(passed, abs=0.04)


def test_bounds_in_the_unit_of_the_outcome_decide_what_is_too_small_to_matter():
    x = np.tile(RNG.normal(0.01, 0.002, (40, 1)), (1, 3)) * [1.0, 1.0, 100.0]
    found = paired_effects(x, bounds=np.array([0.5, np.nan, 0.5]))
    assert found["bound"].tolist() == pytest.approx([0.5, 0.2 * x[:, 1].std(ddof=1), 0.5])
    assert found.loc[0, "p_equivalence"] < 1e-6
    assert (found.loc[1:, "p_equivalence"] > 0.99).all()
    assert found["power_equivalence"].tolist() == pytest.approx([1, 0, 1], abs=0.05)


def test_corners_give_defined_results():
    x = np.zeros((20, 5))
    x[:, 1] = 2.0  # no variance
    x[2:, 2] = np.nan  # two pairs
    x[:, 3] = np.nan  # nothing
    x[:, 4] = np.repeat([1.0, -1.0], 10)  # all ties, mean 0
    found = paired_effects(x)
    assert found.loc[0, ["mean", "low", "high", "d_z", "g", "p"]].tolist() == [0, 0, 0, 0, 0, 1]
    assert found.loc[1, ["mean", "low", "high"]].tolist() == [2, 2, 2]
    assert np.isnan(found.loc[1, "d_z"])
    assert found.loc[1, "p"] == pytest.approx(1 / 10_001)
    assert found.loc[0, "p_equivalence"] == 1
    assert found.loc[1, "p_equivalence"] == 1
    assert found.loc[2, "n"] == 2
    assert found.loc[2, ["low", "high", "d_z", "p", "p_equivalence"]].isna().all()
    assert found.loc[3, "n"] == 0
    assert found.loc[3, ["mean", "low", "d_z", "p"]].isna().all()
    assert found.loc[4, "p"] == 1
    assert found.loc[4, "low"] < 0 < found.loc[4, "high"]
    assert found["shape"].tolist() == ["constant", "constant", "too few", "too few", "counts"]


def test_one_unit_has_a_mean_and_nothing_else():
    found = paired_effects(RNG.normal(size=(30, 1)), np.zeros(30, dtype=int)).loc[0]
    assert found["n_units"] == 1
    assert np.isfinite(found["mean"])
    assert np.isfinite(found["d_z"])
    assert found[["low", "high", "d_low", "p", "p_equivalence"]].isna().all()


def test_an_infinite_difference_is_named_and_units_must_fit():
    x = RNG.normal(size=(20, 2))
    x[4, 1] = np.inf
    with pytest.raises(UserError, match="pair 4 in test 1 is inf"):
        paired_effects(x)
    with pytest.raises(UserError, match="20 pairs and 3 units"):
        unit_sums(np.zeros((20, 1)), np.arange(3))


def test_scale_moves_nothing_but_the_unit():
    x, units = clustered()
    one, other = paired_effects(x, units), paired_effects(x * 1e-6, units)
    for name in ("d_z", "d_low", "d_high", "g", "p", "p_equivalence"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6)
    np.testing.assert_allclose(one["low"] * 1e-6, other["low"], rtol=1e-6)


def test_many_tests_in_one_call_equal_each_on_its_own():
    x, units = clustered(tests=700)  # more than one chunk
    together = paired_effects(x, units, n_resamples=200, n_flips=200)
    alone = paired_effects(x[:, [600]], units, n_resamples=200, n_flips=200)
    assert together.loc[600, ["low", "d_high", "p"]].tolist() == pytest.approx(
        alone.loc[0, ["low", "d_high", "p"]].tolist()
    )


def test_shapes_are_named_by_their_rules():
    kinds = {
        "symmetric": RNG.normal(size=70),
        "skewed": RNG.exponential(size=70) ** 2,
        "counts": RNG.poisson(2, 70) - RNG.poisson(2, 70),
        "sparse": np.where(np.arange(70) < 4, 1.0, 0.0),
        "constant": np.full(70, 0.1),
    }
    assert shapes(np.stack(list(kinds.values()), axis=1).astype(float)) == list(kinds)


def test_a_pair_without_a_unit_and_no_pairs_at_all_are_refused():
    units = np.arange(20).astype(object)
    units[7] = np.nan
    with pytest.raises(UserError, match="Pair 7 has no unit"):
        paired_effects(RNG.normal(size=(20, 1)), units)
    with pytest.raises(UserError, match="hold no pair"):
        paired_effects(np.zeros((0, 2)))


def test_numbers_near_the_ends_of_the_scale_give_the_same_effects():
    x = RNG.normal(0.5, 1, (30, 1))
    plain = paired_effects(x)
    for size in (1e-200, 1e200):
        found = paired_effects(x * size)
        np.testing.assert_allclose(found["d_z"], plain["d_z"], rtol=1e-9)
        np.testing.assert_allclose(found["high"] / size, plain["high"], rtol=1e-9)
        both = max_t(np.concatenate([x, x * size], axis=1), np.arange(30), 500)
        assert both[0] == pytest.approx(both[1])
        assert both[0] < 0.2


def test_a_test_with_fewer_units_keeps_its_own_t():
    few = np.full((60, 1), np.nan)
    few[:14] = RNG.normal(2, 1, (14, 1))
    found = max_t(np.concatenate([few, RNG.normal(size=(60, 5))], axis=1), np.arange(60), 2000)
    assert found[0] == pytest.approx(1 / 2001, abs=1e-3)
    empty = np.full((60, 1), np.nan)
    assert np.isnan(max_t(np.concatenate([empty, few], axis=1), np.arange(60), 500)).tolist() == [True, False]


def test_equal_differences_are_ties_in_every_test():
    for value in (0.7, 0.1, 1 / 3, 5.3):
        constant = np.full((12, 1), value)
        assert max_t(constant, np.arange(12), 5000)[0] == pytest.approx(2 / 4096)
        assert sign_flip_p(unit_sums(constant), 5000)[0] == pytest.approx(2 / 4096)
    assert least_p(12, 5000) == 2 / 4096
    assert least_p(30, 5000) == 1 / 5001


def test_units_that_do_not_differ_leave_no_error_to_go_by():
    x = np.tile([1.0, -1.0], 8)[:, None]
    assert np.isnan(equivalence(unit_sums(x, np.repeat(np.arange(8), 2))).p[0])
