"""Rows of unequal length read as the lists that they were made from."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.models.ragged import Ragged, ranges

ROWS = [[3, 1], [], [4, 1, 5]]
PAIRS = [[(0, 0), (0, 2)], [], [(1, 3)]]


@pytest.mark.parametrize(("rows", "width"), [(ROWS, 1), (PAIRS, 2), ([], 1), ([], 2)])
def test_rows_come_back(rows, width):
    found = Ragged.of(rows, width)
    assert list(found) == rows
    assert found[:2] == rows[:2]
    assert len(found) == len(rows)
    assert found.lengths.tolist() == [len(row) for row in rows]
    assert found == Ragged.of(rows, width)
    assert Ragged.joined([found, found]) == Ragged.of(rows + rows, width)


def test_a_row_is_found_from_either_end_and_no_further():
    found = Ragged.of(ROWS)
    assert found[-1] == found[np.int64(2)] == [4, 1, 5]
    with pytest.raises(IndexError):
        found[3]
    assert found != Ragged.of([[3, 1, 4], [], [1, 5]])
    assert found != ROWS
    assert repr(found) == "Ragged(3 rows, 5 items)"


def test_ranges_stand_one_after_another():
    run, number = ranges(np.array([5, 0, 2]), np.array([2, 0, 3]))
    assert run.tolist() == [0, 0, 2, 2, 2]
    assert number.tolist() == [5, 6, 2, 3, 4]
