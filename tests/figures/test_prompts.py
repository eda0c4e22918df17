"""The dataset figures show the numbers they are given."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.figures.prompts import baseline_scores, length_distribution
from emotion_utils.plots.style import EMOTION_COLOURS, GREY, label_colours


def test_the_bars_of_the_length_figure_sum_to_the_prompts():
    lengths = pd.DataFrame(
        {
            "emotion": ["anger", "anger", "neutral"],
            "unit": "tokens",
            "length": [5, 7, 7],
            "id": ["a", "b", "c"],
        }
    )
    shown = length_distribution(lengths)
    bars = {bar["name"]: dict(zip(bar["x"], bar["y"], strict=True)) for bar in shown.figure["data"]}
    assert bars == {"anger": {5: 1, 7: 1}, "neutral": {7: 1}}
    assert "5 to 7 tokens, most often 7" in shown.alt


def test_the_baseline_figure_has_score_interval_null_and_chance():
    row = {
        "metric": "accuracy",
        "value": 0.6,
        "low": 0.5,
        "high": 0.8,
        "chance": 0.25,
        "null": 0.3,
        "null_high": 0.4,
    }
    table = pd.DataFrame(
        [
            {"train": "a", "test": "held-out folds", **row},
            {"train": "a", "test": "b", **row, "value": 0.7},
            {"train": "c", "test": "b", **row, "value": float("nan")},
        ]
    )
    score, null, chance = baseline_scores(table).figure["data"]
    assert list(score["x"]) == [0.6, 0.7]
    assert list(score["y"]) == ["a, folds", "a → b"]
    assert score["error_x"]["array"][0] == pytest.approx(0.2)
    assert score["error_x"]["arrayminus"][0] == pytest.approx(0.1)
    assert null["error_x"]["array"][0] == pytest.approx(0.1)
    assert list(chance["x"]) == [0.25, 0.25]


def test_many_labels_have_a_box_each_the_shortest_first():
    rows = [(f"label {i:02d}", 20 - i + j, f"{i}-{j}") for i in range(20) for j in range(3)]
    lengths = pd.DataFrame(rows, columns=["emotion", "length", "id"]).assign(unit="tokens")
    shown = length_distribution(lengths)
    assert [box["name"] for box in shown.figure["data"]] == [f"label {i:02d}" for i in reversed(range(20))]
    assert "from 2 tokens (label 19) to 21 (label 00), single prompts from 1 to 22" in shown.alt


def test_labels_of_a_figure_have_colours_of_their_own():
    assert label_colours(["anger", "neutral"]) == {"anger": EMOTION_COLOURS["anger"], "neutral": GREY}
    for labels in (["joy", "worry", "calm", "dread", "grief", "pride"], ["anger", "joy", "喜び", "neutral"]):
        colours = label_colours(labels)
        assert list(colours) == labels
        assert len(set(colours.values())) == len(labels)
    assert len(label_colours(f"label {i}" for i in range(30))) == 30
