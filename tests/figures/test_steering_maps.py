"""Maps over depth and strength: what they draw, say and carry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.figures import steering_maps as maps
from emotion_utils.plots.style import label_colours

EMOTIONS = ["gratitude", "anger", "apology"]


@pytest.fixture
def summary():
    rows = [
        (emotion, layer, alpha, share, cost)
        for emotion in EMOTIONS
        for layer in (4, 29)
        for alpha, share, cost in ((-1.0, 0.0, 0.5), (0.5, 0.25, 0.7), (1.0, 0.5 + layer / 58, 1.0 + layer))
    ]
    return pd.DataFrame(rows, columns=["emotion", "layer", "alpha", "share", "cost"])


def traces(shown, kind):
    return [t for t in shown.figure["data"] if t["type"] == kind]


def test_the_map_has_a_panel_for_each_emotion_and_crosses_out_what_is_dear(summary):
    shown = maps.layer_alpha(summary, 1.5, summary.iloc[[1]])
    heat = traces(shown, "heatmap")
    assert len(heat) == 3
    assert heat[0]["z"][0] == pytest.approx([0, 0.25, 0.5 + 4 / 58], abs=1e-5)
    assert heat[0]["z"][1] == [0, 0.25, 1]
    assert heat[0]["y"] == ["4", "29"]  # even rows, 25 layers apart
    crosses = [t for t in traces(shown, "scatter") if "costs more" in t["name"]]
    assert all(cross["x"] == ["1", "1"] and cross["y"] == ["4", "29"] for cross in crosses)
    outlined = [t for t in traces(shown, "scatter") if t["name"] == "chosen" and len(t["x"])]
    assert [(t["x"], t["y"]) for t in outlined] == [(["0.5"], ["4"])]
    assert "gratitude 25%" in shown.alt


def test_the_screen_has_a_line_of_each_kind_and_window_over_relative_depth():
    rows = [
        (e, made, where, layer, 0.5, layer + 10.0 * (made == "b"))
        for e in EMOTIONS
        for made in ("a", "b")
        for where in ("first", "all")
        for layer in (0, 3, 9)
    ]
    cells = pd.DataFrame(rows, columns=["emotion", "made", "where", "layer", "alpha", "score"])
    chosen = cells[(cells["made"] == "a") & (cells["where"] == "all") & (cells["layer"] == 3)]
    shown = maps.screen(cells, 10, chosen)
    lines = [t for t in traces(shown, "scatter") if t["mode"] == "lines+markers"]
    assert len(lines) == 3 * 4
    assert list(lines[0]["x"]) == [0.1, 0.4, 1.0]
    ringed = [t for t in traces(shown, "scatter") if t["name"] == "chosen"]
    assert [(list(t["x"]), list(t["y"])) for t in ringed] == [([0.4], [3.0])] * 3
    assert "anger +19.0 nats, b, layer 9" in shown.alt


def test_the_frontier_joins_what_nothing_beats():
    rows = [
        (made, "at the end", emotion, layer, alpha, share, cost)
        for made in ("minus neutral", "centred")
        for emotion in EMOTIONS
        for layer in range(2)
        for alpha, share, cost in ((-1.0, 0.0, 0.5), (0.5, 0.25, 0.7), (1.0, 0.5 + layer / 2, 1.0 + layer))
    ]
    summary = pd.DataFrame(rows, columns=["made", "where", "emotion", "layer", "alpha", "share", "cost"])
    points = pd.DataFrame({"cost": [1.0, 2.0, 3.0, 0.5, np.nan], "share": [0.5, 0.4, 0.9, 0.1, 1.0]})
    best = maps.unbeaten(points)
    assert list(zip(best["cost"], best["share"], strict=True)) == [(0.5, 0.1), (1.0, 0.5), (3.0, 0.9)]
    shown = maps.frontier(summary, 1.5, 0.5)
    assert "gratitude 2, anger 2, apology 2" in shown.alt
    dear = maps.frontier(summary.assign(cost=[30.0, *summary["cost"][1:-1], 30.0]), 1.5, 0.5)
    assert dear.figure["layout"]["xaxis"]["range"][1] == pytest.approx(np.log10(maps.DEAREST))
    assert "here 1 of 24, lie outside" in dear.markup  # the other one has a negative strength


def test_six_own_labels_stand_in_two_rows_and_none_looks_like_another(summary):
    labels = ["joy", "anger", "worry", "calm", "grief", "喜び"]
    own = summary[summary["emotion"] == "anger"].assign(made="minus others", where="everywhere")
    both = pd.concat([own.assign(emotion=label) for label in labels])
    shown = maps.layer_alpha(both, 1.5)
    assert len(traces(shown, "heatmap")) == 6
    assert {t.get("xaxis", "x") for t in traces(shown, "heatmap")} == {"x", "x2", "x3", "x4", "x5", "x6"}
    assert shown.figure["layout"]["height"] > maps.layer_alpha(summary, 1.5).figure["layout"]["height"]
    looks = set(zip(label_colours(labels).values(), maps.symbols_of(labels).values(), strict=True))
    assert len({colour for colour, _ in looks}) == 6
    assert list(maps.symbols_of(EMOTIONS).values()) == ["circle", "square", "diamond"]
    assert (
        len({t["marker"]["color"] for t in traces(maps.frontier(both, 1.5, 0.8), "scatter") if t.get("name")})
        == 6
    )
