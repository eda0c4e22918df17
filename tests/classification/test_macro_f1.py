"""Macro F1 is scikit-learn's, and its intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.metrics import f1_score, precision_recall_fscore_support

from emotion_utils.classification import macro_f1
from emotion_utils.classification.macro_f1 import f1_by_label, macro_f1_difference, macro_f1_interval
from emotion_utils.core.errors import UserError


def answers(rng, true, n_labels, right):
    """Each label right with its own probability, else any label."""
    hit = rng.random(len(true)) < np.asarray(right)[true]
    return np.where(hit, true, rng.integers(n_labels, size=len(true)))


def names(codes):
    return [f"label {code:03}" for code in codes]


@pytest.mark.parametrize(("n_labels", "size"), [(2, 3), (5, 20), (107, 12)])
def test_it_is_what_scikit_learn_gives(n_labels, size):
    rng = np.random.default_rng(n_labels)
    true = np.repeat(np.arange(n_labels), size)
    said = answers(rng, true, n_labels, rng.random(n_labels))
    found = macro_f1_interval(names(true), names(said), n_resamples=50)
    assert found.value == pytest.approx(f1_score(true, said, average="macro", zero_division=0), abs=1e-12)
    assert found.n == len(true)
    table = f1_by_label(names(true), names(said))
    expected = precision_recall_fscore_support(true, said, zero_division=0)
    np.testing.assert_allclose(table[["precision", "recall", "f1", "n"]].T, expected, atol=1e-12)


def test_a_label_that_is_only_answered_counts_as_in_scikit_learn():
    true, said = ["a", "a", "b", "b"], ["a", "c", "b", "b"]
    expected = f1_score(true, said, average="macro", zero_division=0)
    assert macro_f1_interval(true, said).value == pytest.approx(expected)


def test_draws_are_those_of_texts_resampled_within_labels():
    """The spread is that of a bootstrap which draws the texts themselves, weighted and scored by scikit-learn."""
    rng = np.random.default_rng(5)
    sizes = np.array([10, 20, 15, 30])
    true = np.repeat(np.arange(4), sizes)
    first = answers(rng, true, 4, [0.9, 0.6, 0.5, 0.8])
    second = np.where(rng.random(len(true)) < 0.7, first, answers(rng, true, 4, [0.5] * 4))
    weights, drawn = np.repeat(sizes / (sizes - 1), sizes - 1), []
    for _ in range(150):
        rows = np.concatenate([rng.choice(np.flatnonzero(true == k), n - 1) for k, n in enumerate(sizes)])
        drawn.append(
            [
                f1_score(true[rows], own[rows], average="macro", sample_weight=weights)
                for own in (first, second)
            ]
        )
    one, other = np.array(drawn).T
    codes = np.stack([true, first, second])
    found = macro_f1._draws(codes, 4, 3000, 0)
    assert found.std(axis=1) == pytest.approx([one.std(), other.std()], rel=0.18)
    assert found.mean(axis=1) == pytest.approx([one.mean(), other.mean()], abs=0.02)
    assert (found[0] - found[1]).std() == pytest.approx((one - other).std(), rel=0.18)
    assert (one - other).std() < 0.9 * np.hypot(one.std(), other.std())  # in step, not apart
    units = sizes.sum() - 4 + 1
    half = student.ppf(0.975, units - 1) * found[0].std() * np.sqrt(units / (units - 1))
    told = macro_f1_interval(names(true), names(first), n_resamples=3000)
    assert (told.high - told.low) / 2 == pytest.approx(
        half, rel=0.1
    )  # a little less near an end of the scale


@pytest.mark.parametrize("right", [0.5, 0.9])
def test_the_interval_holds_the_truth(right):
    rng = np.random.default_rng(int(100 * right))
    n_labels, size = 6, 20
    true = np.repeat(np.arange(n_labels), size)
    chances = np.linspace(right - 0.1, right + 0.05, n_labels)
    large = np.repeat(np.arange(n_labels), 20_000)
    truth = f1_score(large, answers(rng, large, n_labels, chances), average="macro")
    held = 0
    for trial in range(200):
        said = answers(rng, true, n_labels, chances)
        found = macro_f1_interval(names(true), names(said), n_resamples=300, seed=trial)
        held += found.low <= truth <= found.high
    assert held >= 182  # 95 % of 200 is 190, with a standard deviation of 3


def test_no_difference_and_a_clear_one():
    true = names(np.repeat(np.arange(5), 30))
    wrong = names(np.repeat(np.roll(np.arange(5), 1), 30))
    same = macro_f1_difference(true, wrong, wrong)
    assert same.value == 0
    assert same.low < 0 < same.high
    clear = macro_f1_difference(true, true, wrong)
    assert (clear.value, clear.high) == (1, 1)
    assert clear.low > 0.9


def test_one_text_of_a_label_gives_a_value_and_no_interval():
    one = macro_f1_interval(["a", "b"], ["a", "b"])
    assert one.value == 1
    assert np.isnan([one.low, one.high]).all()
    some = macro_f1_interval(["a", "a", "b", "b", "b"], ["a", "b", "b", "b", "a"])
    assert 0 < some.low < some.value < some.high < 1


def test_what_cannot_be_scored_is_named():
    with pytest.raises(UserError, match="There are no texts to score"):
        macro_f1_interval([], [])
    with pytest.raises(UserError, match="There are 2 true labels and 1 answers"):
        macro_f1_interval(["a", "b"], ["a"])
