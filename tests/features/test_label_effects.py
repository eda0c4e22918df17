"""Effects of features on labels, beside a plain loop, planted labels and labels that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.features.label_effects import (
    COLUMNS,
    MEASURES,
    REPLICATED,
    SHARED,
    SPECIFIC,
    WEAK,
    by_label,
    cohens_d,
    counted,
    feature_table,
    label_effects,
    memberships,
    sparsity,
)
from emotion_utils.features.reading import MEAN, TextActivations

N_LABELS, EACH = 4, 20
LABEL = np.repeat(np.arange(N_LABELS), EACH)


def plain_d(values, label, one):
    a, b = values[label == one], values[label != one]
    pooled = ((len(a) - 1) * a.var(axis=0, ddof=1) + (len(b) - 1) * b.var(axis=0, ddof=1)) / (len(values) - 2)
    return (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(pooled)


def noise(features, seed=0):
    return np.random.default_rng(seed).normal(3, 2, size=(len(LABEL), features))


def test_d_is_that_of_a_plain_loop_and_a_bootstrap_repeats_rows():
    values = noise(6)
    found = cohens_d(values, memberships(LABEL, N_LABELS))
    for one in range(N_LABELS):
        assert found[one] == pytest.approx(plain_d(values, LABEL, one))
    times = np.random.default_rng(1).integers(0, 3, len(LABEL))
    rows = np.repeat(np.arange(len(LABEL)), times)
    drawn = cohens_d(values, memberships(LABEL, N_LABELS) * times)
    assert drawn[2] == pytest.approx(plain_d(values[rows], LABEL[rows], 2))


def test_d_does_not_depend_on_the_scale():
    values = noise(5)
    for factor in (0.01, 100.0):
        assert cohens_d(factor * values, memberships(LABEL, N_LABELS)) == pytest.approx(
            cohens_d(values, memberships(LABEL, N_LABELS))
        )


def test_a_feature_without_variance_is_weak_and_one_that_is_a_label_is_infinite():
    values = np.stack([np.full(len(LABEL), 0.3), (LABEL == 1) * 0.7, *noise(1).T], axis=1)
    d = cohens_d(values, memberships(LABEL, N_LABELS))
    assert np.isnan(d[:, 0]).all()
    assert d[1, 1] == np.inf
    table = feature_table(d, list("abcd"))
    assert table["kind"].tolist() == [WEAK, SPECIFIC, WEAK]
    assert table["label"].tolist()[:2] == ["", "b"]
    assert np.isnan(table["d"][0])


def planted():
    """Two features of one label, one of two labels, twenty of none."""
    values = noise(23, 5)
    values[LABEL == 0, 0] += 8
    values[LABEL == 3, 1] += 8
    values[(LABEL == 1) | (LABEL == 2), 2] += 12
    return values


def test_planted_features_are_named_by_what_was_planted():
    d = cohens_d(planted(), memberships(LABEL, N_LABELS))
    table = feature_table(d, list("abcd"))
    assert table["kind"].tolist()[:3] == [SPECIFIC, SPECIFIC, SHARED]
    assert table["label"].tolist()[:2] == ["a", "d"]
    assert set(table["kind"][3:]) == {WEAK}
    assert counted(d) == pytest.approx((4 / 23, 3, 2 / 3))
    assert by_label(d, list("abcd"))[["high", "specific"]].to_numpy().tolist() == [
        [1, 1],
        [1, 0],
        [1, 0],
        [1, 1],
    ]


def test_the_table_tells_planted_effects_from_labels_that_say_nothing():
    found = label_effects(planted(), LABEL, N_LABELS, n_permutations=49, n_resamples=50)
    assert found.columns.tolist() == COLUMNS
    rows = found.set_index("measure")
    assert rows.loc[MEASURES[1], ["value", "null"]].tolist() == [3, 0]
    assert rows.loc[MEASURES[1], "p"] == pytest.approx(1 / 50)
    assert rows.loc[MEASURES[3], "value"] == 0
    assert rows.loc[REPLICATED, "value"] == 4
    assert rows.loc[MEASURES[2], "low"] <= 2 / 3 <= rows.loc[MEASURES[2], "high"]
    # heavy tails and few texts: many features exceed 1 by chance, and their number is that of the null
    rng = np.random.default_rng(2)
    label = np.repeat(np.arange(8), 4)
    values = rng.normal(size=(32, 200))
    few = label_effects(values, label, 8, n_permutations=49, n_resamples=2).set_index("measure")
    assert few.loc[MEASURES[1], "value"] > 30
    assert few.loc[MEASURES[1], "p"] > 0.05
    assert few.loc[REPLICATED, "p"] > 0.05


def test_false_findings_are_as_rare_as_they_claim():
    rng, found = np.random.default_rng(3), []
    for seed in range(60):
        values = rng.normal(size=(24, 12))
        label = np.repeat(np.arange(3), 8)
        table = label_effects(values, label, 3, n_permutations=19, n_resamples=1, high=0.7, seed=seed)
        found.append(table.set_index("measure").loc["mean variety", "p"])
    assert np.mean(np.array(found) <= 0.1) < 0.2


def test_too_few_texts_are_refused():
    with pytest.raises(UserError, match="fewer than four texts"):
        label_effects(noise(2)[:10], np.repeat([0, 1], [7, 3]), 2)
    with pytest.raises(UserError, match="the rarest with 0"):
        memberships(np.zeros(4, dtype=int), 2)


def test_sparsity_is_counted_by_hand():
    mean = np.zeros((2, 30), dtype=np.float32)
    mean[0, :25] = 1
    mean[1, :10] = 2
    read = TextActivations({MEAN: mean}, np.array([3, 4]), np.array([5.0, 7.0]), np.array([0.5, np.nan]))
    rows = sparsity(read, n_resamples=20).set_index("measure")["value"]
    assert rows.tolist() == pytest.approx([17.5, 6.0, (20 / 25 + 1) / 2, 0.5])
