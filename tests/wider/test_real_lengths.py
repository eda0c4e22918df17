"""Lengths of real vectors, beside the order of the reports' scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import read_claims
from emotion_utils.wider.lengths import Sweep
from emotion_utils.wider.real_lengths import FAMILIES, at_real_lengths, ordering, real_lengths


def test_lengths_are_those_of_centred_vectors():
    """Four vectors at the corners of a square of half width 3 around any point are 3√2 long."""
    square = 3.0 * np.array([[1, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]]) + [5, -7, 100]
    table = real_lengths({"a": ((4, 9), np.stack([square, 2 * square]))})
    assert table["layer"].tolist() == [4, 9]
    assert table[["low", "median", "high"]].to_numpy() == pytest.approx(
        np.outer([1, 2], np.full(3, 3 * np.sqrt(2)))
    )
    assert (table["n"] == 4).all()
    uneven = real_lengths({"b": ((0,), np.array([[[2.0], [0.0], [-2.0]]]))})
    assert uneven[["low", "median", "high"]].to_numpy().tolist() == [[0, 2, 2]]


@pytest.mark.parametrize(
    ("layers", "values"),
    [((0, 1), np.ones((1, 2, 3))), ((0,), np.ones((1, 1, 3))), ((0,), np.full((1, 2, 3), np.nan))],
)
def test_vectors_without_a_length_are_refused(layers, values):
    with pytest.raises(UserError, match="The vectors of a have the shape"):
        real_lengths({"a": (layers, values)})


def lengths(**of_model: tuple[float, float]):
    """A model's emotion vectors, two layers of such lengths."""
    sets = {
        FAMILIES[name.replace("_", "-")]: ((0, 1), np.array([[[one], [-one]], [[two], [-two]]], dtype=float))
        for name, (one, two) in of_model.items()
    }
    return real_lengths(sets)


def test_the_order_of_scores_is_that_of_lengths_turned_round():
    found = ordering(lengths(llama3_8b=(0.6, 3.4), qwen3_8b=(4.4, 39), gemma3_12b=(8, 1174)))
    assert found.table["lengths_of"].tolist() == ["Llama 3.1 8B", "Qwen3 8B", "Gemma 3 270M"]
    reports = read_claims().set_index("id")["lo"]
    assert found.table["report"].tolist() == [reports[claim] for claim in found.table["claim"]]
    assert found.table["report"].is_monotonic_decreasing
    assert (found.correlation, found.p, found.least) == pytest.approx((-1, 1 / 6, 1 / 6))
    assert not found.apart  # 39 is longer than 8
    assert ordering(lengths(llama3_8b=(1, 2), qwen3_8b=(3, 4), gemma3_12b=(8, 9))).apart


def test_an_order_that_does_not_fit_is_not_called_so():
    found = ordering(lengths(llama3_8b=(10, 11), qwen3_8b=(5, 6), gemma3_12b=(1, 2)))
    assert found.correlation == pytest.approx(1)
    assert found.p == pytest.approx(1)


def test_lengths_that_are_missing_are_named():
    with pytest.raises(UserError, match="no lengths of Gemma 3 270M for gemma3-12b"):
        ordering(lengths(llama3_8b=(1, 2), qwen3_8b=(1, 2)))


def test_a_target_as_long_as_a_family_has_the_score_of_that_factor():
    """On a curve that is known: score 0.01 at a factor of 1, falling with its square."""
    factors = (0.001, 0.01, 0.1, 1.0, 10.0)
    curve = 0.01 * np.array(factors) ** -2.0
    found = Sweep(factors, np.stack([curve, 2 * curve, 4 * curve]), {}, 0.0, 1.0, 70)
    of_family = lengths(llama3_8b=(0.5, 2), qwen3_8b=(8, 20), gemma3_12b=(100, 3000))
    table = at_real_lengths(found, of_family, 10.0).set_index("lengths_of")
    row = table.loc["Llama 3.1 8B"]
    assert row[["factor_low", "factor_high"]].tolist() == pytest.approx([0.05, 0.2])
    assert row[["after_low", "after_high"]].astype(float).tolist() == pytest.approx([0.25, 4.0])
    assert row[["permuted_low", "permuted_high"]].astype(float).tolist() == pytest.approx([0.75, 12.0])
    assert row["inside"] is True  # the report's 0.46
    assert table.loc["Qwen3 8B", "inside"] is False  # 0.055 and 0.0025 to 0.016
    assert table.loc["Gemma 3 270M", "inside"] is None  # 300 times: beyond the factors
    assert pd.isna(table.loc["Gemma 3 270M", "after_low"])
    with pytest.raises(UserError, match=r"own length is 0\.0"):
        at_real_lengths(found, of_family, 0.0)
