"""The figures of the chapter on activations show the numbers they are given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.figures import activations as figures

NAN = float("nan")


def test_the_norm_map_is_logarithmic_and_says_the_ends():
    table = pd.DataFrame(
        [(0, 0, 100.0, 1), (0, 1, 10.0, 1), (1, 0, 1000.0, 1), (1, 1, 20.0, 1)],
        columns=["layer", "position", "median", "n"],
    )
    shown = figures.norm_map(table)
    trace = shown.figure["data"][0]
    assert np.allclose(trace["z"], [[2, 1], [3, np.log10(20)]])
    assert list(trace["colorbar"]["ticktext"]) == ["10", "20", "50", "100", "200", "500", "1,000"]
    assert "1,000 at position 0 and 20 to 20" in shown.alt


def test_cosines_have_intervals_and_a_band():
    row = {"spread": 0.25, "n": 9, "n_groups": 9}
    table = pd.DataFrame(
        [
            {"layer": 0, "version": "raw", "value": 0.8, "low": 0.7, "high": 0.85, **row},
            {"layer": 0, "version": "centred", "value": 0.1, "low": NAN, "high": NAN, **row},
        ]
    )
    raw, _, band = figures.cosines_of_prompts(table).figure["data"]
    assert raw["error_y"]["array"][0] == pytest.approx(0.05)
    assert raw["error_y"]["arrayminus"][0] == pytest.approx(0.1)
    assert set(np.abs(band["y"])) == {0.25}
    assert "raw 0.80 to 0.80; centred 0.10 to 0.10" in figures.cosines_of_prompts(table).alt


def test_updates_leave_the_share_out():
    parts = {"attention": 1.0, "MLP": 3.0, "both": 2.0, "attention share": 0.25}
    table = pd.DataFrame([{"layer": 0, "part": p, "value": v, "low": v, "high": v} for p, v in parts.items()])
    shown = figures.update_sizes(table)
    assert {t["name"]: t["y"][0] for t in shown.figure["data"]} == {"attention": 1.0, "MLP": 3.0, "both": 2.0}
    assert shown.figure["layout"]["yaxis"]["type"] == "log"


def test_separation_names_the_embedding_and_leaves_out_what_has_no_value():
    row = {"low": 0.1, "high": 0.3, "null": 0.05, "null_high": 0.08, "p": 0.01}
    table = pd.DataFrame(
        [
            {"layer": -1, "value": 0.1, **row},
            {"layer": 0, "value": 0.2, **row},
            {"layer": 1, "value": NAN, **row},
        ]
    )
    shown = figures.class_variance_by_layer(table)
    value, null = shown.figure["data"]
    assert list(value["x"]) == ["embedding", "0"]
    assert null["error_y"]["array"][0] == pytest.approx(0.03)
    assert "0: 20.0%, null 5.0%" in shown.alt


def test_the_plane_is_drawn_twice_with_the_same_points():
    table = pd.DataFrame(
        {
            "id": list("abcd"),
            "text": list("abcd"),
            "emotion": ["anger", "anger", "neutral", "neutral"],
            "permuted": ["neutral", "anger", "anger", "neutral"],
            "first": [1.0, 2, 3, 4],
            "second": [5.0, 6, 7, 8],
        }
    )
    shown = figures.plane(table, [0.5, 0.25], 3)
    points = [sorted(x for t in shown.figure["data"][i : i + 2] for x in t["x"]) for i in (0, 2)]
    assert points == [[1, 2, 3, 4], [1, 2, 3, 4]]
    anger = [sorted(t["x"]) for t in shown.figure["data"] if t["name"] == "anger"]
    assert anger == [[1, 2], [2, 3]]
    assert "50.0% and 25.0%" in shown.alt


def test_the_plane_of_many_labels_names_their_means():
    labels = [f"label {i}" for i in range(8) for _ in range(2)]
    table = pd.DataFrame({"emotion": labels, "permuted": labels[1:] + labels[:1], "text": "t", "id": "i"})
    table = table.assign(first=np.arange(16.0), second=1.0)
    shown = figures.plane(table, [0.5, 0.25], 3)
    dots, means, _, permuted = shown.figure["data"]
    assert list(dots["x"]) == list(range(16))
    assert dict(zip(means["text"], means["x"], strict=True))["label 3"] == 6.5
    assert dict(zip(permuted["text"], permuted["x"], strict=True))["label 3"] == 5.5
    assert "around the named means of labels" in shown.alt
    low, high = shown.figure["layout"]["xaxis"]["range"]
    assert low < min(means["x"])
    assert max(means["x"]) < high < 19


def test_the_activation_map_says_its_largest_mean():
    index = pd.MultiIndex.from_tuples(
        [("anger", "a"), ("anger", "b"), ("neutral", "c")], names=["emotion", "id"]
    )
    table = pd.DataFrame([[1.0, -3.0], [1.0, -1.0], [0.0, 1.0]], index=index, columns=[7, 2])
    shown = figures.activation_map(table, 1)
    assert np.array(shown.figure["data"][0]["z"]).shape == (3, 2)
    assert "-2.00 standard deviations (anger, dimension 2)" in shown.alt
    assert len(shown.figure["layout"]["shapes"]) == 1  # between the two emotions


def test_the_heads_and_the_viewers():
    table = pd.DataFrame([(0, 0, 0.2), (0, 1, 0.6)], columns=["layer", "head", "share"]).assign(
        low=0.1, high=0.7, even=0.3
    )
    assert "20% to 60% of their attention, most L0H1" in figures.sink_heads(table).alt
    weights = np.array([[[1, 0], [0.25, 0.75]], [[1, 0], [0.5, 0.5]]])
    shown = figures.attention_of(["Hi", " you"], weights, "anger", 2)
    assert "25% to 50%" in shown.alt
    assert "L2H1" in shown.markup
    shown = figures.token_sizes(["Hi", " you"], np.array([-1.0, 2.0]), "anger", 2)
    assert "'you', 4.0 times the median, and least 0.5 times" in shown.alt
