"""Means over labels beside SciPy, and the report's seven labels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emotion_utils.core.errors import UserError
from emotion_utils.features.over_labels import (
    OTHER_LAYERS,
    SAME_LAYER,
    label_means,
    paired_labels,
    published_knockouts,
)


def test_the_reports_mean_difference_is_not_significant_at_equal_or_at_other_layers():
    found = published_knockouts().set_index("layers")
    jpn = np.array([-88.6, -84.2, -62.5, -20.0, -51.7, -28.3, -71.7])  # table 3 of the report
    base = np.array([-66.7, -87.5, -95.0, -92.5, -29.2, -67.5, -80.8])
    row = found.loc[OTHER_LAYERS]
    assert row["mean"] == pytest.approx((jpn - base).mean())
    assert row["p_t"] == pytest.approx(stats.ttest_rel(jpn, base).pvalue)
    assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(jpn, base).pvalue)
    flipped = [abs(np.mean(np.array(s) * (jpn - base))) for s in product((1, -1), repeat=7)]
    assert row["p"] == pytest.approx(np.mean(np.array(flipped) >= abs((jpn - base).mean()) - 1e-9))
    ends = stats.ttest_rel(jpn, base).confidence_interval()
    assert (row["t_low"], row["t_high"]) == pytest.approx((ends.low, ends.high))
    assert row["t_low"] < 0 < row["t_high"]
    # the report's own means, to the rounding of its table, and p values known from its table 8
    assert row["of_first"] == pytest.approx(-58.1, abs=0.06)
    assert found.loc[SAME_LAYER, "of_first"] == pytest.approx(-67.9, abs=0.06)
    assert found.loc[SAME_LAYER, "p"] == pytest.approx(104 / 128)
    assert (found["labels"] == 7).all()


def test_a_planted_difference_is_found_and_one_that_is_none_is_not():
    rng = np.random.default_rng(0)
    values = {"planted": rng.normal(1, 0.5, 24), "none": rng.normal(0, 0.5, 24)}
    found = label_means(values).set_index("measure")
    for name, own in values.items():
        row, test = found.loc[name], stats.ttest_1samp(own, 0)
        assert (row["mean"], row["p_t"]) == pytest.approx((own.mean(), test.pvalue))
        assert row["low"] < own.mean() < row["high"]
        assert row["low"] == pytest.approx(test.confidence_interval().low, abs=0.08)
    assert found.loc["planted", ["p", "p_t", "p_wilcoxon"]].max() < 0.001
    assert found.loc["none", ["p", "p_t", "p_wilcoxon"]].min() > 0.05


def test_tables_are_paired_by_label_whatever_their_order():
    one = pd.DataFrame({"label": list("abc"), "drop": [3.0, 2.0, np.nan]})
    other = pd.DataFrame({"label": list("cba"), "drop": [0.0, 1.0, 1.0]})
    row = paired_labels(one, other, ["drop"]).iloc[0]
    assert row[["of_first", "of_second", "mean", "labels"]].tolist() == pytest.approx([2.5, 1.0, 1.5, 2])
    with pytest.raises(UserError, match="only one of the two tables has 'c'"):
        paired_labels(one, other.replace("c", "d").assign(label=list("dba")), ["drop"])
