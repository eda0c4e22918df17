"""In how many dimensions states vary: on states whose number is known, and the committed table."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.calibration import ledger, real_states
from emotion_utils.core.errors import UserError


@pytest.mark.parametrize("dims", [1, 5, 40])
def test_equal_variances_count_as_so_many_dimensions(dims):
    states = np.zeros((120, 60))
    states[:, :dims] = np.random.default_rng(dims).normal(size=(120, dims)) + 3.0
    assert real_states.effective_dimensions(states) == pytest.approx(dims, rel=0.1)


def test_few_rows_do_not_lower_the_estimate():
    rng = np.random.default_rng(0)
    estimates = [real_states.effective_dimensions(rng.normal(size=(20, 50))) for _ in range(300)]
    assert np.median(estimates) == pytest.approx(50, rel=0.1)


def test_unequal_variances_count_by_their_squares():
    deviations = np.array([3.0, 2.0, 1.0])
    states = np.random.default_rng(1).normal(size=(4000, 3)) * deviations
    assert real_states.effective_dimensions(states) == pytest.approx(14**2 / (81 + 16 + 1), rel=0.05)


def test_three_rows_are_too_few():
    with pytest.raises(UserError, match="at least 4"):
        real_states.effective_dimensions(np.ones((3, 2)))


def test_states_of_a_model_are_measured_by_layer():
    table = real_states.by_layer(["small-gpt2"], "smoke")
    assert table["layer"].tolist() == list(range(len(table)))
    assert (table["n"] == 4).all()
    assert (table["length"] > 0).all()


def test_the_committed_table_is_about_two_pretrained_models():
    table = ledger.read("real states").tables["dimensions"]
    assert table.groupby("model").size().to_dict() == {"gemma3-270m": 18, "smollm2-135m": 30}
    assert (table["n"] == 240).all()
    assert table["dimensions"].between(1, 60).all()
