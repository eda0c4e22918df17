"""What two sets share: planted geometries across rotations, sets that share nothing, and SciPy as the judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scaling_sets import EMOTIONS, geometry, rotated, unrelated
from scipy.spatial.distance import pdist
from scipy.stats import kstest, rankdata, spearmanr

from emotion_utils.core.errors import UserError
from emotion_utils.scaling.geometry import (
    best,
    compare,
    exchanges,
    over_emotions,
    similarity,
    standardised,
)
from emotion_utils.scaling.published import VectorSet


def by_scipy(a, b):
    """Spearman of the cosines of centred vectors, from other libraries."""
    ranked = [1 - pdist(own - own.mean(axis=0), "cosine") for own in (a, b)]
    return float(spearmanr(*ranked).statistic)


def test_a_similarity_is_what_scipy_finds():
    a, b = (unrelated(seed, width).values[0] for seed, width in ((1, 12), (2, 30)))
    mixed = np.hstack([b, 2 * a])
    assert similarity(a, mixed) == pytest.approx(by_scipy(a, mixed), abs=1e-12)
    scaled = [(own - own.mean(axis=0)) / own.std(axis=0) for own in (a, mixed)]
    assert similarity(a, mixed, standardise=True) == pytest.approx(by_scipy(*scaled), abs=1e-12)


def test_given_the_words_it_is_the_correlation_of_what_ranks_leave():
    rng = np.random.default_rng(3)
    words = rng.random((20, 50))
    a, b = (np.hstack([words, rng.normal(size=(20, 9))]) for _ in range(2))
    ranks = [rankdata(1 - pdist(own - own.mean(axis=0), "cosine")) for own in (a, b, words)]
    design = np.column_stack([np.ones(len(ranks[2])), ranks[2]])
    left = [own - design @ np.linalg.lstsq(design, own, rcond=None)[0] for own in ranks[:2]]
    assert similarity(a, b, words) == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-10)


def test_one_geometry_is_found_whatever_the_rotation_width_and_scale():
    found = compare(rotated(1), rotated(2, width=64, layers=3, scale=1000.0), n_permutations=199)
    assert found.value == pytest.approx(1.0, abs=1e-9)
    assert (found.p, found.n_emotions, found.n_permutations) == (0.005, 20, 199)
    assert found.null_high < 0.5
    assert np.isnan(found.partial)
    assert 0.99 < found.low <= found.high <= 1


def test_exchanging_any_two_labels_lowers_a_shared_geometry_and_not_an_unrelated_one():
    table = exchanges(rotated(1), rotated(2, noise=0.05), (0, 1))
    assert len(table) == 190
    assert (table["drop"] > 0).all()
    nothing = exchanges(unrelated(1), unrelated(2), (0, 0))
    assert 40 < (nothing["drop"] > 0).sum() < 150
    one, other = rotated(1), rotated(2, noise=0.05)
    swapped = other.values[1].copy()
    swapped[[0, 4]] = swapped[[4, 0]]
    row = table[(table["first"] == "a") & (table["second"] == "e")].iloc[0]
    assert row["value"] == pytest.approx(similarity(one.values[0], swapped), abs=1e-12)


def test_sets_that_share_nothing_give_uniform_p():
    """With the largest over layers inside the null: without it these p would crowd near 0."""
    found = [
        compare(unrelated(2 * i, layers=3), unrelated(2 * i + 1, layers=3), n_permutations=59)
        for i in range(60)
    ]
    p = np.array([own.p for own in found])
    assert kstest(p, "uniform").pvalue > 0.01
    assert (p <= 0.05).mean() <= 0.15


def test_what_is_only_the_words_is_taken_out_and_what_is_more_is_not():
    rng = np.random.default_rng(5)
    words = np.random.default_rng(6).random((20, 80))

    def reader(seed, more):
        noise = np.random.default_rng(seed).normal(size=(20, 40))
        values = np.hstack([words * 10, more * geometry(), 0.8 * noise])
        return VectorSet(
            f"reader {seed}", EMOTIONS, (0,), values[None] @ np.linalg.qr(rng.normal(size=(126, 126)))[0]
        )

    text = VectorSet("words", EMOTIONS, (0,), words[None])
    alone = [compare(reader(i, 0.0), reader(i + 50, 0.0), text, n_permutations=99) for i in range(8)]
    more = compare(reader(1, 9.0), reader(2, 9.0), text, n_permutations=99)
    assert min(own.value for own in alone) > 0.4
    assert max(own.words_one for own in alone) > 0.5
    assert np.mean([own.partial_p < 0.05 for own in alone]) <= 0.25
    assert more.partial_p == 0.01
    assert more.partial_low > 0
    assert more.partial == more.partial_here  # one pair of layers


def test_massive_dimensions_hide_a_geometry_that_standardising_shows():
    one, other = rotated(1), rotated(2, noise=0.02)
    massive = other.values.copy()
    massive[:, :, 3] += 300 * np.random.default_rng(1).normal(size=20)
    hidden = replace(other, values=massive)
    assert compare(one, hidden, n_permutations=19).value < 0.3
    assert compare(one, hidden, standardise=True, n_permutations=19).value > 0.7
    assert np.allclose(standardised(massive).std(axis=1), 1)
    assert np.array_equal(standardised(np.ones((1, 5, 2))), np.zeros((1, 5, 2)))


def test_an_interval_holds_the_value_and_is_wider_for_fewer_emotions():
    a, b = rotated(1, noise=0.5).values[0], rotated(2, noise=0.5).values[0]
    low, high = over_emotions(a, b)
    assert low < similarity(a, b) < high
    fewer = over_emotions(a[:10], b[:10])
    assert fewer[1] - fewer[0] > high - low
    assert np.isnan(over_emotions(a[:6], b[:6])).all()


def test_only_shared_emotions_are_compared_in_one_order():
    one, other = rotated(1), rotated(2)
    turned = VectorSet("turned", EMOTIONS[::-1], other.layers, other.values[:, ::-1])
    assert compare(one, turned, n_permutations=9).value == pytest.approx(1.0, abs=1e-9)
    part = VectorSet("part", (*EMOTIONS[:9], "z"), (0,), other.values[:1, :10])
    assert compare(one, part, n_permutations=9).n_emotions == 9
    with pytest.raises(UserError, match="share a and b, and a comparison needs 5 emotions"):
        compare(one, VectorSet("two", ("a", "b", "y"), (0,), other.values[:1, :3]))
    assert best(np.array([[0.1, 0.2], [0.9, 0.3]])) == (1, 0)
