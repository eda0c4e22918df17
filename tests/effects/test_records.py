"""One effect is checked when it is made, and a table has a row for each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.effects.records import Effect

GIVEN = ("05_steering", "small-gpt2", "anger", "steered to anger", "sentiment (VADER)")
EFFECT = Effect(*GIVEN, np.array([0.5, np.nan, -0.1, 0.2]), np.array([0, 0, 1, 2]), np.array(list("abcd")))


def test_the_mean_is_that_of_what_is_known():
    assert EFFECT.known.tolist() == [True, False, True, True]
    assert EFFECT.mean == pytest.approx(0.2)


def test_units_and_prompts_are_texts_and_differences_double():
    made = Effect(*GIVEN, np.array([1.0], dtype=np.float32), np.array([7]), np.array([3]))
    assert (made.units[0], made.prompts[0], made.differences.dtype) == ("7", "3", np.float64)


def test_nothing_known_has_no_mean():
    empty = replace(EFFECT, differences=np.full(4, np.nan))
    assert np.isnan(empty.mean)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_difference_names_model_outcome_and_prompt(value):
    with pytest.raises(UserError, match=r"sentiment \(VADER\).*small-gpt2.*prompt c"):
        replace(EFFECT, differences=np.array([0.0, 0.0, value, 0.0]))


def test_lengths_and_repeated_prompts_are_refused():
    with pytest.raises(UserError, match="4 differences and 3 units"):
        replace(EFFECT, units=np.array([0, 0, 1]))
    with pytest.raises(UserError, match='prompt "a" 3 times'):
        replace(EFFECT, prompts=np.array(list("aaba")))
    with pytest.raises(UserError, match="no pair"):
        replace(EFFECT, differences=np.zeros(0), units=np.zeros(0), prompts=np.zeros(0))
