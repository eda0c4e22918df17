"""The report's numbers of a circuit are those of its effects, with draws that go with them."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_classifiers import ids, tiny

from emotion_utils.siblings.depth import EARLY, LATE, SIZE, TOTAL, circuit_numbers
from emotion_utils.siblings.patching import depth_shares, effects, patch
from emotion_utils.siblings.post_pairs import pairs_of

N = 24


@pytest.fixture(scope="module")
def classifier():
    return tiny("gemma2")


@pytest.fixture(scope="module")
def pairs():
    label = np.arange(2 * N) % 3
    chosen = np.stack([np.arange(N), np.arange(N) + N + (label[:N] == label[N:])], axis=1)
    chosen[:, 1] %= 2 * N
    return pairs_of(ids(2 * N), label, chosen)


def test_numbers_of_a_circuit_are_those_of_its_effects(classifier, pairs):
    found = patch(classifier, pairs)
    numbers = circuit_numbers(found, 2, n_resamples=300)
    table = effects(found, least=1e-3, n_resamples=50)
    assert numbers.value[SIZE] == table["circuit"].sum()
    assert numbers.value[TOTAL] == pytest.approx(table["published"].sum())
    shares = depth_shares(table, 2)
    assert numbers.value[LATE] == pytest.approx(shares["last"], nan_ok=True)
    assert numbers.value[EARLY] == pytest.approx(shares["first"] + shares["middle"], nan_ok=True)
    rows = numbers.table().set_index("quantity")
    assert (rows["low"] <= rows["high"]).all() or table["circuit"].sum() == 0
    other = circuit_numbers(patch(classifier, pairs.take(np.arange(len(pairs)) % 2 == 0)), 2, n_resamples=300)
    value, low, high = numbers.ratio(other)
    assert value == pytest.approx(numbers.value[TOTAL] / other.value[TOTAL])
    assert low < value < high
    none = circuit_numbers(found, 2, tau=1e9, n_resamples=50)
    assert none.value[SIZE] == 0
    assert np.isnan(none.value[LATE])
