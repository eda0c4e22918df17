"""A planted process has the R2 that a long draw of it shows, and none once time is shuffled."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from emotion_utils.core.errors import UserError
from emotion_utils.planted.processes import VectorProcess, random_process, shuffled_in_time


@pytest.fixture(scope="module")
def process():
    return random_process(4, np.random.default_rng(0))


def fitted_r2(states, position):
    """Pooled R2 of ordinary regression on all states of the window before, on a second half of the windows."""
    half = len(states) // 2
    read = states[:, max(0, position - 4) : position].reshape(len(states), -1)
    model = LinearRegression().fit(read[:half], states[:half, position])
    y = states[half:, position]
    return 1 - ((y - model.predict(read[half:])) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum()


@pytest.mark.parametrize("position", [1, 3, 4, 7])
def test_r2_by_position_is_that_of_a_regression_on_what_the_window_holds(process, position):
    states = process.draw(20_000, 8, np.random.default_rng(1))
    assert process.r2_at(position) == pytest.approx(fitted_r2(states, position), abs=0.01)


def test_draws_are_stationary_with_the_autocovariance_of_the_lyapunov_equation(process):
    states = process.draw(20_000, 6, np.random.default_rng(2)) - process.mean
    covariance = process.autocovariance()
    for at in (0, 5):
        assert np.cov(states[:, at].T) == pytest.approx(covariance[:4, :4], abs=0.06 * covariance.max())
    lagged = states[:, 5].T @ states[:, 2] / len(states)
    assert lagged == pytest.approx(covariance[:4, 12:], abs=0.06 * covariance.max())


def test_what_is_new_is_the_noise_once_four_states_are_known(process):
    variance = np.trace(process.autocovariance()[:4, :4])
    assert 1 - process.r2_at(4) == pytest.approx(np.trace(process.noise) / variance)
    assert process.r2_at(9) == process.r2_at(4)
    assert process.r2(5) == pytest.approx(np.mean([process.r2_at(at) for at in (1, 2, 3, 4)]))


def test_an_autoregression_of_one_dimension_has_its_square_as_r2():
    one = VectorProcess(np.array([[0.8]]), np.zeros((1, 1)), np.eye(1), np.zeros(1))
    assert one.r2_at(1) == pytest.approx(0.64)
    assert one.autocovariance()[0, 0] == pytest.approx(1 / (1 - 0.64))


def test_a_massive_dimension_holds_nearly_all_variance_and_its_own_r2():
    usual, massive = (random_process(4, np.random.default_rng(0), massive=m) for m in (0.0, 300.0))
    covariance = massive.autocovariance()[:4, :4]
    assert covariance[0, 0] / np.trace(covariance) > 0.999
    assert massive.mean[0] == 30_000
    first = usual.autocovariance()[0, 0]
    assert massive.r2_at(4) == pytest.approx(1 - usual.noise[0, 0] / first, abs=1e-3)


def test_shuffled_time_keeps_each_position_and_leaves_nothing_to_predict(process):
    states = process.draw(20_000, 6, np.random.default_rng(3))
    shuffled = shuffled_in_time(states, np.random.default_rng(4))
    assert np.sort(shuffled[:, 3, 0]) == pytest.approx(np.sort(states[:, 3, 0]))
    assert fitted_r2(shuffled, 5) == pytest.approx(0, abs=0.005)


def test_a_process_that_grows_and_position_0_are_refused(process):
    with pytest.raises(UserError, match=r"grows by the factor 1\.\d+ in each step"):
        random_process(4, np.random.default_rng(0), near=0.9, far=0.9)
    with pytest.raises(UserError, match="No state stands before position 0"):
        process.r2_at(0)
