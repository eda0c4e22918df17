"""The picture of the welcome page says what its numbers say."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.book.figures import reported_and_ours
from emotion_utils.ledger.picture import COLUMNS

NAN = float("nan")


def table(null: float, model: str = "SmolLM2 135M, pretrained") -> pd.DataFrame:
    rows = [
        ("a", "Shared <b>", "nothing there", "x", null, null, null),
        ("a", "Shared <b>", "ours", model, 0.993, NAN, NAN),
        ("a", "Shared <b>", "reported", "the reports", 0.99, 0.99, 0.99),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize(
    ("null", "title"),
    [
        (0.998, "What shares nothing scores 0.99 as well"),
        (0.3, "What is reported, what we measure, and what nothing gives"),
    ],
)
def test_the_title_says_whether_nothing_reaches_what_is_reported(null, title):
    shown = reported_and_ours(table(null))
    assert shown.title == title
    assert "reported 0.99, ours 0.99 to 0.99" in shown.alt


@pytest.mark.parametrize(
    ("model", "name"),
    [("SmolLM2 135M, pretrained", "ours, pretrained"), ("small-gpt2, small world", "ours, small world")],
)
def test_real_models_and_small_ones_have_marks_of_their_own(model, name):
    shown = reported_and_ours(table(0.3, model))
    names = {trace.get("name") for trace in shown.figure["data"]}
    assert names == {"nothing there", name, "reported"}
