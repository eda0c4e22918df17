"""Layer by layer: the published formula beside wrong pairs, with the largest layer taken in every pairing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import worded
from scipy.stats import kstest, norm

from emotion_utils.subspaces.measures import published_phase8
from emotion_utils.wider.checks import sanity_checks
from emotion_utils.wider.layers import (
    best_of_columns,
    beyond_wrong_pairs,
    compare_layers,
    markdown_report,
    summary_csv,
)


@pytest.fixture(scope="module")
def scores():
    return compare_layers(worded.pair(), n_permutations=19)


def test_every_layer_has_the_published_numbers(scores):
    given, table = worded.pair(), scores.table().set_index("layer")
    for (layer, _), case in zip(given.pairs, given.cases(), strict=True):
        direct = [
            published_phase8(
                case.source_neutral, case.target_neutral, case.source[e], case.target[e], given.k
            )
            for e in case.source
        ]
        before, after = np.mean(direct, axis=0)
        assert table.loc[layer, ["before", "after"]].tolist() == pytest.approx([before, after])
        assert table.loc[layer, "delta"] == pytest.approx(after - before)
    assert (table["chance"] == 1 / 24).all()
    assert (table["low"] < table["after"]).all()
    assert (table["after"] < table["high"]).all()


def test_wrong_pairs_are_the_formula_on_rows_in_another_order(scores):
    """The null is that of two models whose rows go in another order, not a number of the same data."""
    given, drawn = worded.pair(), []
    for seed in range(19):
        (case, *_) = worded.wrong_pairs(given, seed).cases()
        values = [
            published_phase8(
                case.source_neutral, case.target_neutral, case.source[e], case.target[e], given.k
            )[1]
            for e in case.source
        ]
        drawn.append(np.mean(values))
    ours = scores.after[1:, 0]
    assert kstest(ours, drawn).pvalue > 0.01
    assert abs(np.mean(drawn) - ours.mean()) < 3 * (ours.std() + np.std(drawn)) / np.sqrt(19)


def test_the_largest_layer_is_held_against_the_largest_of_every_pairing(scores):
    row = scores.overall().set_index(["score", "statistic"]).loc[("published", "largest")]
    largest = scores.after.max(axis=1)
    assert row["value"] == pytest.approx(largest[0])
    assert row["p"] == pytest.approx((1 + (largest[1:] >= largest[0]).sum()) / 20)
    assert row["null"] == pytest.approx(largest[1:].mean())


def test_the_published_score_follows_the_length_and_the_sound_ones_do_not(scores):
    longer = compare_layers(worded.pair(scale=100.0), n_permutations=19, intervals=False)
    assert (longer.after < 0.1 * scores.after).all()
    assert longer.before == pytest.approx(scores.before, abs=1e-5)
    for name, values in scores.sound.items():
        assert longer.sound[name] == pytest.approx(values, abs=1e-4)


def test_models_of_one_world_stand_out_soundly_and_unrelated_ones_seldom(scores):
    """The neutral rows of both models here are independent noise; a model beside itself shares all."""
    given = worded.pair()
    itself = compare_layers(
        replace(given, target=given.source, words=(given.words[0], given.words[0])),
        n_permutations=39,
        intervals=False,
    )
    overall = itself.overall().set_index(["score", "statistic"])
    assert overall.loc[("r2", "largest"), "p"] == pytest.approx(1 / 40)
    assert overall.loc[("r2", "largest"), "above"] is True
    found = [
        compare_layers(worded.pair(seed=seed, layers=(1,)), n_permutations=19, intervals=False).overall()
        for seed in range(2, 7)
    ]
    p = np.array([table.set_index(["score", "statistic"]).loc[("r2", "largest"), "p"] for table in found])
    assert (p <= 0.05).sum() <= 1
    assert p.max() > 0.3


def test_what_lies_above_below_and_between():
    draws = np.arange(100.0)
    assert beyond_wrong_pairs(200.0, draws) is True
    assert beyond_wrong_pairs(-1.0, draws) is False
    assert beyond_wrong_pairs(50.0, draws) is None


def test_the_best_column_is_chosen_anew_in_every_pairing():
    """In standard deviations, so that a column of large numbers has no more say; all of one value stand out nowhere."""
    rng = np.random.default_rng(0)
    sizes = [1, 10, 100, 1000, 1e4]
    noise = rng.normal(size=(4000, 5)) * sizes
    found = best_of_columns(np.column_stack([noise, np.ones(4000)]))
    # the largest of five standard normal numbers, or 0
    assert np.quantile(found, 0.95) == pytest.approx(norm.ppf(0.95 ** (1 / 5)), abs=0.1)
    for column in range(5):
        planted = noise.copy()
        planted[0] = 0
        planted[0, column] = 6 * sizes[column]
        assert best_of_columns(planted)[0] == pytest.approx(6, abs=0.2)
    same = np.ones((4, 3)) * (1 + 1e-15 * rng.normal(size=(4, 3)))
    assert best_of_columns(same).tolist() == [0.0] * 4


def test_layers_of_equal_depth_may_have_other_numbers():
    given = worded.pair(by="depth", layers=(2,))
    assert given.pairs == ((2, 2),)
    table = compare_layers(given, n_permutations=9, intervals=False).table()
    assert table[["source_depth", "target_depth"]].to_numpy().tolist() == [[1.0, 1.0]]
    assert table[["low", "high"]].isna().all(axis=None)


def test_the_summary_is_the_table_of_the_reports_and_more(scores, tmp_path):
    written = pd.read_csv(summary_csv(scores, tmp_path / "summary.csv"))
    assert list(written.columns[:4]) == ["layer", "before", "after", "delta"]
    assert written["after"].to_numpy() == pytest.approx(scores.after[0])
    assert written["permuted"].to_numpy() == pytest.approx(scores.after[1:].mean(axis=0))


def test_the_report_says_what_wrong_pairs_give(scores, tmp_path):
    text = markdown_report(scores, tmp_path / "report.md", sanity_checks(scores)).read_text(encoding="utf-8")
    first = scores.table().iloc[0]
    assert f"| 0 | {first['before']:.6f} | {first['after']:.6f} |" in text
    assert f"{first['permuted']:.6f}" in text
    assert "19 other pairings" in text
    assert "three checks" in text
    without = compare_layers(worded.pair(layers=(1,)), n_permutations=3, intervals=False)
    assert "| – | – |" in markdown_report(without, tmp_path / "other.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.md", "report.md"]
