"""Simulated paired tests: designs have the mean and variance they state, and the committed table keeps its bars."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.calibration import ledger, paired
from emotion_utils.statistics import paired as statistics_paired

ALONE = [name for name, design in paired.DESIGNS.items() if design.units == paired.PAIRS]


@pytest.mark.parametrize("name", list(paired.DESIGNS))
@pytest.mark.parametrize("effect", paired.EFFECTS)
def test_designs_have_the_mean_they_state(name, effect):
    design = paired.DESIGNS[name]
    x = paired._drawn(design, np.random.default_rng(1), 20_000, effect)
    error = x.std() * np.sqrt((1 + 0.5 * (paired.PAIRS // design.units - 1)) / x.size)
    assert x.mean() == pytest.approx(effect * design.spread, abs=4.5 * error)
    if effect == 0:
        assert x.std() == pytest.approx(design.spread, rel=0.03)


@pytest.mark.parametrize("name", ALONE)
def test_designs_are_mostly_named_by_their_shape(name):
    design = paired.DESIGNS[name]
    named = statistics_paired.shapes(design.draw(np.random.default_rng(2), (paired.PAIRS, 200), 0.0))
    assert named.count(design.shape) > 100


def test_pairs_of_a_template_share_half_of_their_variance():
    x = paired._drawn(paired.DESIGNS["normal, 14 templates of 5"], np.random.default_rng(3), 4000, 0.0)
    assert np.corrcoef(x[1], x[2])[0, 1] == pytest.approx(0.5, abs=0.05)
    assert abs(np.corrcoef(x[4], x[5])[0, 1]) < 0.06


def test_a_broken_interval_would_be_seen():
    found = paired.trials(("normal, 14 templates of 5",), 1000, n_resamples=500, n_flips=400)
    assert (found["covered_percentile"] < found["covered"]).all()
    broken = found.assign(shape="symmetric", covered=found["covered_percentile"])
    assert not paired.summary(broken)["within"].iloc[0]


def test_the_committed_table_keeps_the_bars():
    section = ledger.read("statistics")
    trials = section.tables["trials"]
    assert (trials["n"] >= 10_000).all()
    smooth = trials[trials["shape"] == "symmetric"]
    size = (smooth["rejected"] / smooth["n"])[smooth["effect"] == 0]
    assert size.between(0.04, 0.06).all()
    assert (smooth["covered"] / smooth["n"]).between(0.93, 0.97).all()
    counts = trials[(trials["shape"] == "counts") & (trials["effect"] == 0)]
    assert (counts["rejected"] / counts["n"]).max() <= 0.06
    many = section.tables["families"].set_index("correction")
    # no correction errs far more often, and would be seen
    assert many.loc["none", "low"].min() > 0.2
    for name in ("max-T", "Holm"):
        assert (many.loc[name, "low"] <= 0.05).all()
    assert (many.loc["Benjamini-Hochberg", "false_share"] <= 0.05).all()


def test_what_was_measured_is_measured_again():
    trials = ledger.read("statistics").tables["trials"]
    again = paired.trials(("normal", "log-normal"), 1000, seed=7)
    both = trials.merge(again, on=["design", "effect"], suffixes=("", "_again"))
    rates, seen = both["covered"] / both["n"], both["covered_again"] / both["n_again"]
    error = np.sqrt(rates * (1 - rates) * (1 / both["n"] + 1 / both["n_again"]))
    assert (np.abs(rates - seen) < 4 * error).all()
