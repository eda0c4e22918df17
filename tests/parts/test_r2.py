"""R2 and its intervals are those of scikit-learn and of documents drawn again one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_windows import planted_states, thirds
from sklearn.metrics import r2_score

from emotion_utils.core.errors import UserError
from emotion_utils.parts.baselines import fit_baselines
from emotion_utils.parts.error_sums import sum_errors
from emotion_utils.parts.r2 import by_dimension, by_position, r2, r2_table
from emotion_utils.planted.processes import random_process

WIDTH, LENGTH, WINDOWS = 4, 6, 200


@pytest.fixture(scope="module")
def case():
    source = planted_states(random_process(WIDTH, np.random.default_rng(0)), WINDOWS, LENGTH, 1)
    ids = torch.zeros(WINDOWS, LENGTH, dtype=torch.int64)
    training, validation, test = thirds(WINDOWS)
    documents = np.arange(WINDOWS) // 2
    baselines = fit_baselines(source, ids, training, validation)
    # the position mean of the evaluated windows themselves
    own = source.values[0][test, 1:].mean(dim=0)
    predictions = {**baselines[0].predictions(), "own": lambda h, ids: own.expand(len(h), -1, -1)}
    sums = sum_errors(source, ids, test, documents, {0: predictions}, baselines)
    return source.values[0][test].double().numpy(), baselines[0], sums


def row(table, measure, prediction):
    return table[(table["measure"] == measure) & (table["prediction"] == prediction)].iloc[0]


def predicted(case, name):
    h, baselines, _ = case
    ids = torch.zeros(len(h), LENGTH, dtype=torch.int64)
    return baselines.predictions()[name](torch.from_numpy(h).float(), ids).double().numpy()


def test_pooled_r2_is_the_variance_weighted_one_of_scikit_learn(case):
    h, _, sums = case
    table = r2_table(sums, {0: "autoregression"}, n_resamples=50)
    for name in ("position mean", "previous token", "autoregression"):
        y, guess = h[:, 1:].reshape(-1, WIDTH), predicted(case, name).reshape(-1, WIDTH)
        expected = r2_score(y, guess, multioutput="variance_weighted")
        assert row(table, "pooled", name)["r2"] == pytest.approx(expected, abs=1e-5)


def test_the_position_mean_has_r2_0_by_definition_around_itself(case):
    table = r2_table(case[2], {0: "autoregression"}, n_resamples=50)
    assert row(table, "around position mean", "own")["r2"] == pytest.approx(0, abs=1e-6)
    assert -0.1 < row(table, "around position mean", "position mean")["r2"] < 0
    assert row(table, "pooled", "own")["r2"] > 0


def test_later_positions_can_be_taken_alone(case):
    h, _, sums = case
    table = r2_table(sums, {0: "autoregression"}, first=4, n_resamples=50)
    y, guess = h[:, 4:], predicted(case, "autoregression")[:, 3:]
    centre = h[:, 1:].mean(axis=(0, 1))  # of all evaluated states
    expected = 1 - ((y - guess) ** 2).sum() / ((y - centre) ** 2).sum()
    assert row(table, "pooled", "autoregression")["r2"] == pytest.approx(expected, abs=1e-5)


def test_intervals_are_about_those_of_the_jackknife_over_documents(case):
    sums = case[2][0]
    table = r2_table(case[2], {0: "position mean"}, n_resamples=4000)
    total = sums.variances["pooled"].sum(axis=1)
    errors = {name: sums.errors[name]["pooled"].sum(axis=1) for name in ("autoregression", "position mean")}
    n = len(total)

    def left_out(error):
        return np.array([1 - np.delete(error, i).sum() / np.delete(total, i).sum() for i in range(n)])

    for found, values in (
        ("r2", left_out(errors["autoregression"])),
        ("gain", left_out(errors["autoregression"]) - left_out(errors["position mean"])),
    ):
        deviation = np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum())
        own = row(table, "pooled", "autoregression")
        low, high = (own["low"], own["high"]) if found == "r2" else (own["gain_low"], own["gain_high"])
        assert (high - low) / 2 == pytest.approx(2.08 * deviation, rel=0.15)  # t of about 20 documents
        assert (high + low) / 2 == pytest.approx(own[found])


def test_the_best_baseline_gains_nothing_on_itself(case):
    own = row(r2_table(case[2], {0: "autoregression"}, n_resamples=50), "whitened", "autoregression")
    assert (own["gain"], own["gain_low"], own["gain_high"]) == (0, 0, 0)
    assert own["documents"] == 20
    with pytest.raises(UserError, match='no errors of the baseline "best"'):
        r2_table(case[2], {0: "best"})


def test_few_documents_have_no_interval(case):
    _, baselines, _ = case
    source = planted_states(random_process(WIDTH, np.random.default_rng(0)), 6, LENGTH, 1)
    ids = torch.zeros(6, LENGTH, dtype=torch.int64)
    told = ({0: baselines.predictions()}, {0: baselines})
    for documents in (np.zeros(6, dtype=int), np.arange(6)):
        table = r2_table(sum_errors(source, ids, np.arange(6), documents, *told), {0: "autoregression"})
        assert table["low"].isna().all()
        assert table["r2"].notna().all()


def test_by_position_and_by_dimension(case):
    h, _, sums = case
    y, guess = h[:, 1:], predicted(case, "autoregression")
    found = by_position(sums, "around position mean")
    own = found[found["prediction"] == "autoregression"].set_index("position")
    expected = r2_score(y[:, 2], guess[:, 2], multioutput="variance_weighted")
    assert own.loc[3, "r2"] == pytest.approx(expected, abs=1e-5)
    assert own.loc[3, "mse"] == pytest.approx(((y[:, 2] - guess[:, 2]) ** 2).sum(axis=-1).mean(), rel=1e-4)
    each = r2_score(y.reshape(-1, WIDTH), guess.reshape(-1, WIDTH), multioutput="raw_values")
    one = by_dimension(sums, n_resamples=200).set_index("prediction").loc["autoregression"]
    assert (one["mean"], one["median"]) == pytest.approx((each.mean(), np.median(each)), abs=1e-5)
    assert one["median_low"] < one["median"] < one["median_high"]


def test_what_does_not_vary_has_no_r2():
    assert np.isnan(r2(np.ones(3), np.zeros(3)))
    assert r2(np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([[2.0, 2.0], [2.0, 2.0]])).tolist() == [0.5, 0.5]
