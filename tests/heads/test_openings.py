"""Openings that are chosen, and whether the outcome moves, on planted log-probabilities."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from emotion_utils.heads import openings
from emotion_utils.heads.pairs import Pairs

OPENINGS = {"anger": [0, 1, 2], "neutral": [3, 4]}
UNITS = 12


def told(split):
    table = pd.DataFrame(
        {"pair": [f"{split} {i}" for i in range(UNITS)], "emotion": "anger", "unit": range(UNITS), "split": split,
         "version": 0}
    )  # fmt: skip
    model = SimpleNamespace(tokenizer=SimpleNamespace(decode=lambda ids: f" word{ids[0]}"))
    return Pairs(model, table, [[1]] * UNITS, [[2]] * UNITS, [OPENINGS] * UNITS)


def planted(rises, seed=0):
    """Log-probabilities that rise so far after emotional prompts, with noise."""
    rng = np.random.default_rng(seed)
    logs = np.log(np.full((2, UNITS, 5), 0.1)) + rng.normal(0, 0.05, (2, UNITS, 5))
    logs[0] += rises
    return logs


def test_words_that_answer_to_the_cause_are_chosen_and_only_they_count():
    pairs = told("build")
    words = openings.chosen_openings(pairs, range(5), planted([0, 1, 0, -0.5, 0.0]))
    assert words["token"].tolist() == [1, 3]
    assert words["rise"].to_numpy() == pytest.approx([1, -0.5], abs=0.06)
    assert openings.with_openings(pairs, words).openings[0] == {"anger": [1], "neutral": [3]}


def test_where_no_word_answers_every_one_is_kept():
    words = openings.chosen_openings(told("build"), range(5), planted([-1, -1, -1, 1, 1]))
    assert words["token"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("rise", "moves"), [(1.0, True), (0.0, False), (-1.0, False)])
def test_the_outcome_moves_where_its_interval_lies_above_zero(rise, moves):
    pairs = openings._with_odds(told("test"), range(5), planted([rise] * 3 + [0, 0], seed=3))
    row = openings.outcome(pairs).iloc[0]
    assert row["difference"] == pytest.approx(rise, abs=0.06)
    assert bool(row["moves"]) is moves
    assert (row["n"], row["n_groups"]) == (UNITS, UNITS)


def test_odds_from_single_words_are_those_of_their_sum():
    logs = planted([0.3, 0, 0, 0, 0])
    chance = np.exp(logs)
    by_hand = np.log(chance[:, :, :3].sum(axis=2) / chance[:, :, 3:].sum(axis=2))
    assert openings._with_odds(told("test"), range(5), logs).untouched == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("difference", "low", "moves", "some"),
    [
        (0.3, 0.1, True, True),
        (0.3, float("nan"), True, False),
        (0.6, float("nan"), True, True),
        (9.0, -1.0, False, False),
    ],
)
def test_there_is_something_to_carry_where_the_outcome_surely_moves(difference, low, moves, some):
    rows = {"difference": [difference, -0.1], "low": [low, low], "moves": [moves, False]}
    assert openings.anything_to_carry(pd.DataFrame(rows)) is some
