"""The numbers of Chapter 4's sentences before any map, counted by hand, where all, none and one row are small."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.subspaces import findings


@pytest.mark.parametrize(
    ("ps", "small", "corrected"),
    [((0.01, 0.05), 2, 2), ((0.03, 0.06), 1, 0), ((0.5, 0.06), 0, 0), ((0.05,), 1, 1)],
)
def test_small_p_are_counted_by_k(ps, small, corrected):
    chance = {"chance": 0.1, "cosine_chance": 0.2, "cosine_spread": 0.3}
    rows = [{"k": 2, "overlap": 0.1 * i, "cosine": 0.5, "p": p, **chance} for i, p in enumerate(ps, 1)]
    rows.append({"k": 5, "overlap": 0.9, "cosine": 0.7, "p": 0.9, **chance})
    two, five = findings.raw_by_k(pd.DataFrame(rows))
    overlap = sum(0.1 * i for i in range(1, len(ps) + 1)) / len(ps)
    assert two == (2, pytest.approx(overlap), 0.1, 0.5, 0.2, 0.3, corrected, small, len(ps))
    assert five == (5, 0.9, 0.1, 0.7, 0.2, 0.3, 0, 0, 1)


def test_without_pairs_of_equal_width_there_is_nothing_to_say():
    assert findings.raw_by_k(pd.DataFrame(columns=["k", "overlap", "cosine", "p"])) == []


@pytest.mark.parametrize(
    ("ps", "small", "corrected", "most"),
    [  # of nine tests, the i-th smallest p has to be at most i * 0.05 / 9
        ({"a": (0.01, 0.02, 0.05), "b": (0.01, 0.01, 0.2)}, 5, 4, ("a", "b")),
        ({"a": (0.01, 0.5, 0.5), "b": (0.2, 0.2, 0.2)}, 1, 0, ()),
        ({"a": (0.5, 0.5, 0.5), "b": (0.01, 0.01, 0.06)}, 2, 2, ("b",)),
        ({"a": (0.5, 0.5, 0.5), "b": (0.06, 0.2, 0.2)}, 0, 0, ()),
    ],
)
def test_emotions_below_the_reference_are_counted_by_model(ps, small, corrected, most):
    rows = [
        {"model": model, "value": 0.2, "reference": 0.3, "p": p}
        for model, values in {**ps, "blind": (0.04, 0.5, 0.5)}.items()
        for p in values
    ]
    found = findings.neutral_variance(pd.DataFrame(rows), ["a", "b"])
    assert (found.small, found.corrected, found.n, found.most) == (small, corrected, 6, most)
    assert (found.value, found.reference, found.expected) == pytest.approx((0.2, 0.3, 0.3))
    assert found.controls == (("blind", 0, 3),)
    alone = findings.neutral_variance(pd.DataFrame(rows), ["a", "b", "blind"])
    assert (alone.n, alone.controls) == (9, ())
