"""Parts of sentences leave out what there is not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emotion_utils.statistics.in_words import between, span


def test_an_interval_is_said_where_there_is_one() -> None:
    assert between(-0.104, 0.25) == " (-0.10 to 0.25)"
    assert between(0.1, 0.2, "+.1f") == " (+0.1 to +0.2)"
    assert between(float("nan"), 0.2) == between(0.1, float("nan")) == ""


def test_one_value_is_no_span():
    assert span([0.011, 0.012], ".0%") == "1%"
    assert span(pd.Series([0.1, 0.3]), ".0%") == "10% to 30%"
    assert span(pd.Series([np.nan, 0.2, 0.1])) == "0.10 to 0.20"
