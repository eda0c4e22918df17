"""Budgets by hand: allowances, the one share of all parts, layers by depth, and tokens that are counted."""

from __future__ import annotations

from itertools import pairwise

import pytest

from emotion_utils.core import budget
from emotion_utils.core.budget import Part, allot, allowance, by_depth, counted, spend
from emotion_utils.core.errors import UserError


def test_a_small_model_reads_as_many_tokens_as_cost_the_same():
    assert allowance(150_000, 8_000_000_000) == allowance(150_000, budget.REFERENCE) == 150_000
    assert allowance(150_000, budget.REFERENCE // 100) == 15_000_000
    with pytest.raises(UserError, match="at least one token and parameter, not 0 and 5"):
        allowance(0, 5)


def test_every_part_gets_its_least_and_the_same_share_of_the_rest():
    parts = [Part("texts", 4, 24, 10.0), Part("layers", 8, 28, 5.0), Part("extra", 0, 10, 10.0)]
    # least: 40 + 40 + 0; all: 240 + 140 + 100; half of the rest costs 100 + 50 + 50, and a bit more of it buys no unit
    found = allot(parts, 280)
    assert found.sizes == {"texts": 14, "layers": 18, "extra": 5}
    assert found.planned == 280
    assert 0.5 <= found.share < 0.55 + 1e-9
    assert allot(parts, 279).planned < 280
    assert allot(parts, 480).sizes == {"texts": 24, "layers": 28, "extra": 10}
    table = found.table().set_index("part")
    assert table.loc["texts", ["run", "wanted", "left_out", "tokens"]].tolist() == [14, 24, 10, 140]


def test_the_least_is_run_even_where_it_costs_more_and_never_more_than_is_wanted():
    found = allot([Part("texts", 5, 3, 100.0), Part("layers", 2, 9, 1.0)], 10)
    assert found.sizes == {"texts": 3, "layers": 2}
    assert found.planned == 302


def test_layers_stand_at_even_steps_of_depth():
    assert by_depth(30, 6) == [4, 9, 14, 19, 24, 29]
    assert by_depth(30, 30) == by_depth(30, 99) == list(range(30))
    for n in range(1, 19):
        layers = by_depth(18, n)
        assert len(set(layers)) == n
        assert layers[-1] == 17
        steps = [b - a for a, b in pairwise(layers)]
        assert not steps or max(steps) - min(steps) <= 1


def test_tokens_are_counted_inside_and_only_there():
    spend(5)
    with counted() as outer:
        spend(2)
        with counted() as inner:
            spend(0.5)
        spend(1)
    spend(7)
    assert (outer.tokens, inner.tokens) == (3.5, 0.5)
