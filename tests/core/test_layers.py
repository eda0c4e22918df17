"""Layers as ranges, and some of many."""

from __future__ import annotations

from emotion_utils.core.layers import layers_in_words, some


def test_few_layers_are_listed_and_many_are_ranges():
    assert layers_in_words([]) == "no layer"
    assert layers_in_words([7]) == "layer 7"
    assert layers_in_words([2, 0, 1, 3]) == "layers 0, 1, 2, 3"
    assert layers_in_words([*range(2, 10), *range(12, 24)]) == "layers 2–9 and 12–23"
    assert layers_in_words([0, 2, 3, 5, 6, 7]) == "layers 0, 2, 3 and 5–7"
    assert layers_in_words(range(30)) == "layers 0–29"


def test_some_are_the_ends_and_equal_steps_between():
    assert some(range(4)) == [0, 1, 2, 3]
    assert some(range(31), 6) == [0, 6, 12, 18, 24, 30]
    assert some([5, 3], 6) == [3, 5]
